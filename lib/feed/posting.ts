/** The entries of one key in a log's window, and the entries of many keys in the order of the log. */
import { firstIndex, IndexedRing } from '../indexed-ring.ts'

/** The indexes of the entries of one key, oldest first. Each has a number of its own: the first is 0. */
export class Posting {
  readonly indexes: IndexedRing<number>

  constructor (firstNumber = 0) {
    this.indexes = new IndexedRing(firstNumber)
  }

  /** The index of its oldest entry; `Infinity` if it has none. */
  get oldest (): number { return this.indexes.at(this.indexes.first) ?? Infinity }

  /**
   * Adds an entry, which is newer than all others.
   *
   * @param isRepeated true where it may be here already: a log that others have written may name a key twice
   */
  note (index: number, isRepeated: boolean): void {
    const { indexes } = this
    if (!isRepeated || indexes.at(indexes.next - 1) !== index) indexes.push(index)
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
   * Adds to `found` the first indexes, each once, at most `limit` of them, oldest first. Returns the one after those;
   * `undefined` where there is none.
   */
  collect (limit: number, found: number[]): number | undefined {
    const heap = this.#heap
    for (let place = heap.length >> 1; place-- > 0;) this.#sink(place)
    let left = limit
    let last = -1
    // an entry of several keys is the next of each of them, one after the other
    for (let head = heap[0]; head !== undefined && (left > 0 || head.index === last); head = heap[0]) {
      if (head.index !== last) {
        last = head.index
        found.push(last)
        left--
      }
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
