/**
 * The keys that a subscription follows. All of its streams share them, so following one more key costs the same for
 * one stream and for thousands. It does not know where a stream stands.
 */
import { KEYS_AT_ONCE } from '../defaults.ts'
import type { KeyFollower, KeyIndex, WideFollower } from '../feed/key-index.ts'
import type { Window } from '../feed/window.ts'
import { firstIndex } from '../indexed-ring.ts'

/** So many keys that were given up are remembered at least: to forget them costs a look at all others. */
const FEWEST_MARKS = 100

/** When a key was followed while streams were open. */
interface Since {
  /** Counts the calls of `follow`. */
  readonly turn: number
  /** Entries from this index on count, and those after this position. */
  readonly index: number
  readonly position: string
}

/** The keys of one subscription. */
export class FollowedKeys implements WideFollower {
  readonly #window: Window
  readonly #keys: Set<string>
  /** The open streams. */
  readonly #streams = new Set<KeyFollower>()
  /** The keys that were followed after the first open stream began, in that order. */
  #since: Map<string, Since> | undefined
  /** The same, by turn; keys that were given up may be among them. */
  #marks: Since[] = []
  /** The newest at each position. */
  readonly #marksAt = new Map<string, Since>()
  /** `undefined` until the first stream has entered. */
  #index: KeyIndex | undefined
  /** The keys that the index is still to hear of, because the first stream has entered or the last has left. */
  #untold: Iterator<string> | undefined
  #turn = 0
  #removals = 0
  /** The index of the entry that was offered last. */
  #offered = -1

  constructor (window: Window, keys: Set<string>) {
    this.#window = window
    this.#keys = keys
  }

  /** The number of the newest `follow`. A stream remembers it, and so knows which keys were followed later. */
  get turn (): number { return this.#turn }

  /** How often a key was given up. */
  get removals (): number { return this.#removals }

  has (key: string): boolean {
    return this.#keys.has(key)
  }

  /** How many keys are followed now. */
  get size (): number { return this.#keys.size }

  /** The keys that are followed now. */
  [Symbol.iterator] (): Iterator<string> {
    return this.#keys.values()
  }

  /** Offers the entries of the keys to one more stream. The index knows the keys of open streams only. */
  enter (stream: KeyFollower, index: KeyIndex): void {
    this.#index = index
    this.#streams.add(stream)
    if (this.#streams.size > 1) return
    // until it has heard of all keys, it asks about each entry
    if (this.#keys.size > KEYS_AT_ONCE) index.widen(this)
    this.#untold = this.#keys.values()
    this.#tell(this.#untold, index)
  }

  /** Offers it nothing more. */
  leave (stream: KeyFollower): void {
    const index = this.#index
    if (!this.#streams.delete(stream) || this.#streams.size > 0 || index === undefined) return
    this.#since = undefined
    this.#remember([])
    index.narrow(this)
    this.#untold = this.#keys.values()
    this.#tell(this.#untold, index)
  }

  /**
   * Tells the index that the keys are followed, or no longer, some of them in each turn. A key that changes meanwhile
   * is passed on at once.
   */
  #tell (untold: Iterator<string>, index: KeyIndex): void {
    // overtaken: a stream has entered, or the last has left
    if (this.#untold !== untold) return
    const isFollowing = this.#streams.size > 0
    for (let count = 0; count < KEYS_AT_ONCE; count++) {
      const { done, value } = untold.next()
      if (done === true) {
        this.#untold = undefined
        index.narrow(this)
        return
      }
      if (isFollowing) index.follow(value, this)
      else index.unfollow(value, this)
    }
    setImmediate(() => { this.#tell(untold, index) })
  }

  offer (index: number): void {
    // an entry of several keys is offered for each of them
    if (index === this.#offered) return
    this.#offered = index
    for (const stream of this.#streams) stream.offer(index)
  }

  /** Takes the entries of one more key, from the next that is published. */
  follow (key: string): void {
    if (this.#keys.has(key)) return
    this.#keys.add(key)
    if (this.#index === undefined || this.#streams.size === 0) return
    const index = this.#window.next
    // where nobody knows what comes next: better an entry too many than one that is lost in silence
    if (!this.#window.isHeadUnknown) {
      this.#since ??= new Map()
      const since = { turn: ++this.#turn, index, position: this.#window.positionBefore(index) }
      this.#since.set(key, since)
      this.#marks.push(since)
      this.#marksAt.set(since.position, since)
    }
    this.#index.follow(key, this)
  }

  /** Takes no entry of a key any more. */
  unfollow (key: string): void {
    if (!this.#keys.delete(key)) return
    this.#removals++
    if (this.#since?.delete(key) === true && this.#marks.length > 2 * this.#since.size + FEWEST_MARKS) this.#remember(this.#since.values())
    this.#index?.unfollow(key, this)
  }

  /**
   * From which index on the entries of a key count, where it was followed after `turn`; `undefined` where all of them
   * count.
   */
  firstIndex (key: string, turn: number): number | undefined {
    const since = turn === this.#turn ? undefined : this.#since?.get(key)
    return since === undefined || since.turn <= turn ? undefined : since.index
  }

  /** The newest turn after `turn` whose first index is `index` or lower; `turn` where there is none. */
  turnAt (index: number, turn: number): number {
    if (turn === this.#turn) return turn
    // turns rise with their indexes and positions
    const place = firstIndex(0, this.#marks.length, (place) => (this.#marks[place]?.index ?? 0) > index)
    return Math.max(turn, this.#marks[place - 1]?.turn ?? 0)
  }

  /** The newest turn after `turn` whose entries follow that position; `turn` where there is none. */
  turnAfter (position: string, turn: number): number {
    return turn === this.#turn ? turn : Math.max(turn, this.#marksAt.get(position)?.turn ?? 0)
  }

  /** The position after which the entries of the first turn after `turn` count; `undefined` where there is none. */
  positionAfter (turn: number): string | undefined {
    return this.#marks[firstIndex(0, this.#marks.length, (place) => (this.#marks[place]?.turn ?? 0) > turn)]?.position
  }

  #remember (marks: Iterable<Since>): void {
    this.#marks = [...marks]
    this.#marksAt.clear()
    for (const mark of this.#marks) this.#marksAt.set(mark.position, mark)
  }
}
