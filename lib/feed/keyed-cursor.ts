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

/** Walks over the entries of some keys. */
export class KeyedCursor implements EntryCursor, KeyFollower {
  /** Called where an entry is offered to a cursor that had none. */
  onOffer: () => void = () => {}
  /** Called when the cursor lets go. */
  onRelease: () => void = () => {}
  readonly #log: EventLog
  readonly #index: KeyIndex
  readonly #keys: Set<string>
  /** For a key that was followed later: the index from which on its entries are ours. */
  #since: Map<string, number> | undefined
  /** Walks before the window; in the window it rests. */
  readonly #walk: Cursor
  #isWalking = true
  /** The first index that was not collected and may be ours; `undefined` where there is none. */
  #pending: number | undefined
  /** True where that is the only one. */
  #isOnlyOne = false
  #collected: number[] = []
  #next = 0
  #position: string
  #fallenAt = 0

  constructor (log: EventLog, index: KeyIndex, keys: Iterable<string>, place: Place, position: string) {
    this.#log = log
    this.#index = index
    this.#keys = new Set(keys)
    this.#position = position
    this.#walk = new Cursor(log, place, position)
    for (const key of this.#keys) index.follow(key, this)
  }

  get position (): string {
    const { index } = this
    if (this.#isWalking) return this.#walk.position
    // what is ours before the next entry was given, so the position is as new as can be
    return index === undefined || index < this.#log.window.oldest ? this.#position : this.#log.window.positionBefore(index)
  }

  get index (): number | undefined {
    this.#turn()
    return this.#isWalking ? undefined : this.#collected[this.#next] ?? this.#pending ?? this.#log.window.next
  }

  get lastIndex (): number { return this.index ?? this.#fallenAt }

  get hole (): Hole | undefined {
    this.#turn()
    return this.#isWalking ? this.#walk.hole : undefined
  }

  peek (): Entry | undefined {
    this.#turn()
    if (this.#isWalking) {
      for (let entry = this.#walk.peek(); entry !== undefined; entry = this.#walk.peek()) {
        // what stands before the window was published before a key was followed later
        if (this.hasKey(entry) && this.#since?.has(entry.key ?? '') !== true) return entry
        this.#walk.pass(entry)
        this.#turn()
        if (!this.#isWalking) return this.peek()
      }
      return undefined
    }
    if (this.#next === this.#collected.length) this.#collect()
    const index = this.#collected[this.#next]
    return index === undefined ? undefined : this.#log.window.at(index)
  }

  pass (entry: Entry): void {
    if (this.#isWalking) return this.#walk.pass(entry)
    this.#position = entry.position
    this.#next++
  }

  skipTo (index: number): void {
    this.#position = this.#log.window.positionBefore(index)
    this.#goOnAt(index)
  }

  restart (place: Place, position: string): void {
    this.#isWalking = true
    this.#walk.restart(place, position)
  }

  load (wake: () => void, fail: (error: unknown) => void): boolean {
    this.#turn()
    return this.#isWalking && this.#walk.load(wake, fail)
  }

  release (): void {
    for (const key of this.#keys) this.#index.unfollow(key, this)
    this.#walk.release()
    this.onRelease()
    this.onOffer = () => {}
    this.onRelease = () => {}
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
    this.#since.set(key, this.#log.window.next)
    this.#index.follow(key, this)
  }

  /** Takes no entry of a key any more, also none that waits already. */
  unfollow (key: string): void {
    if (!this.#keys.delete(key)) return
    this.#since?.delete(key)
    this.#index.unfollow(key, this)
    // what was collected may be of that key
    if (!this.#isWalking) this.#goOnAt(this.#collected[this.#next] ?? this.#pending ?? this.#log.window.next)
  }

  offer (index: number): void {
    if (this.#isWalking) return
    if (this.#pending !== undefined) {
      this.#isOnlyOne = false
      return
    }
    this.#pending = index
    this.#isOnlyOne = true
    if (this.#next === this.#collected.length) this.onOffer()
  }

  /** Collects the next of ours from the index, in order. */
  #collect (): void {
    this.#collected = []
    this.#next = 0
    const from = this.#pending
    this.#pending = undefined
    if (from === undefined) return
    if (this.#isOnlyOne) {
      this.#collected.push(from)
      return
    }
    const found = this.#collected
    for (const key of this.#keys) this.#index.collect(key, Math.max(from, this.#since?.get(key) ?? 0), KEYED_ENTRIES + 1, found)
    found.sort((a, b) => a - b)
    if (found.length <= KEYED_ENTRIES) return
    this.#pending = found[KEYED_ENTRIES]
    found.length = KEYED_ENTRIES
  }

  /** Ours are the entries from `index` on, as far as the index of keys says so. */
  #goOnAt (index: number): void {
    this.#isWalking = false
    this.#collected = []
    this.#next = 0
    this.#isOnlyOne = false
    this.#pending = index < this.#log.window.next ? index : undefined
  }

  /** From the pages into the window, and back where the window has moved on past what was not given. */
  #turn (): void {
    if (this.#isWalking) {
      const { index } = this.#walk
      if (index === undefined) return
      this.#position = this.#walk.position
      this.#goOnAt(index)
      return
    }
    const next = this.#collected[this.#next] ?? this.#pending
    if (next === undefined || next >= this.#log.window.oldest) return
    this.#fallenAt = next
    this.restart({ kind: 'older', after: this.#position }, this.#position)
  }
}
