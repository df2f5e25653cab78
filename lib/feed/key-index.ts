/**
 * Which entries of a log's window have which key, and who follows it: so an entry costs as much as it has takers, and a reader
 * that lags finds its entries without a look at all others.
 */
import type { Entry } from '../log/entry.ts'
import { IndexedRing } from '../log/indexed-ring.ts'
import type { Beside, Window } from '../log/window.ts'

/** Who follows keys. */
export interface KeyFollower {
  /** An entry of a key that it follows has come to stand in the window. */
  offer (index: number): void
}

/** What is known of one key. */
class Posting {
  /** The indexes of its entries, oldest first, by a number of their own. */
  readonly indexes = new IndexedRing<number>(0)
  readonly followers = new Set<KeyFollower>()

  /** The number of the first entry whose index is `from` or higher. */
  numberOf (from: number): number {
    let low = this.indexes.first
    let high = this.indexes.next
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.indexes.at(middle) ?? 0) < from) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** The keys of one feed. */
export class KeyIndex implements Beside {
  readonly #window: Window
  readonly #postings = new Map<string, Posting>()
  #next: number

  constructor (window: Window) {
    this.#window = window
    this.#next = window.oldest
    window.addBeside(this)
    this.advance()
  }

  /** Takes in what has come to stand in the window, and offers it to those who follow its key. */
  advance (): void {
    const { oldest, next } = this.#window
    for (let index = Math.max(this.#next, oldest); index < next; index++) {
      const key = this.#window.at(index)?.key
      if (key === undefined) continue
      const posting = this.#postingOf(key)
      posting.indexes.push(index)
      for (const follower of posting.followers) follower.offer(index)
    }
    this.#next = next
  }

  drop ({ key, index }: Entry): number {
    if (key === undefined) return 0
    const posting = this.#postings.get(key)
    if (posting === undefined) return 0
    if (index >= this.#next) {
      // it leaves before it was taken in: its followers are to ask the log
      for (const follower of posting.followers) follower.offer(index)
      return 0
    }
    if ((posting.indexes.at(posting.indexes.first) ?? Infinity) > index) return 0
    posting.indexes.shift()
    this.#forget(key, posting)
    return 0
  }

  /** From now on `follower` is offered the entries of a key. */
  follow (key: string, follower: KeyFollower): void {
    this.#postingOf(key).followers.add(follower)
  }

  /** ... and no more. */
  unfollow (key: string, follower: KeyFollower): void {
    const posting = this.#postings.get(key)
    if (posting === undefined) return
    posting.followers.delete(follower)
    this.#forget(key, posting)
  }

  /** Adds to `found` the indexes of a key's entries from an index on, at most `limit` of them, oldest first. */
  collect (key: string, from: number, limit: number, found: number[]): void {
    const posting = this.#postings.get(key)
    if (posting === undefined) return
    const start = posting.numberOf(from)
    const end = Math.min(posting.indexes.next, start + limit)
    for (let number = start; number < end; number++) found.push(posting.indexes.at(number) ?? 0)
  }

  #postingOf (key: string): Posting {
    let posting = this.#postings.get(key)
    if (posting === undefined) {
      posting = new Posting()
      this.#postings.set(key, posting)
    }
    return posting
  }

  /** A key that has neither entries nor followers is not known any more. */
  #forget (key: string, { indexes, followers }: Posting): void {
    if (followers.size === 0 && indexes.first === indexes.next) this.#postings.delete(key)
  }
}
