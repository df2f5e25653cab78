/**
 * A clock that stands still until a test moves it. Time passes only in `advance`, and timers run only in it.
 */
import { LONGEST_DELAY_MS, type Clock } from '../lib/clock.ts'

interface Timer { readonly at: number, readonly run: () => void }

/** More timers than this in one moment are a loop: no test waits for so many. */
const MOST_TIMERS_IN_ONE_MOMENT = 10_000

/** When `now` begins: any moment would do, as long as it is the same in each run. */
const BEGINNING = Date.UTC(2026, 0, 1)

/** Moved by hand. `elapsed` begins at a number that is not 0, so that nobody relies on one. */
export class ManualClock implements Clock {
  #beginning: number
  readonly #timers = new Set<Timer>()
  #elapsed: number
  #timersSet = 0

  constructor ({ elapsed = 12_345, now = BEGINNING }: { elapsed?: number, now?: number } = {}) {
    this.#elapsed = elapsed
    this.#beginning = now - elapsed
  }

  now (): number {
    return this.#beginning + this.#elapsed
  }

  elapsed (): number {
    return this.#elapsed
  }

  /** Like the system's clock: a negative delay is none, and one that is too long for Node ends early. */
  after (delayMs: number, run: () => void): () => void {
    if (Number.isNaN(delayMs)) throw new RangeError('a timer was set for no time at all: its delay is NaN')
    const timer = { at: this.#elapsed + Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS), run }
    this.#timers.add(timer)
    this.#timersSet++
    return () => { this.#timers.delete(timer) }
  }

  /** How many timers wait to be run. 0 at the end of a test says that nothing was forgotten. */
  get timers (): number {
    return this.#timers.size
  }

  /** How many timers were ever set, those that ran or were cancelled included. */
  get timersSet (): number {
    return this.#timersSet
  }

  /** When the next timer is due, in milliseconds from now; `undefined` where none is set. */
  get nextTimerInMs (): number | undefined {
    const next = this.#next()
    return next === undefined ? undefined : next.at - this.#elapsed
  }

  /**
   * Lets `ms` milliseconds pass. Timers due by then, the last moment included, run in the order of their times, those of
   * one moment in the order in which they were set, each at its own time; so do those that are set meanwhile.
   * It is synchronous: what a timer leaves to a promise runs when the caller awaits.
   */
  advance (ms: number): void {
    const end = this.#elapsed + ms
    let inThisMoment = 0
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      inThisMoment = next.at > this.#elapsed ? 1 : inThisMoment + 1
      if (inThisMoment > MOST_TIMERS_IN_ONE_MOMENT) throw new Error('the clock stands still: a timer sets itself again without delay')
      this.#elapsed = Math.max(this.#elapsed, next.at)
      this.#timers.delete(next)
      next.run()
    }
    this.#elapsed = end
  }

  /** The wall clock is set: forward, or back by a negative number of milliseconds. No time passes by that. */
  set (byMs: number): void {
    this.#beginning += byMs
  }

  #next (): Timer | undefined {
    let next: Timer | undefined
    for (const timer of this.#timers) {
      if (next === undefined || timer.at < next.at) next = timer
    }
    return next
  }
}
