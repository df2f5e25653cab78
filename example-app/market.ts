/**
 * Invented prices that drift up and down. They move only while somebody is looking: the timer starts with the first
 * stream and stops with the last.
 */

/** What a share costs now. */
export interface Price {
  symbol: string
  name: string
  price: number
  /** Since the application was started, in percent. */
  change: number
}

/** How the prices move; tests move them by hand. */
export interface MarketOptions {
  /** Calls `move` repeatedly until the function that it returns is called. Default: every 250 ms. */
  every?: (move: () => void) => () => void
  /** A number from 0 to 1, exclusive. Default: `Math.random`. */
  random?: () => number
}

/** No such companies exist. The last number is the share of moves at which the price changes. */
const SHARES: ReadonlyArray<readonly [symbol: string, name: string, start: number, activity: number]> = [
  ['AMBR', 'Amber Mills', 84.2, 0.8],
  ['BSLT', 'Basalt Works', 212.65, 0.5],
  ['CORK', 'Cork & Daughters', 17.48, 0.4],
  ['DUNE', 'Dune Glass', 46.9, 0.6],
  ['FERN', 'Fern Paper', 9.31, 0.2],
  ['HAZE', 'Haze Optics', 131.05, 0.7],
  ['KELP', 'Kelp Foods', 28.77, 0.3],
  ['PIER', 'Pier Freight', 63.4, 0.1],
  ['WREN', 'Wren Air', 154.12, 0.5],
  ['ZINC', 'Zinc & Tin', 38.06, 0.05]
]

/** Four times a second: fast enough to see, slow enough to read. */
const MOVE_INTERVAL_MS = 250
/** One move changes a price by at most half a percent. */
const LARGEST_MOVE = 0.005
const SMALLEST_PRICE = 0.01

/** Where the prices are made. */
export class Market {
  readonly #onPrice: (price: Price) => void
  readonly #every: (move: () => void) => () => void
  readonly #random: () => number
  readonly #prices = new Map<string, Price>()
  #present = 0
  #stop: () => void = () => {}

  /** @param onPrice called with each price that has changed */
  constructor (onPrice: (price: Price) => void, { every = eachInterval, random = Math.random }: MarketOptions = {}) {
    this.#onPrice = onPrice
    this.#every = every
    this.#random = random
    for (const [symbol, name, price] of SHARES) this.#prices.set(symbol, { symbol, name, price, change: 0 })
  }

  /** The newest price of each share, in the order of their symbols. */
  get prices (): Price[] {
    return [...this.#prices.values()]
  }

  /** Counts somebody as looking until `signal` is aborted. */
  join (signal: AbortSignal): void {
    if (signal.aborted) return
    this.#present += 1
    if (this.#present === 1) this.#stop = this.#every(() => { this.#move() })
    signal.addEventListener('abort', () => {
      this.#present -= 1
      if (this.#present === 0) this.#stop()
    }, { once: true })
  }

  #move (): void {
    for (const [symbol, name, start, activity] of SHARES) {
      if (this.#random() >= activity) continue
      const before = this.#prices.get(symbol)?.price ?? start
      const price = Math.max(SMALLEST_PRICE, rounded(before * (1 + (this.#random() * 2 - 1) * LARGEST_MOVE)))
      if (price === before) continue
      const moved = { symbol, name, price, change: rounded((price / start - 1) * 100) }
      this.#prices.set(symbol, moved)
      this.#onPrice(moved)
    }
  }
}

function rounded (number: number): number {
  return Math.round(number * 100) / 100
}

function eachInterval (move: () => void): () => void {
  const timer = setInterval(move, MOVE_INTERVAL_MS)
  return () => { clearInterval(timer) }
}
