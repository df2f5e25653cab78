/** Why a request gets no stream: a closed set of reasons, and what an `EventSource` learns of each. */

/** All reasons for which a request gets no stream. A mistake of the program, and a `HEAD`, are none of them. */
export const REFUSAL_REASONS = [
  /** The `Accept` of a GET or HEAD refuses event streams. */
  'not-acceptable',
  /** `maxConnections` streams are open, or as many pipelined requests wait. */
  'max-connections',
  /** `maxConnectionsPerKey` streams of the connection key are open. */
  'max-connections-per-key',
  /** The application closes. */
  'drain',
  /** A pipelined request was kicked, or waited too long for the responses ahead of it. */
  'not-begun',
  /** Too many pipelined requests waited on one socket, so the socket was destroyed. */
  'too-many-pipelined'
] as const

/** Why a request gets no stream. */
export type RefusalReason = typeof REFUSAL_REASONS[number]

/** What an `EventSource` is told in a comment. No secrets: whoever asks can read it. */
export const TOLD: Readonly<Record<Exclude<RefusalReason, 'not-acceptable' | 'too-many-pipelined'>, string>> = {
  'max-connections': 'too many connections to this server: come back later',
  'max-connections-per-key': 'too many connections of this client: close some, or come back later',
  drain: 'this server is closing: come back later',
  'not-begun': 'this stream could not begin: come back later'
}
