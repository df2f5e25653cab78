/** All that a feed ever published, for the model: also what its log has dropped. */
import type { World } from './model-script.ts'

/** What was published, by number: the first is 1. */
export interface Published { readonly number: number, readonly position: string, readonly keys: readonly string[], readonly name: string, readonly size: number, readonly at: number }

/** What is true of the feed now. */
export interface Now {
  /** The number of the oldest entry that the window has. */
  readonly oldestInWindow: number
  /** The number of the newest entry, as far as the feed knows. */
  readonly head: number
  /** True where the feed knows which entry is the newest. */
  readonly knowsHead: boolean
  readonly time: number
  readonly world: World
}

/** All that was published. */
export class History {
  readonly origin: string
  readonly entries: Published[] = []
  readonly #numbers = new Map<string, number>()

  constructor (origin: string) {
    this.origin = origin
    this.#numbers.set(origin, 0)
  }

  get head (): number { return this.entries.length }

  add (entry: Omit<Published, 'number'>): void {
    this.entries.push({ ...entry, number: this.head + 1 })
    this.#numbers.set(entry.position, this.head)
  }

  at (number: number): Published {
    const entry = this.entries[number - 1]
    if (entry === undefined) throw new Error(`there is no entry ${number} of ${this.head}`)
    return entry
  }

  positionOf (number: number): string { return number === 0 ? this.origin : this.at(number).position }

  numberOf (position: string | undefined): number {
    const number = this.#numbers.get(position ?? '')
    if (number === undefined) throw new Error(`${position} is no position of this feed`)
    return number
  }
}

/** The number of the first entry that a reader may stand before, by the limits. */
export function firstWithin ({ entries, head }: History, { oldestInWindow, time, world: { maxLagBytes, maxLagMs } }: Now): number {
  let bytes = 0
  let first = head + 1
  for (const { size, at, number } of entries.toReversed()) {
    bytes += size
    if (number < oldestInWindow || bytes > maxLagBytes || time - at > maxLagMs) break
    first = number
  }
  return first
}
