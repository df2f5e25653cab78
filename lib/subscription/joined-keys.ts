/**
 * The keys that a stream has joined while it was open, with some of their past. An entry that the stream has got, or
 * will get, by another of its keys is not given a second time. It does not know how the entries are given.
 */
import type { Entry } from '../feed/entry.ts'
import type { EntryCursor } from './cursor.ts'
import { pastIndexes, PastEntries, type PastOfFeed, type PastWanted } from './past-entries.ts'

/** How much of the past of a key is wanted. */
interface Joining { readonly last: number, readonly before: number }

/** The joined keys of one stream. */
export class JoinedKeys {
  readonly #joining = new Map<string, Joining>()
  /** For each key whose past was given: the index of the first entry of that. */
  readonly #given = new Map<string, number>()

  /** The past with which the stream began: of each key the newest, before an index. */
  #first: Pick<PastWanted, 'count' | 'before'> | undefined

  /** True where there is a past that was not given. */
  get isDue (): boolean { return this.#joining.size > 0 }

  /** The stream began with the newest entries of each key. */
  beganWith (count: number, before: number): void {
    this.#first = { count, before }
  }

  /** A key was joined. @param before the index from which on its entries come anyway */
  add (key: string, last: number, before: number): void {
    this.#joining.set(key, { last, before })
  }

  /** A key is not followed any more. */
  remove (key: string): void {
    this.#joining.delete(key)
    this.#given.delete(key)
  }

  /**
   * The past of all keys that were joined since the last call, oldest first. Throws what `takes` throws.
   *
   * @param takes says which entries the stream takes
   */
  take (feed: PastOfFeed, takes: PastWanted['takes'], cursor: EntryCursor): PastEntries {
    const all = new Set<number>()
    for (const [key, { last, before }] of [...this.#joining]) {
      const indexes = Array.from(pastIndexes(feed, { keys: new Set([key]), count: last, before, takes }))
      for (const index of indexes) {
        const entry = feed.window.at(index) ?? feed.histories?.at(index)
        if (entry === undefined || cursor.comesBy(entry, key) || this.#wasGiven(entry)) continue
        if (!entry.keys.some((other) => other !== key && cursor.hasFromStart(other) && this.#wasFirst(feed, takes, other, index))) all.add(index)
      }
      this.#joining.delete(key)
      if (indexes[0] !== undefined) this.#given.set(key, indexes[0])
    }
    return new PastEntries(feed, Float64Array.from(all).sort())
  }

  #wasFirst (feed: PastOfFeed, takes: PastWanted['takes'], key: string, index: number): boolean {
    if (this.#first === undefined || index >= this.#first.before) return false
    return Array.from(pastIndexes(feed, { ...this.#first, keys: new Set([key]), takes })).includes(index)
  }

  #wasGiven ({ keys, index }: Entry): boolean {
    return keys.some((key) => index >= (this.#given.get(key) ?? Infinity))
  }
}
