/**
 * What this process holds of a log: its newest entries, by dense index, and the bound on them. The log may keep more.
 * It does not know who reads.
 */
import type { Clock } from '../clock.ts'
import { Few } from '../few.ts'
import { firstIndex, IndexedRing } from '../indexed-ring.ts'
import type { Retention } from '../log/retention.ts'
import type { Entry } from './entry.ts'
import { Forms, Views, type OnHeld } from './forms.ts'
import { Positions } from './positions.ts'

/** Whoever keeps something of the entries in the window. */
export interface DropListener {
  /**
   * The oldest entry leaves: drops what is kept of it.
   *
   * @param moment when it was published, by the clock that is never set
   */
  drop (entry: Entry, moment: number): void
}

/** A log that numbers its entries as the window does. */
export interface Numbered {
  /** The number of the entry that follows a position, or of the next; `undefined` where the log does not have that. */
  numberAfter (position: string): number | undefined
  /** Its oldest entry has left the window. */
  dropOldest (): void
}

/** The entries from `oldest` (inclusive) to `next` (exclusive). */
export class Window {
  /** The bound on it. */
  readonly retention: Retention
  /** Cached forms of the entries: they count toward the bound, and leave before entries do. */
  readonly forms: Forms
  readonly #views: Views
  readonly #clock: Clock
  readonly #ring = new IndexedRing<Entry>(1)
  /** For each entry the bytes of all that ever stood before it, so that how far a reader is behind needs no walk. */
  readonly #offsets = new IndexedRing<number>(1)
  #offset = 0
  /** For each entry when it was published, by the clock that is never set. Never decreases. */
  readonly #moments = new IndexedRing<number>(1)
  #moment = -Infinity
  readonly #dropListeners = new Few<DropListener>()
  /** Made when somebody first asks where a position stands. */
  #positions: Positions | undefined
  readonly #numbered: Numbered | undefined
  /** The position before the oldest entry; where that is not known, one that is further back. */
  #before = ''
  #isBeforeKnown = false
  #found = ''
  #contiguousFrom = 1
  #version = 0
  #bytes = 0
  #held = 0
  #isTrimDue = false
  readonly #onHeld: OnHeld | undefined

  /** @param numbered a log that has the same entries, with their indexes as numbers: then it knows where they stand */
  constructor (clock: Clock, retention: Retention, numbered?: Numbered, onHeld?: OnHeld) {
    this.#clock = clock
    this.retention = retention
    this.#numbered = numbered
    this.#onHeld = onHeld
    this.forms = new Forms(retention.bytes, onHeld)
    this.#views = new Views(this.forms)
  }

  /** The index of the oldest entry; equal to `next` where there is none. Indexes begin with 1. */
  get oldest (): number { return this.#ring.first }
  /** The index that the next entry will get. */
  get next (): number { return this.#ring.next }
  /** How many entries there are. */
  get size (): number { return this.#ring.next - this.#ring.first }
  /** The bytes of all entries, of what else is held, and of cached forms. */
  get bytes (): number { return this.#bytes + this.#held + this.forms.bytes }

  /** How many of the bytes entries may hold: all but those that are held for other things. */
  get room (): number { return this.retention.bytes - (this.#bytes - this.bytesSince(this.oldest)) }

  /** How many of the bytes entries and what else is held leave; negative where one entry alone is larger. */
  get left (): number { return this.retention.bytes - this.#bytes }

  /** From this index on each entry follows the one before it in the log. */
  get contiguousFrom (): number { return this.#contiguousFrom }
  /** True where the log keeps nothing from before the window. */
  get isWhole (): boolean { return this.#numbered !== undefined }
  /** Changes with all that comes, and where something was lost. */
  get version (): number { return this.#version }
  /** True where nobody knows which position the next entry follows: something was lost, and nothing has come since. */
  get isHeadUnknown (): boolean { return this.size === 0 && !this.#isBeforeKnown }

  /**
   * The position of the newest entry. Where nobody knows that, one that is further back, and as new as what was found
   * by those who read pages.
   */
  get head (): string { return this.isHeadUnknown ? this.#found : this.positionBefore(this.next) }

  /** Somebody has read pages from a position to one that is further on. Matters only where the head is not known. */
  find (from: string, to: string): void {
    if (this.isHeadUnknown && from === this.#found) this.#found = to
  }

  /** The entry at an index; `undefined` for one that is not here. */
  at (index: number): Entry | undefined {
    return this.#ring.at(index)
  }

  /**
   * The position just before the entry at `index`, for `oldest` to `next`, both inclusive: what a client that waits for
   * it has seen. Where something was lost before it, the last position before that: who comes back with it is given
   * what was lost too, as far as the log keeps it.
   */
  positionBefore (index: number): string {
    return this.#ring.at(index - 1)?.position ?? this.#before
  }

  /**
   * The index of the entry that follows a position, or of the head; `undefined` where that is not known here, or not
   * yet.
   */
  indexAfter (position: string): number | undefined {
    if (this.#numbered !== undefined) return this.#numbered.numberAfter(position)
    if (this.#isBeforeKnown && position === this.#before) return this.oldest
    if (position === this.#ring.at(this.next - 1)?.position) return this.next
    this.#positions ??= new Positions(this.#ring)
    const index = this.#positions.indexOf(position)
    return index === undefined ? undefined : index + 1
  }

  /** The position just before the oldest entry is found out; where it is known already, nothing happens. */
  learnBefore (position: string): void {
    if (this.#isBeforeKnown) return
    this.#before = position
    this.#isBeforeKnown = true
  }

  /** The position just before the oldest entry, or before the next that comes; `undefined` where it is not known. */
  get before (): string | undefined { return this.#isBeforeKnown ? this.#before : undefined }

  /** The bytes of the entries from an index on, without cached forms; of all where that index has left. */
  bytesSince (index: number): number {
    if (index >= this.next) return 0
    return this.#offset - (this.#offsets.at(Math.max(index, this.oldest)) ?? this.#offset)
  }

  /** How old an entry is, in milliseconds. Steps of the wall clock do not count. 0 for an entry that is not here. */
  ageOf (index: number): number {
    const moment = this.#moments.at(index)
    return moment === undefined ? 0 : this.#clock.elapsed() - moment
  }

  /** The index of the first entry that was published at `time`, or later; `next` where there is none. */
  firstSince (time: number): number {
    // its time may have been that of a clock that was set since: better an entry too many than one too few
    const ageMs = this.#clock.now() - time
    return firstIndex(this.oldest, this.next, (index) => (this.at(index)?.at ?? 0) >= time || this.ageOf(index) <= ageMs)
  }

  /** Adds an entry, whose index is `next`, and drops what is over the bound. */
  push (entry: Entry): void {
    this.#ring.push(entry)
    this.#offsets.push(this.#offset)
    this.#offset += entry.size
    this.#bytes += entry.size
    this.#onHeld?.(entry.size, 'entries')
    // another process may have published it a while ago: only the wall clock says when
    this.#moment = Math.max(this.#moment, this.#clock.elapsed() - Math.max(0, this.#clock.now() - entry.at))
    this.#moments.push(this.#moment)
    entry.keptBy(this.#views)
    this.#version++
    this.trim()
  }

  /**
   * Counts bytes that are held in addition to the entries: negative where they are given back. Nothing is dropped
   * before the next `trim`.
   */
  charge (bytes: number): void {
    this.#bytes += bytes
  }

  /** As `charge`, of what takes the place of forms only: no entry leaves for it. */
  hold (bytes: number): void {
    this.#held += bytes
    this.trimSoon()
  }

  /** From now on `listener` hears of each entry that leaves. Returns the function that ends it. */
  addDropListener (listener: DropListener): () => void {
    this.#dropListeners.add(listener)
    return () => { this.#dropListeners.delete(listener) }
  }

  /** Drops forms, and then the oldest entries, while any bound is passed. */
  trim (): void {
    const { entries, bytes, ageMs } = this.retention
    if (this.bytes > bytes) this.forms.shrink(Math.max(0, bytes - this.#bytes - this.#held))
    const before = ageMs === Infinity ? -Infinity : this.#clock.elapsed() - ageMs
    for (let oldest = this.#ring.at(this.#ring.first); oldest !== undefined; oldest = this.#ring.at(this.#ring.first)) {
      if (this.size <= entries && (this.#moments.at(this.oldest) ?? 0) >= before && (this.#bytes <= bytes || this.size === 1)) return
      this.#drop(oldest)
    }
  }

  /** Drops the oldest entries, until these bytes are free, or no more than `left` entries are there. */
  shed (bytes: number, left: number): void {
    const until = this.#bytes - bytes
    for (let oldest = this.#ring.at(this.#ring.first); oldest !== undefined; oldest = this.#ring.at(this.#ring.first)) {
      if (this.#bytes <= until || this.size <= left) return
      this.#drop(oldest)
    }
  }

  /** As `trim`, but when all have read who are about to: what one of them caches takes no entry from the next. */
  trimSoon (): void {
    if (this.#isTrimDue || (this.left >= 0 && (this.bytes <= this.retention.bytes || this.forms.bytes === 0))) return
    this.#isTrimDue = true
    setImmediate(() => {
      this.#isTrimDue = false
      this.trim()
    })
  }

  /** Drops everything. Positions and indexes go on from where they are. */
  clear (): void {
    for (let oldest = this.#ring.at(this.#ring.first); oldest !== undefined; oldest = this.#ring.at(this.#ring.first)) this.#drop(oldest)
  }

  /**
   * What came after `position` is not known, and neither is what the next entry follows. Drops everything, and leaves
   * an index out: nobody takes what comes for what follows.
   */
  lose (position: string): void {
    this.clear()
    const next = this.next + 1
    this.#ring.restart(next)
    this.#offsets.restart(next)
    this.#moments.restart(next)
    this.#contiguousFrom = next
    this.#before = position
    this.#found = position
    this.#isBeforeKnown = false
    this.#version++
  }

  #drop (oldest: Entry): void {
    this.#ring.shift()
    this.#offsets.shift()
    const moment = this.#moments.shift() ?? 0
    this.#before = oldest.position
    this.#isBeforeKnown = true
    this.#positions?.drop(oldest.position)
    this.#numbered?.dropOldest()
    this.#bytes -= oldest.size
    this.#onHeld?.(-oldest.size, 'entries')
    oldest.letGo()
    this.#views.forget(oldest)
    for (const listener of this.#dropListeners.all) listener.drop(oldest, moment)
  }
}
