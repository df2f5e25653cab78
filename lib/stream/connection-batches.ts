/**
 * What a connection says by itself: when to come back, that it is still there, that all is said, that the source
 * failed. It knows no state of the connection.
 */
import { jittered } from '../clock.ts'
import { FAILED_RETRY_MS, RETRY_JITTER } from '../defaults.ts'
import { SOURCE_FAILED } from '../errors.ts'
import { Batch } from '../wire/batch.ts'
import type { ControlForm } from '../wire/control-form.ts'
import { encodeFields, retryLine } from '../wire/encode.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import { doneId } from '../wire/protocol.ts'
import type { EventStreamEnded } from './end.ts'
import type { StreamOptions } from './host.ts'

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

/** Says when to come back, where the stream ends before its source does; empty where that is not said. */
export function comeBackAfter (control: ControlForm, retryMs: number): Batch {
  return new Batch(control.comeBack(retryMs))
}

/** How a stream ends: what it says last, and whether its line is cut then. */
export interface StreamEnding {
  /** Empty for nothing. */
  readonly batch: Batch
  readonly isCut: boolean
}

/**
 * How a stream ends.
 *
 * @param ended why it does
 * @param end how its source ended
 * @param lastEventId of its client; `''` where there is none
 */
export function lastWord (ended: EventStreamEnded, end: SourceEnd, control: ControlForm, options: StreamOptions, lastEventId: string): StreamEnding {
  const { reason, detail, retryMs } = ended
  if (reason === 'done') return { batch: new Batch(allSaid(end, control, options, lastEventId)), isCut: false }
  // nobody is there to hear it
  if (reason === 'client' || reason === 'superseded' || reason === 'write-timeout') return { batch: new Batch(''), isCut: false }
  const failed = end.kind === 'failed' && reason === 'failed' ? end : undefined
  const { text, isCut } = control.error({
    type: 'error',
    reason,
    ...detail === undefined ? {} : { detail },
    ...failed === undefined
      ? retryMs === undefined ? {} : { retryMs }
      // later than otherwise
      : { code: failed.code ?? SOURCE_FAILED, retryMs: jittered(Math.max(FAILED_RETRY_MS, options.retryMs), RETRY_JITTER) },
    ...failed?.isFinal === true && options.onEnd === 'stop' ? { id: doneId(lastEventId) } : {}
  })
  return { batch: new Batch(text), isCut }
}

/** What is said last when the source has said all. */
function allSaid (end: SourceEnd, control: ControlForm, { onEnd, done }: StreamOptions, lastEventId: string): string {
  if (onEnd === 'reconnect') return ''
  const marker = done === undefined ? '' : encodeFields({ data: done, event: undefined, id: undefined, retry: undefined, comment: undefined })
  const said = control.done(lastEventId, end.kind === 'done' ? end.reason : undefined)
  return `${marker}${said?.text ?? ''}`
}

/** One batch of two. */
export function joined (first: Batch, second: Batch): Batch {
  return new Batch([first.bytes, second.bytes], first.events + second.events, second.lastEventId ?? first.lastEventId)
}
