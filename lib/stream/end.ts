/**
 * Why a stream ended: a closed set of reasons, and the error that carries one to whoever waits on the stream's signal.
 */

/** All reasons for which an event stream ends. */
export const END_REASONS = [
  /** The source said all it had to say. */
  'done',
  /** The source failed. */
  'failed',
  /** The client left. */
  'client',
  /** The server closes, or what holds the feed. */
  'drain',
  /**
   * `app.eventfeed.kick()` was called for the stream's connection key, or the signal of its subscription was aborted.
   */
  'kick',
  /** `maxAgeMs` is over. */
  'max-age',
  /** `expiresAt` has come. */
  'expired',
  /** `recheck` did not allow the stream to go on, or failed. */
  'revoked',
  /** No event was sent for `idleTimeoutMs`. */
  'idle',
  /** The socket took nothing for `writeTimeoutMs`. */
  'write-timeout',
  /** The client fell behind what the feed's log keeps. */
  'lagged',
  /**
   * Another answer was sent in the stream's place: by a hook, a time-out, or a handler that did not return the
   * stream.
   */
  'superseded'
] as const

/** Why an event stream ended. */
export type EndReason = typeof END_REASONS[number]

/**
 * What `signal.reason` is when a stream has ended, and what `until()` rejects with. Its name is `AbortError`, so that
 * code that knows aborts treats it as one. It has no stack: that would only show how this package ends streams, and
 * each stream would pay for it.
 */
export class EventStreamEnded extends Error {
  override readonly name = 'AbortError'
  /** As Node's own abort errors have it. */
  readonly code = 'ABORT_ERR'
  /** Why the stream ended. */
  readonly reason: EndReason
  /** What the caller of `kick` gave as its reason. */
  readonly detail: string | undefined
  /** When the client should come back, in milliseconds, where whoever ended the stream has chosen a time. */
  readonly retryMs: number | undefined

  constructor (reason: EndReason, detail?: string, retryMs?: number) {
    const { stackTraceLimit } = Error
    // not by assignment: that throws where an application has frozen `Error`
    Reflect.set(Error, 'stackTraceLimit', 0)
    super(`the event stream has ended: ${reason}${detail === undefined ? '' : ` (${detail})`}`)
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit)
    this.reason = reason
    this.detail = detail
    this.retryMs = retryMs
  }
}

/** What is known of a stream that has ended. */
export interface EndSummary {
  readonly reason: EndReason
  /** What the caller of `kick` gave as its reason. */
  readonly detail: string | undefined
  /** From the call of `reply.sse`, or for a pipelined request from its turn, to the end, in milliseconds. */
  readonly durationMs: number
  /** Events that were handed to the socket. */
  readonly events: number
  /** Bytes of the event stream that were handed to the socket, without HTTP's own framing. */
  readonly bytes: number
  /** What the source failed with, where the reason is `failed`; what `recheck` failed with, where it is `revoked`. */
  readonly error: unknown
}
