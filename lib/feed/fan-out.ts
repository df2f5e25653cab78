/**
 * Who waits at the head of a feed, and how they are woken: once for all that is published in one tick, and in slices,
 * so that a fan-out to very many lets other work run. It does not know what a woken one does.
 */
import type { Clock } from '../clock.ts'
import { FAN_OUT_SLICE_MS } from '../defaults.ts'
import type { FeedFigures } from './figures.ts'
import { Filters, wakeAlone } from './filters.ts'
import type { Window } from './window.ts'

/** Somebody who waits for entries. */
export interface Waiter {
  /** Where it stands among those who wait; -1 where it does not. Kept by the fan-out alone. */
  place: number
  /** There are entries, or the feed has ended. It waits no more. */
  wake (): void
  /** Waking it has thrown: it ends. */
  fail (error: unknown): void
}

/** How many are woken between two looks at the clock. */
const WAKES_PER_LOOK = 64

/** Before the first round. Nobody is put there. */
const NOBODY: Waiter[] = []

/** The waiters of one feed. */
export class FanOut {
  readonly #clock: Clock
  readonly #window: Window
  readonly #figures: FeedFigures
  #filters: Filters | undefined
  #waiting: Waiter[] = []
  #round: Waiter[] = NOBODY
  #isDue = false
  #isUnderWay = false
  readonly #report: (error: unknown) => void

  /** @param report logs what a waiter throws even while it is being ended; never throws */
  constructor (clock: Clock, window: Window, figures: FeedFigures, report: (error: unknown) => void) {
    this.#clock = clock
    this.#window = window
    this.#figures = figures
    this.#report = report
  }

  /** Those who wait for what a predicate takes. Made for the first of them. */
  get filters (): Filters {
    this.#filters ??= new Filters(this.#window, this.#figures, this.#report)
    return this.#filters
  }

  /** Waits to be woken. Does nothing for one that waits already. */
  wait (waiter: Waiter): void {
    if (waiter.place !== -1) return
    waiter.place = this.#waiting.length
    this.#waiting.push(waiter)
  }

  /** Waits no more. */
  leave (waiter: Waiter): void {
    const { place } = waiter
    if (place === -1) return
    const among = this.#waiting[place] === waiter ? this.#waiting : this.#round
    const last = among.pop()
    if (last !== undefined && last !== waiter) {
      among[place] = last
      last.place = place
    }
    waiter.place = -1
  }

  /** Wakes all who wait, at the end of this tick. */
  notify (): void {
    if (this.#isDue) return
    this.#isDue = true
    process.nextTick(() => { this.#begin() })
  }

  #begin (): void {
    // a round that has not ended goes on first; those whom it has woken already wait for the next
    if (this.#isUnderWay) return
    this.#isUnderWay = true
    this.#isDue = false
    this.#round = this.#waiting
    this.#waiting = []
    this.#filters?.begin()
    this.#continue()
  }

  #continue (): void {
    // a round that is soon over needs no clock
    const until = this.#round.length < WAKES_PER_LOOK && this.#filters?.isIdle !== false ? Infinity : this.#clock.elapsed() + FAN_OUT_SLICE_MS
    const isTime = (): boolean => this.#clock.elapsed() > until
    if (!this.#wakeRound(isTime) || this.#filters?.proceed(isTime) === false) {
      setImmediate(() => { this.#continue() })
      return
    }
    this.#isUnderWay = false
    if (this.#isDue) setImmediate(() => { this.#begin() })
  }

  /** Returns true at the end of the round, false where other work is to run. */
  #wakeRound (isTime: () => boolean): boolean {
    let count = 0
    for (let waiter = this.#round.pop(); waiter !== undefined; waiter = this.#round.pop()) {
      waiter.place = -1
      wakeAlone(waiter, this.#report)
      if (++count % WAKES_PER_LOOK === 0 && this.#round.length > 0 && isTime()) return false
    }
    return true
  }
}
