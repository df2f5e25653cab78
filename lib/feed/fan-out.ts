/**
 * Who waits at the head of a feed, and how they are woken: once for all that is published in one tick, and in slices, so that
 * a fan-out to very many lets other work run. It does not know what a woken one does.
 */
import type { Clock } from '../clock.ts'
import { FAN_OUT_SLICE_MS } from '../defaults.ts'

/** Somebody who waits for entries. */
export interface Waiter {
  /** There are entries, or the feed has ended. */
  wake (): void
}

/** How many are woken between two looks at the clock. */
const WAKES_PER_LOOK = 64

/** The waiters of one feed. */
export class FanOut {
  readonly #clock: Clock
  #waiting = new Set<Waiter>()
  #round: Waiter[] = []
  #isDue = false

  constructor (clock: Clock) {
    this.#clock = clock
  }

  /** Waits to be woken, once. */
  wait (waiter: Waiter): void {
    this.#waiting.add(waiter)
  }

  /** Waits no more. One that is in a round that has begun may still be woken. */
  leave (waiter: Waiter): void {
    this.#waiting.delete(waiter)
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
    this.#round = [...this.#waiting].reverse()
    this.#waiting = new Set()
    this.#continue()
  }

  #continue (): void {
    const until = this.#clock.elapsed() + FAN_OUT_SLICE_MS
    for (let count = 1; this.#round.length > 0; count++) {
      this.#round.pop()?.wake()
      if (count % WAKES_PER_LOOK === 0 && this.#clock.elapsed() > until && this.#round.length > 0) {
        setImmediate(() => { this.#continue() })
        return
      }
    }
    if (this.#isDue) setImmediate(() => { this.#begin() })
  }
}
