/** A line on which nothing arrives for too long: the machine at its other end may be gone, and nobody says so. */
import { ASLEEP_MS, WAKING_MS } from './defaults.ts'
import type { ClientClock } from './environment.ts'

/** Watches one line. One timer, which is set again when it fires: a byte costs a look at the clock. */
export class SilenceWatch {
  readonly #clock: ClientClock
  readonly #silenceMs: number
  readonly #onSilence: () => void
  #stopTimer: (() => void) | undefined
  #heardAt: number

  constructor (clock: ClientClock, silenceMs: number, onSilence: () => void) {
    this.#clock = clock
    this.#silenceMs = silenceMs
    this.#onSilence = onSilence
    this.#heardAt = clock.now()
    this.#set(silenceMs)
  }

  /** Something has arrived. */
  heard (): void {
    this.#heardAt = this.#clock.now()
  }

  /** Somebody reads again. */
  resume (): void {
    this.heard()
    this.#set(this.#silenceMs)
  }

  /** The page or the machine may have slept: what waits in the socket has a moment to arrive. */
  wake (): void {
    if (this.#stopTimer !== undefined && this.#clock.now() - this.#heardAt >= this.#silenceMs) this.#set(WAKING_MS)
  }

  /** Also while nobody reads, so that nothing can arrive. */
  stop (): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
  }

  #set (delayMs: number): void {
    this.stop()
    const dueAt = this.#clock.now() + delayMs
    this.#stopTimer = this.#clock.after(delayMs, () => {
      const now = this.#clock.now()
      const restMs = this.#heardAt + this.#silenceMs - now
      // a clock that was set back makes the rest longer than the whole
      if (restMs > 0) this.#set(Math.min(restMs, this.#silenceMs))
      else if (now - dueAt > ASLEEP_MS) this.#set(WAKING_MS)
      else {
        this.stop()
        this.#onSilence()
      }
    })
  }
}
