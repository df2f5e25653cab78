/**
 * A cursor over the entries of some keys. In the window it takes them from the index of keys; before the window it
 * walks through pages like any other. A caught-up one stands at the head, however much passes that is not for it: it
 * misses nothing by that, and cannot fall off the log.
 */
import { KEYED_ENTRIES, KEYED_LOOKS, KEYS_AT_ONCE, SCAN_ENTRIES } from '../defaults.ts'
import type { Entry } from '../feed/entry.ts'
import type { KeyFollower, KeyIndex } from '../feed/key-index.ts'
import type { LocatedGap, Location } from '../feed/location.ts'
import type { Window } from '../feed/window.ts'
import { Cursor, type EntryCursor, type HeldHistory } from './cursor.ts'
import type { FollowedKeys } from './followed-keys.ts'

/** Asking the index of keys for one key costs about as much as a look at four entries. */
const LOOKS_PER_KEY = 4

/** Walks over the entries of some keys. */
export class KeyedCursor implements EntryCursor, KeyFollower {
  /** Who reads: is stirred where an entry is offered to a cursor that had none. */
  reader: { stir (): void } | undefined
  readonly #window: Window
  readonly #index: KeyIndex
  readonly #keys: FollowedKeys
  /**
   * Of the keys that were followed up to this turn all entries are ours; of a later one, those published since then.
   */
  #turnOfKeys: number
  /** How many keys had been given up when the entries were collected. */
  #removals: number
  /** Walks before the window; in the window it rests. */
  readonly #walk: Cursor
  #isWalking = true
  /** The first index that was not collected and may be ours; `undefined` where there is none. */
  #pending: number | undefined
  /** True where that is ours and the only one: then it need not be collected. */
  #isOnlyOne = false
  /** True if enough of the entries are ours that looking at every entry costs less than asking for every key. */
  #isDense = false
  /** How many looks were taken since it last let other work run. */
  #looks = 0
  #isResting = false
  #collected: number[] = []
  #next = 0
  /** How many of the collected were not passed. */
  #left = 0
  #position: string
  /** The index of the entry at that position, in the window. */
  #passedIndex = 0

  constructor (history: HeldHistory, index: KeyIndex, keys: FollowedKeys, location: Location, position: string) {
    this.#window = history.window
    this.#index = index
    this.#keys = keys
    this.#turnOfKeys = keys.turn
    this.#removals = keys.removals
    this.#position = position
    this.#walk = new Cursor(history, location, position)
    keys.enter(this, index)
  }

  get isKeyed (): boolean { return true }

  get position (): string {
    const { index } = this
    if (this.#isWalking) return this.#walk.position
    // what is ours before the next entry was given, so the position is as new as can be
    return index === undefined || index < this.#window.oldest ? this.#position : this.#window.positionBefore(index)
  }

  get index (): number | undefined {
    this.#turn()
    return this.#isWalking ? undefined : this.#first ?? this.#window.next
  }

  get lastIndex (): number { return this.index ?? this.#walk.lastIndex }

  get isAtEnd (): boolean { return this.#isWalking && this.#walk.isAtEnd }

  get gap (): LocatedGap | undefined {
    this.#turn()
    return this.#isWalking ? this.#walk.gap : undefined
  }

  peek (): Entry | undefined {
    this.#turn()
    if (this.#isWalking) {
      for (let entry = this.#walk.peek(); entry !== undefined; entry = this.#walk.peek()) {
        if (entry.keys.some((key) => this.#keys.has(key) && this.#firstIndex(key) === undefined)) return entry
        this.#walk.pass(entry)
        this.#passesSince(entry.position)
        this.#turn()
        if (!this.#isWalking) return this.peek()
      }
      return undefined
    }
    if (this.#left === 0 && !this.#isOnlyOne) this.#collect()
    // what is pending need not be ours
    const index = this.#left > 0 || this.#isOnlyOne ? this.#first : undefined
    return index === undefined ? undefined : this.#window.at(index)
  }

  pass (entry: Entry): void {
    if (this.#isWalking) {
      this.#walk.pass(entry)
      this.#passesSince(entry.position)
      return
    }
    this.#position = entry.position
    this.#passedIndex = entry.index
    if (this.#left > 0) {
      this.#left--
      this.#next++
    } else {
      // others may have been offered since it was given
      this.#pending = this.#isOnlyOne ? undefined : entry.index + 1
      this.#isOnlyOne = false
    }
  }

  skipTo (index: number, passed?: string): void {
    const window = this.#window
    this.#position = index < window.oldest ? passed ?? this.position : window.positionBefore(index)
    this.#passedIndex = index - 1
    this.#goOnAt(index)
  }

  restart (location: Location, position: string, index?: number): void {
    // after a gap nothing tells where a key was followed: better an entry too many than one that is lost in silence
    if (location.kind === 'older') this.#turnOfKeys = this.#keys.turn
    else this.#forgetSince(location.index)
    this.#isWalking = true
    this.#walk.restart(location, position, index)
  }

  restartAfterSnapshot (location: Location, position: string): void {
    this.#turnOfKeys = this.#keys.turn
    this.restart(location, position)
  }

  load (wake: () => void, fail: (error: unknown) => void): boolean {
    this.#turn()
    if (this.#isWalking) return this.#walk.load(wake, fail)
    if (this.#looks < KEYED_LOOKS || this.#pending === undefined || this.#left > 0) return false
    if (this.#isResting) return true
    this.#isResting = true
    setImmediate(() => {
      this.#isResting = false
      this.#looks = 0
      wake()
    })
    return true
  }

  release (): void {
    this.#keys.leave(this)
    this.#walk.release()
    this.reader = undefined
  }

  isOurs ({ keys, index }: Entry): boolean {
    for (const key of keys) if (this.#keys.has(key) && index >= (this.#firstIndex(key) ?? 0)) return true
    return false
  }

  offer (index: number): void {
    if (this.#isWalking) return
    if (this.#pending !== undefined) {
      this.#isOnlyOne = false
      return
    }
    this.#pending = index
    this.#isOnlyOne = true
    if (this.#left === 0) this.reader?.stir()
  }

  lose (): void {
    const { position } = this
    if (this.#isWalking) return
    const index = this.#first ?? this.#window.next
    this.#position = position
    this.#passedIndex = index - 1
    this.#goOnAt(index)
    // it is before the window from now on, and asks the log
    this.#pending = index
    this.reader?.stir()
  }

  /** From which index on the entries of a key that is followed are ours; `undefined`: all. */
  #firstIndex (key: string): number | undefined {
    return this.#keys.firstIndex(key, this.#turnOfKeys)
  }

  /** The index of the first entry that is ours and was not passed, or may be ours; `undefined` at the head. */
  get #first (): number | undefined {
    return this.#left > 0 ? this.#collected[this.#next] : this.#pending
  }

  /** Collects the next of ours, in order. Finds none where it is to go on in a later turn. */
  #collect (): void {
    const found: number[] = []
    while (this.#pending !== undefined && found.length === 0 && this.#looks < KEYED_LOOKS) {
      const from = this.#pending
      this.#pending = this.#isToScan(from) ? this.#scan(from, found) : this.#merge(from, found)
    }
    this.#collected = found
    this.#next = 0
    this.#left = found.length
  }

  /**
   * By a look at the entries, or from the index of keys, whichever costs less. The index is not asked for more keys
   * than can be at once.
   */
  #isToScan (from: number): boolean {
    const { size } = this.#keys
    if (this.#isDense || size > KEYS_AT_ONCE || !this.#index.isComplete) return true
    return this.#window.next - from <= size * LOOKS_PER_KEY
  }

  /** Returns the index of the next of ours that is not among those found; `undefined` where there is none. */
  #merge (from: number, found: number[]): number | undefined {
    const looks = this.#keys.size * LOOKS_PER_KEY
    const next = this.#index.merge(this.#keys, (key) => Math.max(from, this.#firstIndex(key) ?? 0), KEYED_ENTRIES, found)
    this.#looks += looks
    this.#isDense = next !== undefined && next - from <= looks
    return next
  }

  /**
   * Looks at entries, some of which are ours. Returns the index from which on others may be; `undefined` at the head.
   */
  #scan (from: number, found: number[]): number | undefined {
    const window = this.#window
    const end = Math.min(window.next, from + SCAN_ENTRIES)
    let index = from
    for (; index < end && found.length < KEYED_ENTRIES; index++) {
      const entry = window.at(index)
      if (entry !== undefined && this.isOurs(entry)) found.push(index)
    }
    this.#looks += index - from
    // where there were none, the index of keys finds the next, however far away it is
    this.#isDense = found.length > 0
    return index < window.next ? index : undefined
  }

  /** Ours are the entries from `index` on, as far as the index of keys says so. */
  #goOnAt (index: number): void {
    this.#isWalking = false
    this.#collected = []
    this.#left = 0
    this.#isOnlyOne = false
    this.#pending = index < this.#window.next ? index : undefined
  }

  /** From the pages into the window, and back where the window has moved on past what was not given. */
  #turn (): void {
    if (this.#isWalking) {
      const { index } = this.#walk
      if (index === undefined) return
      this.#position = this.#walk.position
      this.#passedIndex = index - 1
      this.#goOnAt(index)
      return
    }
    this.#forgetRemoved()
    const next = this.#first
    if (next === undefined || next >= this.#window.oldest) return
    const index = this.#passedIndex + 1
    this.#forgetSince(index)
    this.#isWalking = true
    this.#walk.restart({ kind: 'older', after: this.#position }, this.#position, index)
  }

  /** What was collected may be of a key that is not followed any more. */
  #forgetRemoved (): void {
    if (this.#removals === this.#keys.removals) return
    this.#removals = this.#keys.removals
    const next = this.#first
    if (next !== undefined) this.#goOnAt(next)
  }

  /**
   * All entries from `index` on are ours, whenever their key was followed: the pages that they may move to need no
   * mark.
   */
  #forgetSince (index: number): void {
    this.#turnOfKeys = this.#keys.turnAt(index, this.#turnOfKeys)
  }

  /** In pages an entry has no index: the one after which a key was followed is known by its position. */
  #passesSince (passed: string): void {
    this.#turnOfKeys = this.#keys.turnAfter(passed, this.#turnOfKeys)
  }
}
