/** The entries of one key in a log's window, and the entries of many keys in the order of the log. */
import { firstIndex, IndexedRing } from '../indexed-ring.ts'

/** The indexes of the entries of one key, oldest first. Each has a number of its own: the first is 0. */
export class Posting {
  readonly indexes: IndexedRing<number>

  constructor (firstNumber = 0) {
    this.indexes = new IndexedRing(firstNumber)
  }

  /** The number of the first entry whose index is `from` or higher; `indexes.next` where there is none. */
  numberOf (from: number): number {
    return firstIndex(this.indexes.first, this.indexes.next, (number) => (this.indexes.at(number) ?? 0) >= from)
  }

  /** Adds to `found` the indexes from `from` on, at most `limit` of them, oldest first. */
  collect (from: number, limit: number, found: number[]): void {
    const start = this.numberOf(from)
    const end = Math.min(this.indexes.next, start + limit)
    for (let number = start; number < end; number++) found.push(this.indexes.at(number) ?? 0)
  }
}

/** The next entry of one posting in a merge. */
interface Head { readonly posting: Posting, number: number, index: number }

/**
 * Merges postings: a heap of their next entries, so that what is found costs as much as it is, and what is found
 * later costs nothing now, however many entries that may be.
 */
export class Merge {
  readonly #heap: Head[] = []

  /** Adds the entries of a posting, from an index on. Only before `collect`. */
  add (posting: Posting, from: number): void {
    const number = posting.numberOf(from)
    const index = posting.indexes.at(number)
    if (index !== undefined) this.#heap.push({ posting, number, index })
  }

  /**
   * Adds to `found` the first indexes, at most `limit` of them, oldest first. Returns the one after those;
   * `undefined` where there is none.
   */
  collect (limit: number, found: number[]): number | undefined {
    const heap = this.#heap
    for (let place = heap.length >> 1; place-- > 0;) this.#sink(place)
    for (let left = limit; left > 0; left--) {
      const head = heap[0]
      if (head === undefined) return undefined
      found.push(head.index)
      this.#advance(head)
      this.#sink(0)
    }
    return heap[0]?.index
  }

  /** Moves the first on to its next entry; where it has none, another takes its place. */
  #advance (head: Head): void {
    const index = head.posting.indexes.at(++head.number)
    if (index !== undefined) {
      head.index = index
      return
    }
    const last = this.#heap.pop()
    if (last !== undefined && last !== head) this.#heap[0] = last
  }

  #sink (place: number): void {
    const heap = this.#heap
    const sinking = heap[place]
    if (sinking === undefined) return
    for (;;) {
      const left = place * 2 + 1
      const right = left + 1
      const child = (heap[right]?.index ?? Infinity) < (heap[left]?.index ?? Infinity) ? right : left
      const lower = heap[child]
      if (lower === undefined || lower.index >= sinking.index) break
      heap[place] = lower
      place = child
    }
    heap[place] = sinking
  }
}
