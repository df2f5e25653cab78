/**
 * Where the entries of a window stand, by position. Nothing is kept until somebody asks. Then the newest entries are
 * known at once, and the others some turns later: what is not known yet is asked of the log, as if it had left.
 */
import { INDEXED_ENTRIES } from '../defaults.ts'
import type { IndexedRing } from '../indexed-ring.ts'

/** The positions of one window. */
export class Positions {
  readonly #ring: IndexedRing<{ readonly position: string }>
  readonly #indexes = new Map<string, number>()
  /** The entries from one index to another, exclusive, are known. */
  #from = 0
  #to = 0
  #isFilling = false

  constructor (ring: IndexedRing<{ readonly position: string }>) {
    this.#ring = ring
  }

  /** The index of the entry at a position; `undefined` where it is not in the window, or not known yet. */
  indexOf (position: string): number | undefined {
    this.#fill()
    return this.#indexes.get(position)
  }

  /** An entry leaves the window. */
  drop (position: string): void {
    if (this.#indexes.size > 0) this.#indexes.delete(position)
  }

  #fill (): void {
    const { first, next } = this.#ring
    if (next - this.#to > INDEXED_ENTRIES || this.#to < first) {
      this.#indexes.clear()
      this.#from = next
      this.#to = next
    }
    let left = INDEXED_ENTRIES
    for (; this.#to < next; left--) this.#add(this.#to++)
    for (; this.#from > first && left > 0; left--) this.#add(--this.#from)
    if (this.#from <= first || this.#isFilling) return
    this.#isFilling = true
    setImmediate(() => {
      this.#isFilling = false
      this.#fill()
    })
  }

  #add (index: number): void {
    const entry = this.#ring.at(index)
    if (entry !== undefined) this.#indexes.set(entry.position, index)
  }
}
