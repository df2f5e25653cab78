/**
 * The entries of some keys, in order: those that the window has, and before them those that are kept by key. Found by
 * the lists of the keys, or by a look at all entries, whichever costs less. It does not know which of them a stream has
 * passed.
 */
import { KEYED_ENTRIES, KEYED_LOOKS, KEYS_AT_ONCE, SCAN_ENTRIES } from '../defaults.ts'
import type { Entry } from '../feed/entry.ts'
import type { KeyHistories } from '../feed/key-histories.ts'
import type { KeyIndex } from '../feed/key-index.ts'
import type { Window } from '../feed/window.ts'
import type { FollowedKeys } from './followed-keys.ts'

/** Asking the index of keys for one key costs about as much as a look at four entries. */
const LOOKS_PER_KEY = 4

/** Which entries of its keys a stream takes. */
export interface Taker {
  /** From which index on the entries of a key are its own; `undefined`: all. */
  firstIndex (key: string): number | undefined
  isOurs (entry: Entry): boolean
}

/** What one stream finds. */
export class KeyedEntries {
  readonly #window: Window
  readonly #histories: KeyHistories | undefined
  readonly #index: KeyIndex
  readonly #keys: FollowedKeys
  readonly #taker: Taker
  /** True if enough of the entries are ours that looking at every entry costs less than asking for every key. */
  #isDense = false
  /** How many looks were taken since it last let other work run. */
  #looks = 0
  #isResting = false
  #remembered = ''
  #rememberedIndex = -1

  constructor ({ window, histories }: { readonly window: Window, readonly histories: KeyHistories | undefined }, index: KeyIndex, keys: FollowedKeys, taker: Taker) {
    this.#window = window
    this.#histories = histories
    this.#index = index
    this.#keys = keys
    this.#taker = taker
  }

  /** True when it has looked at so much that other work is to run first. */
  get isTired (): boolean { return this.#looks >= KEYED_LOOKS }

  /** Lets other work run, and calls `wake` then. */
  rest (wake: () => void): void {
    if (this.#isResting) return
    this.#isResting = true
    setImmediate(() => {
      this.#isResting = false
      this.#looks = 0
      wake()
    })
  }

  /** The entry of an index; `undefined` where it is not here any more. */
  at (index: number): Entry | undefined {
    return this.#window.at(index) ?? this.#histories?.at(index)
  }

  /** The next is the entry of this index: it may leave the window while it waits, and the log keep it. */
  remember (index: number): void {
    const window = this.#window
    if (window.isWhole || index === this.#rememberedIndex || index < window.oldest) return
    this.#rememberedIndex = index
    this.#remembered = window.positionBefore(index)
  }

  /** The position before an index; `undefined` where it is not the one that is remembered. */
  positionBefore (index: number): string | undefined {
    return index === this.#rememberedIndex ? this.#remembered : undefined
  }

  /**
   * Adds the next to `found`, from an index on. Finds none where it is to go on in a later turn.
   *
   * @returns the first index after those that may be ours; `undefined` where there is none
   */
  collect (from: number, found: number[]): number | undefined {
    let pending: number | undefined = from
    while (pending !== undefined && found.length === 0 && !this.isTired) {
      pending = this.#isToScan(pending) ? this.#scan(pending, found) : this.#merge(pending, found)
    }
    return pending
  }

  /**
   * By a look at the entries, or from the index of keys, whichever costs less. The index is not asked for more keys
   * than can be at once.
   */
  #isToScan (from: number): boolean {
    const { size } = this.#keys
    if (this.#isDense || size > KEYS_AT_ONCE || (this.#histories === undefined && !this.#index.isComplete)) return true
    return this.#window.next - from <= size * LOOKS_PER_KEY
  }

  /** Returns the index of the next of ours that is not among those found; `undefined` where there is none. */
  #merge (from: number, found: number[]): number | undefined {
    const looks = this.#keys.size * LOOKS_PER_KEY
    const lists = this.#histories ?? this.#index
    const next = lists.merge(this.#keys, (key) => Math.max(from, this.#taker.firstIndex(key) ?? 0), KEYED_ENTRIES, found)
    this.#looks += looks
    this.#isDense = next !== undefined && next - from <= looks
    return next
  }

  /**
   * Looks at entries, some of which are ours. Returns the index from which on others may be; `undefined` at the head.
   */
  #scan (from: number, found: number[]): number | undefined {
    const { next } = this.#window
    let index = from
    let looks = 0
    for (; index < next && looks < SCAN_ENTRIES && found.length < KEYED_ENTRIES; looks++) {
      const entry = this.#window.at(index) ?? this.#kept(index)
      if (entry !== undefined && this.#taker.isOurs(entry)) found.push(entry.index)
      index = entry === undefined ? Math.max(index + 1, this.#window.oldest) : entry.index + 1
    }
    this.#looks += looks
    // where there were none, the index of keys finds the next, however far away it is
    this.#isDense = found.length > 0
    return index < next ? index : undefined
  }

  /** The first from an index on that the window has dropped. */
  #kept (index: number): Entry | undefined {
    return index < this.#window.oldest ? this.#histories?.from(index) : undefined
  }
}
