/**
 * Histories by key: the newest entries of each key, also those that the log has dropped. The history of a key has no
 * hole: it knows the newest of its entries that it has lost, and has all that came later. It does not know who reads.
 */
import type { Clock } from '../clock.ts'
import { HISTORIES_SHARE, HISTORY_BYTES } from '../defaults.ts'
import { IndexedRing } from '../indexed-ring.ts'
import type { Entry } from './entry.ts'
import { KeptEntries, KeptEntry } from './kept-entries.ts'
import { Merge, Posting } from './posting.ts'
import type { DropListener, Window } from './window.ts'

/** The log, whose entries have their indexes as numbers. */
export interface NumberedLog {
  /** The number of an entry by its position, kept or not; 0 before the first; `undefined` for any other position. */
  numberOf (position: string): number | undefined
  positionOf (number: number): string
}

/** The entries of one key: those that the log has dropped come first. */
class KeyHistory extends Posting {
  readonly key: string
  /** Those that the log has dropped; none until there is one. */
  kept: IndexedRing<KeptEntry> | undefined
  /** The index of the newest of its entries that is not here any more; 0 where all are. */
  lost: number

  constructor (key: string, lost: number) {
    super()
    this.key = key
    this.lost = lost
  }

  get size (): number { return this.indexes.next - this.indexes.first }
  get keptSize (): number { return this.kept === undefined ? 0 : this.kept.next - this.kept.first }
}

/** Most entries of some feeds have no key. */
const NONE: readonly KeyHistory[] = Object.freeze([])

/** The histories of one feed. */
export class KeyHistories implements DropListener {
  /** How many entries of each key are kept. */
  readonly perKey: number
  readonly #window: Window
  readonly #clock: Clock
  readonly #log: NumberedLog
  readonly #histories = new Map<string, KeyHistory>()
  readonly #kept = new KeptEntries()
  /** For each entry of the window the histories that it stands in: to look for them again would cost as much as the rest. */
  readonly #standing = new IndexedRing<readonly KeyHistory[]>(1)
  /** The most bytes of entries that the log has dropped, and of what is known of all keys. */
  readonly #maxBytes: number
  /** The first index that is not in the histories. */
  #next: number
  /** What a key has lost that is not known any more: at most this. */
  #forgotten = 0
  #losses = 0
  #isClosed = false

  constructor (window: Window, clock: Clock, log: NumberedLog, perKey: number) {
    this.perKey = perKey
    this.#window = window
    this.#clock = clock
    this.#log = log
    this.#maxBytes = window.retention.bytes * HISTORIES_SHARE
    this.#next = window.oldest
    window.addDropListener(this)
  }

  /** How many entries are kept that the log has dropped, and what is held for them and for all keys. */
  get kept (): { entries: number, bytes: number } {
    return { entries: this.#kept.size, bytes: this.#bytes }
  }

  /** Changes whenever an entry is lost. */
  get losses (): number { return this.#losses }

  /** All keys that have entries. */
  get keys (): Iterable<string> { return this.#histories.keys() }

  /** Takes in what has come to stand in the window. */
  advance (): void {
    const { oldest, next } = this.#window
    for (let index = Math.max(this.#next, oldest); index < next; index++) {
      const entry = this.#window.at(index)
      if (entry !== undefined) this.#takeIn(entry)
    }
    this.#next = next
    this.trim()
  }

  drop (entry: Entry, moment: number): void {
    if (this.#isClosed) return
    // it may leave before it was taken in; and what is newer counts
    if (entry.index >= this.#next) {
      this.#takeIn(entry)
      this.#next = entry.index + 1
    }
    this.advance()
    const isTooMuch = moment < this.#oldestMoment || entry.size > this.#maxBytes
    let kept: KeptEntry | undefined
    for (const history of this.#standing.shift() ?? NONE) {
      if (isTooMuch || history.size - history.keptSize > this.perKey) {
        // what is older leaves with it: there is no hole in a history
        while (history.keptSize > 0) this.#loseOldest(history)
        this.#loseOldest(history)
      } else {
        kept ??= this.#keep(entry, moment)
        kept.holders++
        history.kept ??= new IndexedRing(0)
        history.kept.push(kept)
      }
      history.indexes.compact()
    }
    this.trim()
  }

  /** Lets go of what is too old, and of the oldest while there is too much. */
  trim (): void {
    const before = this.#oldestMoment
    if (before === -Infinity && this.#bytes <= this.#maxBytes) return
    for (let { oldest } = this.#kept; oldest !== undefined; { oldest } = this.#kept) {
      if (oldest.moment >= before && this.#bytes <= this.#maxBytes) return
      for (const key of oldest.entry?.keys ?? []) {
        const history = this.#histories.get(key)
        if (history?.kept?.at(history.kept.first) === oldest) this.#loseOldest(history)
      }
    }
  }

  /** The entry of an index that the log has dropped; `undefined` where it is not kept. */
  at (index: number): Entry | undefined { return this.#kept.at(index)?.entry }

  /** The oldest entry from an index on (inclusive) that the log has dropped; `undefined` where none is kept. */
  from (index: number): Entry | undefined { return this.#kept.from(index) }

  /** ... and that was published at `time`, or later. */
  since (time: number): Entry | undefined {
    // as for the window: better an entry too many than one too few
    const moment = this.#clock.elapsed() - (this.#clock.now() - time)
    return this.#kept.firstWhere((kept) => (kept.entry?.at ?? 0) >= time || kept.moment >= moment)
  }

  /** How old an entry is that the log has dropped, in milliseconds. 0 for one that is not kept. */
  ageOf (index: number): number {
    const kept = this.#kept.at(index)
    return kept === undefined ? 0 : this.#clock.elapsed() - kept.moment
  }

  /** The indexes of all that is kept of a key, in the log too; `undefined` where nothing is. */
  indexesOf (key: string): IndexedRing<number> | undefined {
    return this.#histories.get(key)?.indexes
  }

  /** As `KeyIndex.merge`, with the entries that the log has dropped. */
  merge (keys: Iterable<string>, fromOf: (key: string) => number, limit: number, found: number[]): number | undefined {
    const merge = new Merge()
    for (const key of keys) {
      const history = this.#histories.get(key)
      if (history !== undefined) merge.add(history, fromOf(key))
    }
    return merge.collect(limit, found)
  }

  /**
   * The index of the newest entry of some keys that is not kept; 0 where all are. Of a key that has no entries any more
   * nobody knows when it had some: then it may be higher.
   *
   * @param fromOf the index from which on the entries of a key count
   */
  newestLost (keys: Iterable<string>, fromOf: (key: string) => number = () => 0): number {
    let newest = 0
    for (const key of keys) {
      const lost = this.#histories.get(key)?.lost ?? this.#forgotten
      if (lost > newest && lost >= fromOf(key)) newest = lost
    }
    return newest
  }

  /** The index of the entry after a position of this log; `undefined` for any other position. */
  indexAfter (position: string): number | undefined {
    const number = this.#log.numberOf(position)
    return number === undefined ? undefined : number + 1
  }

  /** The position just before an index, which the log may have dropped. */
  positionBefore (index: number): string {
    return this.#log.positionOf(index - 1)
  }

  /** Lets go of all. Nothing is kept any more. */
  close (): void {
    this.#isClosed = true
    this.#window.charge(-this.#bytes)
    for (let { oldest } = this.#kept; oldest !== undefined; { oldest } = this.#kept) this.#kept.remove(oldest)
    this.#histories.clear()
  }

  get #bytes (): number { return this.#kept.bytes + this.#histories.size * HISTORY_BYTES }

  get #oldestMoment (): number {
    const { ageMs } = this.#window.retention
    return ageMs === Infinity ? -Infinity : this.#clock.elapsed() - ageMs
  }

  #takeIn ({ keys, index }: Entry): void {
    if (this.#isClosed) return
    const standing = keys.length === 0 ? NONE : keys.map((key) => this.#historyOf(key))
    this.#standing.push(standing)
    for (const history of standing) {
      history.indexes.push(index)
      if (history.keptSize > 0 && history.size > this.perKey) this.#loseOldest(history)
    }
  }

  #historyOf (key: string): KeyHistory {
    let history = this.#histories.get(key)
    if (history === undefined) {
      history = new KeyHistory(key, this.#forgotten)
      this.#histories.set(key, history)
      this.#window.charge(HISTORY_BYTES)
    }
    return history
  }

  #keep (entry: Entry, moment: number): KeptEntry {
    const kept = new KeptEntry(entry, moment)
    // nobody counts its parsed data
    entry.forgetView()
    this.#kept.add(kept)
    this.#window.charge(kept.size)
    return kept
  }

  /** The oldest entry of a key is not kept for that any more. */
  #loseOldest (history: KeyHistory): void {
    history.lost = history.indexes.shift() ?? history.lost
    this.#losses++
    const kept = history.kept?.shift()
    if (kept !== undefined && --kept.holders === 0) this.#window.charge(-this.#kept.remove(kept))
    if (history.size > 0) return
    this.#histories.delete(history.key)
    this.#window.charge(-HISTORY_BYTES)
    this.#forgotten = Math.max(this.#forgotten, history.lost)
  }
}
