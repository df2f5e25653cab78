/**
 * The past of some keys: the newest entries of each, for a stream that begins with them, or that joins a key while it
 * is open. Their numbers are held, and not the entries, so a client that stalls costs little, and an entry that leaves
 * meanwhile does not come.
 */
import { SCAN_ENTRIES } from '../defaults.ts'
import type { Entry } from '../feed/entry.ts'
import type { KeyHistories } from '../feed/key-histories.ts'
import type { KeyIndex } from '../feed/key-index.ts'
import type { Window } from '../feed/window.ts'
import { IndexedRing } from '../indexed-ring.ts'
import type { EntryList } from './inserted-entries.ts'

/** What is needed of a feed. */
export interface PastOfFeed {
  readonly window: Window
  readonly histories: KeyHistories | undefined
  readonly keys: KeyIndex
}

/** Which entries are wanted. */
export interface PastWanted {
  /** `undefined`: of all keys that there are. */
  readonly keys: (Iterable<string> & { has (key: string): boolean, readonly size: number }) | undefined
  /** How many of each key, at most. */
  readonly count: number
  /** Only those before this index. */
  readonly before: number
  /** Says which entries the stream takes; `undefined`: all. */
  readonly takes: ((entry: Entry) => boolean) | undefined
}

/** The newest entries of some keys, oldest first. */
export class PastEntries implements EntryList {
  readonly #feed: PastOfFeed
  readonly #indexes: ArrayLike<number>

  constructor (feed: PastOfFeed, indexes: ArrayLike<number>) {
    this.#feed = feed
    this.#indexes = indexes
  }

  get length (): number { return this.#indexes.length }

  at (place: number): Entry | undefined {
    const index = this.#indexes[place]
    return index === undefined ? undefined : entryAt(this.#feed, index)
  }

  forget (entry: Entry): void {
    // nobody counts the parsed data of what the window has dropped
    if (entry.index < this.#feed.window.oldest) entry.forgetView()
  }
}

/** The indexes of the past that is wanted, oldest first. Throws what `takes` throws. */
export function pastIndexes (feed: PastOfFeed, wanted: PastWanted): ArrayLike<number> {
  const gathering = gather(feed, wanted)
  for (let step = gathering.next(); ; step = gathering.next()) if (step.done === true) return step.value
}

/**
 * The past that is wanted: at once, or by a promise where there is so much to look at that other work is to run
 * meanwhile. Throws, or rejects with, what `takes` throws. @param isWanted false when nobody waits for it any more
 */
export function pastOf (feed: PastOfFeed, wanted: PastWanted, isWanted: () => boolean): PastEntries | Promise<PastEntries> {
  const gathering = gather(feed, wanted)
  const first = gathering.next()
  if (first.done === true) return new PastEntries(feed, first.value)
  return new Promise((resolve, reject) => {
    const goOn = (): void => {
      try {
        const step = isWanted() ? gathering.next() : { done: true as const, value: [] }
        if (step.done === true) resolve(new PastEntries(feed, step.value))
        else setImmediate(goOn)
      } catch (error) {
        reject(error instanceof Error ? error : new Error('the past of a key could not be read', { cause: error }))
      }
    }
    setImmediate(goOn)
  })
}

function entryAt ({ window, histories }: PastOfFeed, index: number): Entry | undefined {
  return window.at(index) ?? histories?.at(index)
}

/** Of a key that has no entries. */
const NO_INDEXES = new IndexedRing<number>(0)

/** Stops after each 1,000 looks. */
function * gather (feed: PastOfFeed, wanted: PastWanted): Generator<undefined, ArrayLike<number>> {
  const found = new Set<number>()
  const { histories } = feed
  if (wanted.count > 0) {
    if (histories !== undefined) yield * fromLists(feed, histories, { ...wanted, keys: wanted.keys ?? histories.keys }, found)
    else if (wanted.keys !== undefined && feed.keys.isComplete) yield * fromLists(feed, feed.keys, { ...wanted, keys: wanted.keys }, found)
    else yield * fromWindow(feed, wanted, found)
  }
  return Float64Array.from(found).sort()
}

/** By the list of each key, from its end. */
function * fromLists (
  feed: PastOfFeed, lists: Pick<KeyIndex, 'indexesOf'>, { keys, count, before, takes }: Omit<PastWanted, 'keys'> & { readonly keys: Iterable<string> }, found: Set<number>
): Generator<undefined, void> {
  let looks = 0
  for (const key of keys) {
    const indexes = lists.indexesOf(key) ?? NO_INDEXES
    let left = count
    for (let number = indexes.next - 1; left > 0 && number >= indexes.first; number--) {
      if (++looks % SCAN_ENTRIES === 0) yield
      const index = indexes.at(number)
      if (index === undefined || index >= before || !isTaken(feed, index, takes)) continue
      found.add(index)
      left--
    }
    if (++looks % SCAN_ENTRIES === 0) yield
  }
}

/** By a look at all that the window has, from its end. */
function * fromWindow ({ window }: PastOfFeed, { keys, count, before, takes }: PastWanted, found: Set<number>): Generator<undefined, void> {
  const counts = new Map<string, number>()
  let keysLeft = keys?.size ?? Infinity
  for (let index = before - 1; index >= window.oldest && keysLeft > 0; index--) {
    if ((before - index) % SCAN_ENTRIES === 0) yield
    const entry = window.at(index)
    const own = entry?.keys.filter((key) => (keys === undefined || keys.has(key)) && (counts.get(key) ?? 0) < count) ?? []
    if (entry === undefined || own.length === 0 || takes?.(entry) === false) continue
    found.add(index)
    for (const key of new Set(own)) {
      const counted = (counts.get(key) ?? 0) + 1
      counts.set(key, counted)
      if (counted === count) keysLeft--
    }
  }
}

function isTaken (feed: PastOfFeed, index: number, takes: PastWanted['takes']): boolean {
  if (takes === undefined) return true
  const entry = entryAt(feed, index)
  const isTaken = entry !== undefined && takes(entry)
  if (index < feed.window.oldest) entry?.forgetView()
  return isTaken
}
