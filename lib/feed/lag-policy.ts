/** How far the streams of a feed may fall behind, and what happens to one that is too slow. */

/**
 * What happens to a stream that is too slow: its end, so that the client reconnects and learns of it (`disconnect`);
 * a gap, and on from the oldest entry within the limits (`skip`); a gap, and the newest entry of each key that it
 * missed (`latest`).
 */
export type SlowConsumer = 'disconnect' | 'skip' | 'latest'

/** How far a stream may fall behind the newest entry, once it was caught up. */
export interface LagPolicy {
  readonly mode: SlowConsumer
  /** At most this many bytes of entries. */
  readonly maxLagBytes: number
  /** The oldest entry that it has not received is at most this old, in milliseconds. */
  readonly maxLagMs: number
}
