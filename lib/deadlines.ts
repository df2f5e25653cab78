/**
 * All deadlines of all streams, with one timer: a heap ordered by time. It does not know what a deadline is for.
 */
import type { Clock } from './clock.ts'
import { guarded, type Report } from './guarded.ts'

/** A deadline that was set. */
export interface Deadline {
  /** Takes it back. Does nothing once it has come or was taken back. */
  cancel (): void
}

interface Scheduled { at: number, run: () => void, index: number }

/** Runs functions at their times. Those of one moment run in no particular order. */
export class Deadlines {
  readonly #clock: Clock
  readonly #report: Report
  readonly #heap: Scheduled[] = []
  #stopTimer: (() => void) | undefined
  #timerAt = Infinity

  /** @param report takes what a function throws: the others run at their times all the same */
  constructor (clock: Clock, report: Report) {
    this.#clock = clock
    this.#report = report
  }

  /** The time by which they are set, in milliseconds since some fixed moment. */
  get elapsed (): number { return this.#clock.elapsed() }

  /** How many deadlines are set. */
  get size (): number {
    return this.#heap.length
  }

  /** Runs `run` once, `delayMs` from now; at the earliest after the current call has returned. */
  set (delayMs: number, run: () => void): Deadline {
    const entry = { at: this.#clock.elapsed() + Math.max(0, delayMs), run, index: this.#heap.length }
    this.#heap.push(entry)
    this.#up(entry)
    this.#arm()
    return { cancel: () => { this.#remove(entry) } }
  }

  /** Takes all deadlines back and stops the timer. */
  clear (): void {
    for (const entry of this.#heap) entry.index = -1
    this.#heap.length = 0
    this.#arm()
  }

  #arm (): void {
    const at = this.#heap[0]?.at ?? Infinity
    if (at === this.#timerAt) return
    // a timer that fires too early only sets itself again: cheaper than moving it with every deadline that is taken back
    if (at > this.#timerAt && at !== Infinity) return
    this.#stopTimer?.()
    this.#timerAt = at
    this.#stopTimer = at === Infinity ? undefined : this.#clock.after(at - this.#clock.elapsed(), () => { this.#fire() })
  }

  #fire (): void {
    this.#stopTimer = undefined
    this.#timerAt = Infinity
    // timers count whole milliseconds and may fire a fraction early
    const now = this.#clock.elapsed() + 1
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#remove(first)
      guarded(first.run, this.#report)
    }
    this.#arm()
  }

  #remove (entry: Scheduled): void {
    if (entry.index === -1) return
    const last = this.#heap.pop()
    if (last !== undefined && last !== entry) {
      last.index = entry.index
      this.#heap[last.index] = last
      this.#up(last)
      this.#down(last)
    }
    entry.index = -1
    if (this.#heap.length === 0) this.#arm()
  }

  #up (entry: Scheduled): void {
    while (entry.index > 0) {
      const parent = this.#heap[(entry.index - 1) >> 1]
      if (parent === undefined || parent.at <= entry.at) return
      this.#swap(parent, entry)
    }
  }

  #down (entry: Scheduled): void {
    for (;;) {
      const left = this.#heap[entry.index * 2 + 1]
      const right = this.#heap[entry.index * 2 + 2]
      const child = left !== undefined && right !== undefined && right.at < left.at ? right : left
      if (child === undefined || child.at >= entry.at) return
      this.#swap(entry, child)
    }
  }

  #swap (upper: Scheduled, lower: Scheduled): void {
    const index = upper.index
    this.#heap[lower.index] = upper
    this.#heap[index] = lower
    upper.index = lower.index
    lower.index = index
  }
}
