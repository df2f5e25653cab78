/**
 * Who is online: what an application sees of its open streams, and how it chooses among them. The function that
 * chooses is foreign code. How streams are ended is not known here.
 */
import { BadOption, describe, PromisedChoice } from '../errors.ts'
import { isThenable } from '../thenable.ts'

/** What is known of a stream from its beginning on. */
export interface StreamFacts {
  /** Whose it is: what `connectionKey` gave for its request. */
  readonly key: string
  /** The method and the pattern of its route, as `GET /chat`. */
  readonly route: string
  /** What the handler attached by `reply.sse(source, { tag })`: that very value. `undefined` where it attached nothing. */
  readonly tag: unknown
  /** The `id` of its request, as it stands in the log. */
  readonly requestId: string
  /** When it was opened, in milliseconds since the Unix epoch. */
  readonly openedAt: number
}

/** What a stream has sent so far. */
export interface Sent {
  /** Events that were handed to its socket. */
  readonly events: number
  /** Bytes that were handed to its socket, without HTTP's own framing. */
  readonly bytes: number
}

/** One open stream, as it was when it was looked at: frozen, and without any hold on the stream. */
export interface StreamView extends StreamFacts, Sent {}

/** Chooses streams: a synchronous function, whose answer counts as true or false, as that of `Array.filter` does. */
export type StreamPredicate = (stream: StreamView) => unknown

/** A view of a stream. */
export function viewOf ({ key, route, tag, requestId, openedAt }: StreamFacts, { events, bytes }: Sent): StreamView {
  return Object.freeze({ key, route, tag, requestId, openedAt, events, bytes })
}

/** Checks a function that chooses streams. `caller` is the function that it was given to. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function checkPredicate (given: unknown, caller: 'kick' | 'streams'): StreamPredicate {
  if (typeof given === 'function') return given as StreamPredicate // of any function: it is called with a view
  const wanted = caller === 'kick' ? 'a connection key, which is a string, or a function of a stream' : 'a function of a stream, or nothing'
  throw new BadOption(`app.eventfeed.${caller}() takes ${wanted}, not ${describe(given)}`)
}

/**
 * Whether a stream is chosen. Throws what the function throws, and `FST_EVENTFEED_NOT_SYNCHRONOUS` for a promise, which
 * would choose every stream.
 */
export function isChosen (predicate: StreamPredicate, view: StreamView, caller: 'kick' | 'streams'): boolean {
  const answer = predicate(view)
  if (isThenable(answer)) {
    // nobody else hears of its rejection
    Promise.resolve(answer).catch(() => {})
    throw new PromisedChoice(caller, caller)
  }
  return Boolean(answer)
}
