/** What an answer means for a client: a stream, the end, a refusal, or that it should come back. */
import { retryAfterMs } from './delay.ts'
import { FeedError } from './errors.ts'

/** How an attempt has ended. */
export type AttemptEnd =
  /** For good: by a quiet end, or with an error. */
  | { readonly isFinal: true, readonly error?: unknown, readonly reason?: string | undefined }
  /** The client comes back. `askedMs`: how long the answer wants it to wait, in milliseconds. */
  | { readonly isFinal: false, readonly error: FeedError, readonly askedMs?: number | undefined }

/** `Too Early`, `Request Timeout` and `Too Many Requests`: the same request may succeed later. */
const PASSING = new Set([408, 425, 429])

/** `undefined` for an event stream, which is to be read. */
export function judge (response: Response, now: number): AttemptEnd | undefined {
  const { status, headers } = response
  if (status === 204) return { isFinal: true }
  if (status === 200) {
    if (isEventStream(response)) return undefined
    const what = headers.get('content-type') ?? 'nothing'
    return { isFinal: true, error: new FeedError('NOT_A_STREAM', `the answer is ${what}, not text/event-stream`, { status }) }
  }
  if (status >= 500 || PASSING.has(status)) {
    return {
      isFinal: false,
      error: new FeedError('UNAVAILABLE', `the answer has the status ${status}`, { status }),
      askedMs: retryAfterMs(headers.get('retry-after'), now)
    }
  }
  return { isFinal: true, error: new FeedError('REFUSED', `the answer has the status ${status}`, { status }) }
}

/** True for an answer whose type is that of event streams, whatever its parameters. */
export function isEventStream ({ headers }: Response): boolean {
  return /^\s*text\/event-stream\s*(;|$)/i.test(headers.get('content-type') ?? '')
}
