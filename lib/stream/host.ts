/** What surrounds a connection: its options, whoever made it, and what all connections share. */
import type { Clock } from '../clock.ts'
import type { Deadlines } from '../deadlines.ts'
import type { EndSummary } from './end.ts'
import type { Heartbeats } from './heartbeat.ts'

/** The options of one stream, complete. */
export interface StreamOptions {
  readonly retryMs: number
  readonly commitDelayMs: number
  readonly maxAgeMs: number
  readonly idleTimeoutMs: number
  readonly recheckIntervalMs: number
  readonly writeTimeoutMs: number
  readonly expiresAt: Date | undefined
  readonly onEnd: 'stop' | 'reconnect'
  /** The data of the last event when the source has said all; `undefined` for no such event. */
  readonly done: string | undefined
}

/** What a connection needs of whoever made it. */
export interface ConnectionHost {
  /** Asks whether the stream may go on: true, or a promise of it. `undefined`: nobody is asked. */
  readonly recheck: (() => unknown) | undefined
  /** Sends the head. Calls `opened` when that is done; where it cannot be done, `end` is called. */
  commit (): void
  /** The source yields events of a type that an `EventSource` takes for news of its connection. May come often. */
  misheard (type: string): void
  /** Answers with an ordinary error: nothing was committed. */
  refuse (error: unknown): void
  /** The stream has ended and its response has finished or closed. Called once. */
  ended (summary: EndSummary): void
  /**
   * The source still runs though the stream has ended; `stopped` is fulfilled when it does not, and rejected when its
   * clean-up failed.
   */
  stillRunning (stopped: Promise<void>): void
}

/** What all connections of a plugin share. */
export interface ConnectionTools {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly heartbeats: Heartbeats | undefined
}
