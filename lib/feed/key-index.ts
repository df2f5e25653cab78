/**
 * Which entries of a log's window have which key, and who follows it: so an entry costs as much as it has takers, and
 * a reader that lags finds its entries without a look at all others.
 */
import { INDEXED_ENTRIES } from '../defaults.ts'
import type { IndexedRing } from '../indexed-ring.ts'
import { NO_KEYS, type Entry } from './entry.ts'
import { Merge, Posting } from './posting.ts'
import type { DropListener, Window } from './window.ts'

/** Who follows keys. */
export interface KeyFollower {
  /** An entry of a key that it follows has come to stand in the window. */
  offer (index: number): void
}

/** A follower with too many keys to be added at once: the index learns them in several turns. */
export interface WideFollower extends KeyFollower {
  has (key: string): boolean
}

/**
 * What is known of one key: its entries, and who follows it. There is one for each key that is followed, so it holds
 * little.
 */
class KeyPosting extends Posting {
  /** Most keys have one follower: it is not put in a set. */
  #only: KeyFollower | undefined
  #all: Set<KeyFollower> | undefined

  get hasFollowers (): boolean { return this.#only !== undefined || this.#all !== undefined }

  has (follower: KeyFollower): boolean {
    return this.#only === follower || this.#all?.has(follower) === true
  }

  add (follower: KeyFollower): void {
    if (this.#all !== undefined) this.#all.add(follower)
    else if (this.#only === undefined) this.#only = follower
    else if (this.#only !== follower) {
      this.#all = new Set([this.#only, follower])
      this.#only = undefined
    }
  }

  remove (follower: KeyFollower): void {
    if (this.#only === follower) this.#only = undefined
    this.#all?.delete(follower)
    if (this.#all?.size === 0) this.#all = undefined
  }

  offer (index: number): void {
    this.#only?.offer(index)
    if (this.#all !== undefined) for (const follower of this.#all) follower.offer(index)
  }
}

/** The keys of one feed. */
export class KeyIndex implements DropListener {
  readonly #window: Window
  readonly #postings = new Map<string, KeyPosting>()
  /** Followers that are asked about each entry, because the index does not know all of their keys yet. */
  readonly #wide = new Set<WideFollower>()
  /** The first index that is not in the postings. */
  #next: number
  /** The first index that was not offered. */
  #unoffered: number
  #isComplete = false

  constructor (window: Window) {
    this.#window = window
    this.#next = window.oldest
    this.#unoffered = window.next
    window.addDropListener(this)
    this.#takeIn()
  }

  /**
   * False while the index still takes in what stood in the window when it was made: until then `merge` does not know
   * all.
   */
  get isComplete (): boolean { return this.#isComplete }

  /** Takes in what has come to stand in the window, and offers it to those who follow its key. */
  advance (): void {
    const { oldest, next } = this.#window
    for (let index = Math.max(this.#unoffered, oldest); index < next; index++) {
      const keys = this.#window.at(index)?.keys ?? NO_KEYS
      for (const key of keys) {
        const posting = this.#postingOf(key)
        if (this.#isComplete) posting.note(index, keys.length > 1)
        this.#offer(posting, key, index)
      }
    }
    this.#unoffered = next
    if (this.#isComplete) this.#next = next
  }

  drop ({ keys, index }: Entry): void {
    for (const key of keys) {
      const posting = this.#postings.get(key)
      if (index >= this.#unoffered) {
        // it leaves before it was offered: its followers are to ask the log
        this.#offer(posting, key, index)
      } else if (posting !== undefined && posting.oldest <= index) {
        posting.indexes.shift()
        this.#forget(key, posting)
      }
    }
  }

  /**
   * From now on a follower is offered the entries of all keys that it has, whether or not `follow` was called for
   * them.
   */
  widen (follower: WideFollower): void {
    this.#wide.add(follower)
  }

  /** From now on it is offered only those of the keys for which `follow` was called. */
  narrow (follower: WideFollower): void {
    this.#wide.delete(follower)
  }

  /** From now on `follower` is offered the entries of a key. */
  follow (key: string, follower: KeyFollower): void {
    this.#postingOf(key).add(follower)
  }

  /** ... and no more. */
  unfollow (key: string, follower: KeyFollower): void {
    const posting = this.#postings.get(key)
    if (posting === undefined) return
    posting.remove(follower)
    this.#forget(key, posting)
  }

  /** The indexes of a key's entries; `undefined` where it has none and nobody follows it. */
  indexesOf (key: string): IndexedRing<number> | undefined {
    return this.#postings.get(key)?.indexes
  }

  /** Adds to `found` the indexes of a key's entries from an index on, at most `limit` of them, oldest first. */
  collect (key: string, from: number, limit: number, found: number[]): void {
    this.#postings.get(key)?.collect(from, limit, found)
  }

  /**
   * Adds to `found` the indexes of the entries of some keys, each once, at most `limit` of them, oldest first. Costs a
   * look at each key, and then as much as is found.
   *
   * @param fromOf the index from which on the entries of a key are wanted
   * @returns the index of the entry after those; `undefined` where there is none
   */
  merge (keys: Iterable<string>, fromOf: (key: string) => number, limit: number, found: number[]): number | undefined {
    const merge = new Merge()
    for (const key of keys) {
      const posting = this.#postings.get(key)
      if (posting !== undefined) merge.add(posting, fromOf(key))
    }
    return merge.collect(limit, found)
  }

  /** Takes in what stood in the window when the index was made, some of it in each turn. */
  #takeIn (): void {
    const from = Math.max(this.#next, this.#window.oldest)
    const end = Math.min(this.#unoffered, from + INDEXED_ENTRIES)
    for (let index = from; index < end; index++) {
      const keys = this.#window.at(index)?.keys ?? NO_KEYS
      for (const key of keys) this.#postingOf(key).note(index, keys.length > 1)
    }
    this.#next = Math.max(from, end)
    this.#isComplete = this.#next >= this.#unoffered
    if (!this.#isComplete) setImmediate(() => { this.#takeIn() })
  }

  #offer (posting: KeyPosting | undefined, key: string, index: number): void {
    posting?.offer(index)
    if (this.#wide.size === 0) return
    for (const follower of this.#wide) if (follower.has(key) && posting?.has(follower) !== true) follower.offer(index)
  }

  #postingOf (key: string): KeyPosting {
    let posting = this.#postings.get(key)
    if (posting === undefined) {
      posting = new KeyPosting()
      this.#postings.set(key, posting)
    }
    return posting
  }

  /** A key that has neither entries nor followers is not known any more. */
  #forget (key: string, { indexes, hasFollowers }: KeyPosting): void {
    if (!hasFollowers && indexes.first === indexes.next) this.#postings.delete(key)
  }
}
