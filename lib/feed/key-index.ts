/**
 * Which entries of a log's window have which key, and who follows it: so an entry costs as much as it has takers, and a reader
 * that lags finds its entries without a look at all others.
 */
import type { Entry } from '../log/entry.ts'
import type { Beside, Window } from '../log/window.ts'
import { Merge, Posting } from './posting.ts'

/** Who follows keys. */
export interface KeyFollower {
  /** An entry of a key that it follows has come to stand in the window. */
  offer (index: number): void
}

/** What is known of one key: its entries, and who follows it. */
class KeyPosting extends Posting {
  readonly followers = new Set<KeyFollower>()
}

/** The keys of one feed. */
export class KeyIndex implements Beside {
  readonly #window: Window
  readonly #postings = new Map<string, KeyPosting>()
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

  drop ({ key, index }: Entry): void {
    if (key === undefined) return
    const posting = this.#postings.get(key)
    if (posting === undefined) return
    if (index >= this.#next) {
      // it leaves before it was taken in: its followers are to ask the log
      for (const follower of posting.followers) follower.offer(index)
      return
    }
    if ((posting.indexes.at(posting.indexes.first) ?? Infinity) > index) return
    posting.indexes.shift()
    this.#forget(key, posting)
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
    this.#postings.get(key)?.collect(from, limit, found)
  }

  /**
   * Adds to `found` the indexes of the entries of some keys, at most `limit` of them, oldest first. Costs a look at each key, and
   * then as much as is found.
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

  #postingOf (key: string): KeyPosting {
    let posting = this.#postings.get(key)
    if (posting === undefined) {
      posting = new KeyPosting()
      this.#postings.set(key, posting)
    }
    return posting
  }

  /** A key that has neither entries nor followers is not known any more. */
  #forget (key: string, { indexes, followers }: KeyPosting): void {
    if (followers.size === 0 && indexes.first === indexes.next) this.#postings.delete(key)
  }
}
