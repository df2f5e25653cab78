/**
 * Heartbeats: one timer for all connections of one interval. The interval is cut into slices; a connection stands in the slice
 * in which it will have been quiet for long enough. It does not know what a beat is.
 */
import type { Clock } from '../clock.ts'
import { HEARTBEAT_SLICES } from '../defaults.ts'

/** Something that is to beat when it was quiet. */
export interface Beating {
  /** The slice, as `Heartbeats.slice` was at the last write. The owner sets it; reading the clock for each write would cost more. */
  lastWriteSlice: number
  /** Says something. Called when nothing was written for half an interval to a whole one. */
  beat (): void
}

/** The heartbeats of one interval. */
export class Heartbeats {
  readonly #clock: Clock
  readonly #sliceMs: number
  readonly #slices = Array.from({ length: HEARTBEAT_SLICES }, () => new Set<Beating>())
  #size = 0
  #stopTimer: (() => void) | undefined
  /** The slice that it is now: grows by one each `interval / HEARTBEAT_SLICES`. */
  slice: number

  constructor (clock: Clock, intervalMs: number) {
    this.#clock = clock
    this.#sliceMs = intervalMs / HEARTBEAT_SLICES
    this.slice = this.#sliceNow()
  }

  /** Begins to watch `beating`. */
  add (beating: Beating): void {
    if (this.#size++ === 0) {
      this.slice = this.#sliceNow()
      this.#arm()
    }
    beating.lastWriteSlice = this.slice
    this.#enlist(beating, spread())
  }

  /** Watches it no more. Does nothing for one that is not watched. */
  drop (beating: Beating): void {
    for (const slice of this.#slices) {
      if (!slice.delete(beating)) continue
      if (--this.#size === 0) {
        this.#stopTimer?.()
        this.#stopTimer = undefined
      }
      return
    }
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

  #visit (due: Set<Beating>): void {
    // a copy: who beats may leave meanwhile, and who is enlisted anew may come to stand in the same slice
    for (const beating of [...due]) {
      if (!due.delete(beating)) continue
      // what was written to all at once must not make all beat at once: they spread over the second half of the interval
      const wait = spread() - (this.slice - beating.lastWriteSlice)
      if (wait > 0) {
        this.#enlist(beating, wait)
        continue
      }
      this.#enlist(beating, HEARTBEAT_SLICES)
      beating.beat()
    }
  }

  #enlist (beating: Beating, wait: number): void {
    this.#at(this.slice + wait).add(beating)
  }

  #at (slice: number): Set<Beating> {
    const found = this.#slices[slice % HEARTBEAT_SLICES]
    if (found === undefined) throw new RangeError(`slice ${slice} is not a non-negative integer`)
    return found
  }
}

/** A number of slices between half an interval and a whole one, so that nobody is quiet for longer than the interval. */
function spread (): number {
  return Math.ceil(HEARTBEAT_SLICES * (0.5 + Math.random() * 0.5)) - 1
}
