/**
 * Heartbeats: one timer for all connections of one interval. The interval is cut into slices; a connection stands in
 * the slice in which it will have been quiet for long enough. It does not know what a beat is.
 */
import type { Clock } from '../clock.ts'
import { HEARTBEAT_NEIGHBOURS, HEARTBEAT_SLICES } from '../defaults.ts'
import { reportSafely, type Report } from '../guarded.ts'
import { Roster, type RosterMember } from '../roster.ts'

/** Half an interval, in slices. */
const HALF = HEARTBEAT_SLICES / 2
/**
 * Odd, so that it comes to each slice of half an interval, and near the golden section, so that few are spread as
 * evenly as many.
 */
const STEP = 19

/** Something that is to beat when it was quiet. */
export interface Beating extends RosterMember {
  /**
   * The slice, as `Heartbeats.slice` was at the last write. The owner sets it; reading the clock for each write would
   * cost more.
   */
  lastWriteSlice: number
  /** The slice in which it stands, while it is watched. Kept by `Heartbeats` alone. */
  heartbeatSlice: number
  /** Says something. Called when nothing was written for half an interval to a whole one. */
  beat (): void
}

/** The heartbeats of one interval. */
export class Heartbeats {
  readonly #clock: Clock
  readonly #report: Report
  readonly #sliceMs: number
  readonly #slices = Array.from({ length: HEARTBEAT_SLICES }, () => new Roster<Beating>())
  #size = 0
  #neighboursLeft = 0
  /** Begins anywhere: servers that were started together need not beat together. */
  #step = Math.floor(Math.random() * HALF)
  #stopTimer: (() => void) | undefined
  /** The slice that it is now: grows by one each `interval / HEARTBEAT_SLICES`. */
  slice: number

  /** @param report takes what a beat throws: the others beat all the same */
  constructor (clock: Clock, intervalMs: number, report: Report) {
    this.#clock = clock
    this.#report = report
    this.#sliceMs = intervalMs / HEARTBEAT_SLICES
    this.slice = this.#sliceNow()
  }

  /** True while nobody is watched. */
  get isIdle (): boolean { return this.#size === 0 }

  /** Begins to watch `beating`. */
  add (beating: Beating): void {
    if (this.#size++ === 0) {
      this.slice = this.#sliceNow()
      this.#arm()
    }
    beating.lastWriteSlice = this.slice
    this.#enlist(beating, this.#spread())
  }

  /** Watches it no more. Does nothing for one that is not watched. */
  drop (beating: Beating): void {
    if (!this.#at(beating.heartbeatSlice).delete(beating) || --this.#size > 0) return
    this.#stopTimer?.()
    this.#stopTimer = undefined
  }

  #sliceNow (): number {
    return Math.floor(this.#clock.elapsed() / this.#sliceMs)
  }

  #arm (): void {
    this.#stopTimer = this.#clock.after((this.slice + 1) * this.#sliceMs - this.#clock.elapsed(), () => { this.#tick() })
  }

  #tick (): void {
    this.#stopTimer = undefined
    const now = this.#sliceNow()
    // after a long pause of the process each slice is due once, not once for each missed turn
    this.slice = Math.max(this.slice, now - HEARTBEAT_SLICES)
    while (this.slice < now) {
      this.slice++
      this.#visit(this.#at(this.slice))
    }
    if (this.#size > 0 && this.#stopTimer === undefined) this.#arm()
  }

  #visit (due: Roster<Beating>): void {
    // who beats stays where it is, to be due an interval later; who comes meanwhile, or has to wait, never stands in this slice
    for (const beating of due) {
      // what was written to all at once must not make all beat at once: they spread over the second half of the interval
      const wait = this.#spread() - (this.slice - beating.lastWriteSlice)
      if (wait > 0) {
        due.delete(beating)
        this.#enlist(beating, wait)
      } else {
        try {
          beating.beat()
        } catch (error) {
          reportSafely(error, this.#report)
        }
      }
    }
  }

  /**
   * A number of slices between half an interval and a whole one, so that nobody is quiet for longer than the
   * interval. Those that stand side by side get the same: so does their memory, in this process and in the kernel,
   * which is then read once for all.
   */
  #spread (): number {
    if (this.#neighboursLeft-- === 0) {
      this.#neighboursLeft = HEARTBEAT_NEIGHBOURS - 1
      this.#step = (this.#step + STEP) % HALF
    }
    return HALF + this.#step
  }

  #enlist (beating: Beating, wait: number): void {
    beating.heartbeatSlice = this.slice + wait
    this.#at(beating.heartbeatSlice).add(beating)
  }

  #at (slice: number): Roster<Beating> {
    const found = this.#slices[slice % HEARTBEAT_SLICES]
    if (found === undefined) throw new RangeError(`slice ${slice} is not a non-negative integer`)
    return found
  }
}
