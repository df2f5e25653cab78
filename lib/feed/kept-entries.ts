/**
 * Entries that the log has dropped and somebody still keeps, in the order of the log. They come in that order, and may
 * leave in any. It does not know why they are kept.
 */
import { KEPT_BYTES } from '../defaults.ts'
import { firstIndex } from '../indexed-ring.ts'
import type { Entry } from './entry.ts'

/** When so many have left, the others close up: fewer are not worth a look at all. */
const FEWEST_GONE = 1_000

/** An entry that is kept. */
export class KeptEntry {
  /** Its index in the window, which has dropped it. */
  readonly index: number
  /** When it was published, by the clock that is never set. */
  readonly moment: number
  /** What it counts, in bytes. */
  readonly size: number
  /** How many keys keep it. */
  holders = 0
  /** `undefined` when nobody keeps it any more. */
  entry: Entry | undefined

  constructor (entry: Entry, moment: number) {
    this.index = entry.index
    this.moment = moment
    this.size = entry.size + KEPT_BYTES
    this.entry = entry
  }
}

/** All that are kept of one log. */
export class KeptEntries {
  /** By index. Some of them may have left. */
  #order: KeptEntry[] = []
  /** The place of the oldest; those before it have left. */
  #first = 0
  #size = 0
  #bytes = 0

  /** How many there are. */
  get size (): number { return this.#size }
  /** The bytes of all. */
  get bytes (): number { return this.#bytes }

  /** The oldest; `undefined` where there is none. */
  get oldest (): KeptEntry | undefined {
    while (this.#first < this.#order.length && this.#order[this.#first]?.entry === undefined) this.#first++
    return this.#order[this.#first]
  }

  /** Keeps one more, which is newer than all others. */
  add (kept: KeptEntry): void {
    this.#order.push(kept)
    this.#size++
    this.#bytes += kept.size
  }

  /** Lets go of one. Returns its bytes. */
  remove (kept: KeptEntry): number {
    kept.entry = undefined
    this.#size--
    this.#bytes -= kept.size
    if (this.#order.length - this.#size > this.#size + FEWEST_GONE) {
      this.#order = this.#order.filter(({ entry }) => entry !== undefined)
      this.#first = 0
    }
    return kept.size
  }

  /** What is kept at an index; `undefined` where nothing is. */
  at (index: number): KeptEntry | undefined {
    const kept = this.#order[this.#placeOf((kept) => kept.index >= index)]
    return kept?.index === index && kept.entry !== undefined ? kept : undefined
  }

  /** The oldest entry from an index on (inclusive); `undefined` where there is none. */
  from (index: number): Entry | undefined {
    return this.#entryFrom(this.#placeOf((kept) => kept.index >= index))
  }

  /** The oldest entry for which `isReached` holds, and which holds for all that are newer. */
  firstWhere (isReached: (kept: KeptEntry) => boolean): Entry | undefined {
    return this.#entryFrom(this.#placeOf(isReached))
  }

  #placeOf (isReached: (kept: KeptEntry) => boolean): number {
    return firstIndex(this.#first, this.#order.length, (place) => {
      const kept = this.#order[place]
      return kept === undefined || isReached(kept)
    })
  }

  #entryFrom (place: number): Entry | undefined {
    for (let at = place; at < this.#order.length; at++) {
      const entry = this.#order[at]?.entry
      if (entry !== undefined) return entry
    }
    return undefined
  }
}
