/**
 * What somebody who wrote a log gives to the claims: how to make one, and what else a test can do with it. The claims
 * know nothing else of a log than its contract.
 */
import type { EventLog } from '../log/contract.ts'
import type { Retention } from '../log/retention.ts'

/**
 * What a log under test may offer beside `make`, and the bounds that it may have. A claim that needs what is not
 * offered is not applicable.
 */
export type LogAbility = OfferedFunction | 'clock' | `retain.${LogBound}`
/** What a log under test may offer as a function. */
export type OfferedFunction = 'reopen' | 'kill' | 'join' | 'rival' | 'failNext' | 'holdCommits' | 'ahead' | 'loseTail'
/** The bounds that not every log has. */
export type LogBound = Exclude<keyof Retention, 'entries'>

/** A time that passes only in `advance`. */
export interface MovableClock {
  /** The time now, in milliseconds since the Unix epoch. */
  now (): number
  /** Lets this many milliseconds pass. */
  advance (ms: number): void
}

/**
 * A kind of log that is to be tested. All but `make` is optional: offer what your log can do. Each function may answer
 * at once or by a promise, unless it says otherwise. What one of them throws fails the claim.
 */
export interface LogUnderTest<Log extends EventLog = EventLog> {
  /**
   * Makes a log that is empty, and of a name or a place of its own, with these bounds. Where a bound is left out, the
   * log keeps at least 2,000 small entries, of any age. It is not opened: the claims call `tail`.
   */
  make (retain: Partial<Retention>): Log | Promise<Log>

  /**
   * Removes what a log has left behind, such as files: called once for each log of `make`, after all holds are closed.
   */
  discard? (log: Log): unknown

  /** The bounds of `retain` that the log has beside `entries`. Default: both. */
  readonly bounds?: readonly LogBound[] | undefined

  /** How long each call may take until it counts as unanswered, in milliseconds of real time. Default: 5,000. */
  readonly answerWithinMs?: number | undefined

  /** The clock by which all logs of `make` measure age. Without it, nothing is claimed about `retain.ageMs`. */
  readonly clock?: MovableClock | undefined

  /** Another hold on the history of a log that was closed or deleted, as the next process makes it. Not opened. */
  reopen? (log: Log): Log | Promise<Log>

  /**
   * Stops an open log as the sudden death of its process does: at once, without `close`. Answers another hold on the
   * same history, as the next process makes it. Not opened.
   */
  kill? (log: Log): Log | Promise<Log>

  /** A second hold on an open log, as another process makes it, where many may have it open. Not opened. */
  join? (log: Log): Log | Promise<Log>

  /** The same where one process only may have it open: its `tail` must fail until the other hold is closed. */
  rival? (log: Log): Log | Promise<Log>

  /** Makes the next append that is committed fail, with those that are committed together with it. */
  failNext? (log: Log): unknown

  /** From now on no append of this log is committed, until the function that it returns at once is called. */
  holdCommits? (log: Log): () => void

  /** A position of the same log that is newer than `position`, the newest one, and was never given. Answers at once. */
  ahead? (position: string): string

  /**
   * Cuts the tails of this hold off: they are told nothing until the function that it returns at once is called. Needs
   * `join`: the other hold appends what the tails then have lost.
   */
  loseTail? (log: Log): () => void
}
