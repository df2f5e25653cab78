/**
 * A cursor over the entries of some keys. In the window it takes them from the index of keys, and before that from
 * what is kept by key; without histories by key it walks through pages like any other. A caught-up one stands at the
 * head, however much passes that is not for it: it misses nothing by that, and cannot fall off the log.
 */
import type { Entry } from '../feed/entry.ts'
import type { KeyFollower, KeyIndex } from '../feed/key-index.ts'
import type { KeyHistories } from '../feed/key-histories.ts'
import type { LocatedGap, Location } from '../feed/location.ts'
import type { Pages } from '../feed/pages.ts'
import type { Window } from '../feed/window.ts'
import { CountedKeys } from './counted-keys.ts'
import { Cursor, type EntryCursor, type HeldHistory } from './cursor.ts'
import type { FollowedKeys } from './followed-keys.ts'
import { KeyedEntries, type Taker } from './keyed-entries.ts'

/** Walks over the entries of some keys. */
export class KeyedCursor implements EntryCursor, KeyFollower, Taker {
  /** Who reads: is stirred where an entry is offered to a cursor that had none. */
  reader: { stir (): void } | undefined
  readonly #window: Window
  readonly #histories: KeyHistories | undefined
  readonly #keys: FollowedKeys
  readonly #entries: KeyedEntries
  readonly #counted: CountedKeys
  readonly #pages: Pages
  /** How many keys had been given up when the entries were collected. */
  #removals: number
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
  /** The losses of the histories that it has heard of, and the index before which what is lost was told. */
  #losses = 0
  #toldUpTo = 0
  /** The index at which the stream began; 0 where that was before the window. */
  readonly #beganAt: number

  constructor (history: HeldHistory, index: KeyIndex, keys: FollowedKeys, location: Location, position: string) {
    this.#window = history.window
    this.#histories = history.histories
    this.#keys = keys
    this.#entries = new KeyedEntries(history, index, keys, this)
    this.#counted = new CountedKeys(keys)
    this.#pages = history.pages
    this.#removals = keys.removals
    this.#position = position
    this.#beganAt = location.kind === 'older' ? 0 : location.index
    this.#walk = new Cursor(history, location.kind === 'kept' ? { kind: 'window', index: history.window.next } : location, position)
    if (location.kind === 'kept') this.#enterKept(location.index, location.toldUpTo)
    keys.enter(this, index)
  }

  get isKeyed (): boolean { return true }

  get position (): string {
    const { index } = this
    if (this.#isWalking) return this.#walk.position
    // what is ours before the next entry was given, so the position is as new as can be
    return index === undefined || index < this.#window.oldest ? this.#placeBefore(index).position : this.#window.positionBefore(index)
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
      if (this.#isUnsure) return undefined
      for (let entry = this.#walk.peek(); entry !== undefined; entry = this.#walk.peek()) {
        if (entry.keys.some((key) => this.#keys.has(key) && this.firstIndex(key) === undefined)) return entry
        this.#walk.pass(entry)
        this.#counted.pass(entry.position)
        this.#turn()
        if (!this.#isWalking) return this.peek()
      }
      return undefined
    }
    for (;;) {
      if (this.#left === 0 && !this.#isOnlyOne) this.#collect()
      // what is pending need not be ours
      const index = this.#left > 0 || this.#isOnlyOne ? this.#first : undefined
      if (index === undefined) return undefined
      const entry = this.#entries.at(index)
      this.#entries.remember(index)
      if (entry !== undefined) return entry
      // it was kept when it was collected, and what is lost here was told
      this.#passIndex(index)
    }
  }

  pass (entry: Entry): void {
    if (this.#isWalking) {
      this.#walk.pass(entry)
      this.#counted.pass(entry.position)
      return
    }
    this.#position = entry.position
    this.#passIndex(entry.index)
    // nobody counts the parsed data of what the window has dropped
    if (entry.index < this.#window.oldest) entry.forgetView()
  }

  skipTo (index: number, passed?: string): void {
    const window = this.#window
    this.#position = index < window.oldest ? passed ?? this.position : window.positionBefore(index)
    this.#passedIndex = index - 1
    this.#goOnAt(index)
  }

  restart (location: Location, position: string, index?: number): void {
    // after a gap nothing tells where a key was followed: better an entry too many than one that is lost in silence
    if (location.kind === 'older') this.#counted.countAll()
    else this.#counted.goOnAt(location.index)
    if (location.kind === 'kept') {
      this.#position = position
      this.#enterKept(location.index, location.toldUpTo)
      return
    }
    this.#isWalking = true
    this.#walk.restart(location, position, index)
  }

  restartAfterSnapshot (location: Location, position: string): void {
    this.#counted.countAll()
    this.restart(location, position)
  }

  load (wake: () => void, fail: (error: unknown) => void): boolean {
    this.#turn()
    if (this.#isWalking) {
      if (!this.#isUnsure) return this.#walk.load(wake, fail)
      this.#counted.survey(this.#pages, this.#walk.position, wake, fail)
      return true
    }
    if (!this.#entries.isTired || this.#pending === undefined || this.#left > 0) return false
    this.#entries.rest(wake)
    return true
  }

  release (): void {
    this.#keys.leave(this)
    this.#walk.release()
    this.reader = undefined
  }

  isOurs ({ keys, index }: Entry): boolean {
    for (const key of keys) if (this.#keys.has(key) && index >= (this.firstIndex(key) ?? 0)) return true
    return false
  }

  hasFromStart (key: string): boolean { return this.#keys.has(key) && this.firstIndex(key) === undefined }

  comesBy (entry: Entry, joined: string): boolean {
    const { keys, index } = entry
    if (index < this.#beganAt) return false
    const { lastIndex } = this
    if (lastIndex !== 0 && index >= lastIndex && this.isOurs(entry)) return true
    return keys.some((key) => key !== joined && this.#keys.has(key) && index >= (this.firstIndex(key) ?? 0))
  }

  offer (index: number): void {
    if (this.#isWalking) return
    if (this.#pending !== undefined) {
      this.#isOnlyOne = false
      return
    }
    this.#pending = index
    this.#isOnlyOne = true
    this.#entries.remember(index)
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

  firstIndex (key: string): number | undefined {
    return this.#counted.firstIndex(key)
  }

  /** The index of the first entry that is ours and was not passed, or may be ours; `undefined` at the head. */
  get #first (): number | undefined {
    return this.#left > 0 ? this.#collected[this.#next] : this.#pending
  }

  /** Collects the next of ours, in order. Finds none where it is to go on in a later turn. */
  #collect (): void {
    const found: number[] = []
    if (this.#pending !== undefined) this.#pending = this.#entries.collect(this.#pending, found)
    this.#collected = found
    this.#next = 0
    this.#left = found.length
  }

  #passIndex (index: number): void {
    this.#passedIndex = index
    if (this.#left > 0) {
      this.#left--
      this.#next++
    } else {
      // others may have been offered since it was given
      this.#pending = this.#isOnlyOne ? undefined : index + 1
      this.#isOnlyOne = false
    }
  }

  /** Ours are the entries from `index` on, as far as the index of keys says so. */
  #goOnAt (index: number): void {
    this.#isWalking = false
    this.#collected = []
    this.#left = 0
    this.#isOnlyOne = false
    this.#pending = index < this.#window.next ? index : undefined
  }

  /** @param toldUpTo the index before which what is lost was told */
  #enterKept (index: number, toldUpTo: number): void {
    this.#passedIndex = index - 1
    this.#toldUpTo = toldUpTo
    this.#losses = 0
    this.#goOnAt(index)
  }

  /** True where entries of ours that were not passed are not kept any more, and nobody was told. */
  #hasLost (histories: KeyHistories): boolean {
    if (this.#losses === histories.losses) return false
    const from = Math.max(this.#passedIndex + 1, this.#toldUpTo)
    if (histories.newestLost(this.#keys, (key) => Math.max(from, this.firstIndex(key) ?? 0)) > 0) return true
    this.#losses = histories.losses
    return false
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
    if (this.#histories !== undefined && !this.#hasLost(this.#histories)) return
    const { index, position } = this.#placeBefore(next)
    this.#counted.goOnAt(index)
    this.#isWalking = true
    this.#walk.restart({ kind: 'older', after: position }, position, index)
  }

  /** True where it must be found out first which entries of the pages are ours. */
  get #isUnsure (): boolean { return this.#counted.isUnsure(this.#walk.lastIndex !== 0) }

  /** The place from which on ours may follow, as new as can be. */
  #placeBefore (next: number | undefined): { readonly index: number, readonly position: string } {
    const position = next === undefined ? undefined : this.#histories?.positionBefore(next) ?? this.#entries.positionBefore(next)
    if (next !== undefined && position !== undefined) return { index: next, position }
    return { index: this.#passedIndex + 1, position: this.#position }
  }

  /** What was collected may be of a key that is not followed any more. */
  #forgetRemoved (): void {
    if (this.#removals === this.#keys.removals) return
    this.#removals = this.#keys.removals
    const next = this.#first
    if (next !== undefined) this.#goOnAt(next)
  }
}
