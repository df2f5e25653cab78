/**
 * What a connection says by itself, as batches: when to come back, that it is still there, that all is said, that the
 * source failed. It knows no state of the connection.
 */
import { jittered } from '../clock.ts'
import { FAILED_RETRY_MS, RETRY_JITTER } from '../defaults.ts'
import { SOURCE_FAILED } from '../errors.ts'
import { Batch } from '../wire/batch.ts'
import { done, failure } from '../wire/control-event.ts'
import { retryLine } from '../wire/encode.ts'

/**
 * What a quiet stream says: an empty comment, which clients skip. Without a blank line, which some clients take for the
 * end of an empty event.
 */
export const HEARTBEAT = new Batch(':\n')

/**
 * The beginning of a stream: when to come back, and its first batch. A client keeps the time until it gets another, so
 * each stream gives one. It needs no blank line, as for a heartbeat.
 */
export function beginning (retryMs: number, first: Batch | undefined): Batch {
  const retry = retryLine(jittered(retryMs, RETRY_JITTER))
  return first === undefined ? new Batch(retry) : new Batch([Buffer.from(retry), first.bytes], first.events, first.lastEventId)
}

/** Says when to come back, where the stream ends before its source does. */
export function comeBackAfter (retryMs: number): Batch {
  return new Batch(`${retryLine(retryMs)}\n`)
}

/** Says that all is said: a client that comes back gets 204. @param lastEventId `''` where there is none */
export function allSaid (lastEventId: string): Batch {
  return new Batch(done(lastEventId))
}

/** Says that the source failed, and when to come back: later than otherwise. */
export function sourceFailed (retryMs: number): Batch {
  return new Batch(failure(SOURCE_FAILED, jittered(Math.max(FAILED_RETRY_MS, retryMs), RETRY_JITTER)))
}

/** One batch of two. */
export function joined (first: Batch, second: Batch): Batch {
  return new Batch([first.bytes, second.bytes], first.events + second.events, second.lastEventId ?? first.lastEventId)
}
