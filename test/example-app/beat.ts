/** A market's timer, moved by hand. */
import type { MarketOptions } from '../../example-app/market.ts'

/** For the option `market` of the app. Without a `random` of its own, each share moves up by the most. */
export class Beat implements MarketOptions {
  /** How many timers run. */
  running = 0
  readonly random: () => number
  #move: () => void = () => {}

  constructor (random = alternating()) {
    this.random = random
  }

  every = (move: () => void): (() => void) => {
    this.running += 1
    this.#move = move
    return () => {
      this.running -= 1
      this.#move = () => {}
    }
  }

  /** The prices move once, if the timer runs. */
  move (): void {
    this.#move()
  }
}

/** Asked whether a share moves, it says yes; asked how far, up. */
function alternating (): () => number {
  let isSecond = true
  return () => {
    isSecond = !isSecond
    return isSecond ? 0.99 : 0
  }
}
