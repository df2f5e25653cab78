/**
 * A cursor over the entries of some keys. In the window it takes them from the index of keys; before the window it walks
 * through pages like any other. A caught-up one stands at the head, however much passes that is not for it: it misses nothing by
 * that, and can not fall off the log.
 */
import { KEYED_ENTRIES } from '../defaults.ts'
import type { Entry } from '../log/entry.ts'
import type { EventLog, Hole, Place } from '../log/event-log.ts'
import { Cursor, type EntryCursor } from './cursor.ts'
import type { KeyFollower, KeyIndex } from './key-index.ts'

/** Where a key was followed: its entries are ours from an index on, and behind a position. */
interface Since { readonly index: number, readonly position: string }

/** Walks over the entries of some keys. */
export class KeyedCursor implements EntryCursor, KeyFollower {
  /** Who reads: is stirred where an entry is offered to a cursor that had none. */
  reader: { stir (): void } | undefined
  readonly #log: EventLog
  readonly #index: KeyIndex
  readonly #keys: Set<string>
  /** For a key that was followed later: from where on its entries are ours. It is forgotten where we have passed that in pages. */
  #since: Map<string, Since> | undefined
  /** Walks before the window; in the window it rests. */
  readonly #walk: Cursor
  #isWalking = true
  /** The first index that was not collected and may be ours; `undefined` where there is none. */
  #pending: number | undefined
  /** True where that is ours and the only one: then it need not be collected. */
  #isOnlyOne = false
  #collected: number[] = []
  #next = 0
  /** How many of the collected were not passed. */
  #left = 0
  #position: string
  /** The index of the entry at that position, in the window. */
  #passedIndex = 0

  constructor (log: EventLog, index: KeyIndex, keys: Iterable<string>, place: Place, position: string) {
    this.#log = log
    this.#index = index
    this.#keys = new Set(keys)
    this.#position = position
    this.#walk = new Cursor(log, place, position)
    for (const key of this.#keys) index.follow(key, this)
  }

  get isKeyed (): boolean { return true }

  get position (): string {
    const { index } = this
    if (this.#isWalking) return this.#walk.position
    // what is ours before the next entry was given, so the position is as new as can be
    return index === undefined || index < this.#log.window.oldest ? this.#position : this.#log.window.positionBefore(index)
  }

  get index (): number | undefined {
    this.#turn()
    return this.#isWalking ? undefined : this.#first ?? this.#log.window.next
  }

  get lastIndex (): number { return this.index ?? this.#walk.lastIndex }

  get hole (): Hole | undefined {
    this.#turn()
    return this.#isWalking ? this.#walk.hole : undefined
  }

  peek (): Entry | undefined {
    this.#turn()
    if (this.#isWalking) {
      for (let entry = this.#walk.peek(); entry !== undefined; entry = this.#walk.peek()) {
        if (this.hasKey(entry) && this.#since?.has(entry.key ?? '') !== true) return entry
        this.#walk.pass(entry)
        this.#passesSince(entry.position)
        this.#turn()
        if (!this.#isWalking) return this.peek()
      }
      return undefined
    }
    if (this.#left === 0 && !this.#isOnlyOne) this.#collect()
    const index = this.#first
    return index === undefined ? undefined : this.#log.window.at(index)
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

  skipTo (index: number): void {
    this.#position = this.#log.window.positionBefore(index)
    this.#passedIndex = index - 1
    this.#goOnAt(index)
  }

  restart (place: Place, position: string, index?: number): void {
    // behind a hole nothing tells where a key was followed: better an entry too many than one that is lost in silence
    if (place.kind === 'older') this.#since = undefined
    else this.#forgetSince(place.index)
    this.#isWalking = true
    this.#walk.restart(place, position, index)
  }

  restartBehindState (place: Place, position: string): void {
    this.#since = undefined
    this.restart(place, position)
  }

  load (wake: () => void, fail: (error: unknown) => void): boolean {
    this.#turn()
    return this.#isWalking && this.#walk.load(wake, fail)
  }

  release (): void {
    for (const key of this.#keys) this.#index.unfollow(key, this)
    this.#walk.release()
    this.reader = undefined
  }

  isOurs (entry: Entry): boolean {
    return this.hasKey(entry) && entry.index >= (this.#since?.get(entry.key ?? '')?.index ?? 0)
  }

  /** True for an entry of a key that is followed now. */
  hasKey ({ key }: Entry): boolean {
    return key !== undefined && this.#keys.has(key)
  }

  /** Takes the entries of one more key, from the next that is published. */
  follow (key: string): void {
    if (this.#keys.has(key)) return
    this.#keys.add(key)
    this.#since ??= new Map()
    const { window } = this.#log
    this.#since.set(key, { index: window.next, position: window.positionBefore(window.next) })
    this.#index.follow(key, this)
  }

  /** Takes no entry of a key any more, also none that waits already. */
  unfollow (key: string): void {
    if (!this.#keys.delete(key)) return
    this.#since?.delete(key)
    this.#index.unfollow(key, this)
    // what was collected may be of that key
    if (!this.#isWalking) this.#goOnAt(this.#first ?? this.#log.window.next)
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

  /** The index of the first entry that is ours and was not passed, or may be ours; `undefined` at the head. */
  get #first (): number | undefined {
    return this.#left > 0 ? this.#collected[this.#next] : this.#pending
  }

  /** Collects the next of ours from the index, in order. */
  #collect (): void {
    const from = this.#pending
    if (from === undefined) return
    const found: number[] = []
    for (const key of this.#keys) this.#index.collect(key, Math.max(from, this.#since?.get(key)?.index ?? 0), KEYED_ENTRIES + 1, found)
    found.sort((a, b) => a - b)
    this.#pending = found[KEYED_ENTRIES]
    this.#collected = found
    this.#next = 0
    this.#left = Math.min(found.length, KEYED_ENTRIES)
  }

  /** Ours are the entries from `index` on, as far as the index of keys says so. */
  #goOnAt (index: number): void {
    this.#isWalking = false
    this.#collected = []
    this.#left = 0
    this.#isOnlyOne = false
    this.#pending = index < this.#log.window.next ? index : undefined
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
    const next = this.#first
    if (next === undefined || next >= this.#log.window.oldest) return
    const index = this.#passedIndex + 1
    this.#forgetSince(index)
    this.#isWalking = true
    this.#walk.restart({ kind: 'older', after: this.#position }, this.#position, index)
  }

  /** All entries from `index` on are ours, of whatever key that is followed by then: the pages that they may move to need no mark. */
  #forgetSince (index: number): void {
    for (const [key, since] of this.#since ?? []) if (since.index <= index) this.#since?.delete(key)
  }

  /** In pages an entry has no index: the one behind which a key was followed is known by its position. */
  #passesSince (passed: string): void {
    for (const [key, { position }] of this.#since ?? []) if (position === passed) this.#since?.delete(key)
  }
}
