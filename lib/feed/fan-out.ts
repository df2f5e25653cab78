/**
 * Who waits at the head of a feed, and how they are woken: once for all that is published in one tick, and in slices, so that
 * a fan-out to very many lets other work run. It does not know what a woken one does.
 */
import type { Clock } from '../clock.ts'
import { FAN_OUT_SLICE_MS } from '../defaults.ts'

/** Somebody who waits for entries. */
export interface Waiter {
  /** Where it stands among those who wait; -1 where it does not. Kept by the fan-out alone. */
  place: number
  /** There are entries, or the feed has ended. Returns true where it goes on waiting, because none of them was for it. */
  wake (): boolean
}

/** How many are woken between two looks at the clock. */
const WAKES_PER_LOOK = 64

/** The waiters of one feed. */
export class FanOut {
  readonly #clock: Clock
  #waiting: Waiter[] = []
  #round: Waiter[] = []
  #isDue = false

  constructor (clock: Clock) {
    this.#clock = clock
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
    if (this.#round.length > 0) return
    this.#isDue = false
    this.#round = this.#waiting
    this.#waiting = []
    this.#continue()
  }

  #continue (): void {
    const until = this.#clock.elapsed() + FAN_OUT_SLICE_MS
    let count = 0
    for (let waiter = this.#round.pop(); waiter !== undefined; waiter = this.#round.pop()) {
      waiter.place = -1
      if (waiter.wake()) this.wait(waiter)
      if (++count % WAKES_PER_LOOK === 0 && this.#clock.elapsed() > until && this.#round.length > 0) {
        setImmediate(() => { this.#continue() })
        return
      }
    }
    if (this.#isDue) setImmediate(() => { this.#begin() })
  }
}
