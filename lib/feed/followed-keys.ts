/**
 * The keys that a subscription follows. All of its streams share them, so following one more key costs the same for one stream
 * and for thousands. It does not know where a stream stands.
 */
import type { Window } from '../log/window.ts'
import type { KeyFollower, KeyIndex } from './key-index.ts'

/** When a key was followed while streams were open. */
interface Since {
  /** Counts the calls of `follow`. */
  readonly turn: number
  /** Entries from this index on count, and those after this position. */
  readonly index: number
  readonly position: string
}

/** The keys of one subscription. */
export class FollowedKeys implements KeyFollower {
  readonly #window: Window
  readonly #keys: Set<string>
  /** The open streams. */
  readonly #streams = new Set<KeyFollower>()
  /** The keys that were followed after the first open stream began, in that order. */
  #since: Map<string, Since> | undefined
  #index: KeyIndex | undefined
  #turn = 0
  #removals = 0

  constructor (window: Window, keys: Set<string>) {
    this.#window = window
    this.#keys = keys
  }

  /** The number of the newest `follow`. A stream remembers it, and so knows which keys were followed later. */
  get turn (): number { return this.#turn }

  /** How often a key was given up. */
  get removals (): number { return this.#removals }

  has (key: string | undefined): boolean {
    return key !== undefined && this.#keys.has(key)
  }

  /** How many keys are followed now. */
  get size (): number { return this.#keys.size }

  /** The keys that are followed now. */
  [Symbol.iterator] (): Iterator<string> {
    return this.#keys.values()
  }

  /** Offers the entries of the keys to one more stream. The index knows the keys of open streams only. */
  enter (stream: KeyFollower, index: KeyIndex): void {
    if (this.#index === undefined) for (const key of this.#keys) index.follow(key, this)
    this.#index = index
    this.#streams.add(stream)
  }

  /** Offers it nothing more. */
  leave (stream: KeyFollower): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0) return
    for (const key of this.#keys) this.#index?.unfollow(key, this)
    this.#index = undefined
    this.#since = undefined
  }

  offer (index: number): void {
    for (const stream of this.#streams) stream.offer(index)
  }

  /** Takes the entries of one more key, from the next that is published. */
  follow (key: string): void {
    if (this.#keys.has(key)) return
    this.#keys.add(key)
    if (this.#index === undefined) return
    const index = this.#window.next
    this.#since ??= new Map()
    this.#since.set(key, { turn: ++this.#turn, index, position: this.#window.positionBefore(index) })
    this.#index.follow(key, this)
  }

  /** Takes no entry of a key any more. */
  unfollow (key: string): void {
    if (!this.#keys.delete(key)) return
    this.#removals++
    this.#since?.delete(key)
    this.#index?.unfollow(key, this)
  }

  /** From which index on the entries of a key count, where it was followed after `turn`; `undefined` where all of them count. */
  firstIndex (key: string, turn: number): number | undefined {
    const since = turn === this.#turn ? undefined : this.#since?.get(key)
    return since === undefined || since.turn <= turn ? undefined : since.index
  }

  /** The newest turn after `turn` whose first index is `index` or lower; `turn` where there is none. */
  turnAt (index: number, turn: number): number {
    return this.#newest(turn, (since) => since.index <= index)
  }

  /** The newest turn after `turn` whose entries follow that position; `turn` where there is none. */
  turnAfter (position: string, turn: number): number {
    return this.#newest(turn, (since) => since.position === position)
  }

  /** Turns rise with their indexes and positions. */
  #newest (turn: number, holds: (since: Since) => boolean): number {
    let newest = turn
    if (turn === this.#turn) return newest
    for (const since of this.#since?.values() ?? []) if (since.turn > newest && holds(since)) newest = since.turn
    return newest
  }
}
