/**
 * Entries that a stream gets before those at its cursor: a snapshot, the past of some keys, or what conflation has left
 * of what it missed.
 */
import type { Entry } from '../feed/entry.ts'
import type { HeldSnapshot } from '../feed/held-snapshots.ts'
import type { Notice } from '../feed/notice.ts'
import type { Poison } from '../feed/poison.ts'

/** Entries in order; `undefined` for one that is not there any more. */
export interface EntryList {
  readonly length: number
  at (place: number): Entry | undefined
  /** One of them was given, or is not wanted. Default: nothing happens. */
  forget? (entry: Entry): void
}

/**
 * - `snapshot`: its entries do not stand in the log.
 * - `past`: they do, and are given out of turn.
 * - `missed`: they are given in turn.
 */
type Kind = 'snapshot' | 'past' | 'missed'

/** A list of entries, in order. */
export class InsertedEntries {
  readonly kind: Kind
  /** What is to be told at the end of the list. */
  readonly nextNotice: Notice | undefined
  /** Those that a filter has thrown at: a gap stands for each. */
  readonly poisoned: ReadonlyMap<Entry, Poison> | undefined
  /** A snapshot that is held for this list, among others. */
  readonly held: HeldSnapshot | undefined
  /** True while it is not known which entries these are. */
  readonly isPending: boolean
  /** The position of a client that has received what was passed; `undefined` if it has none. */
  position: string | undefined
  readonly #entries: EntryList
  #next = 0

  constructor (
    entries: EntryList,
    { kind, position, nextNotice, poisoned, held, isPending = false }:
      Pick<InsertedEntries, 'kind' | 'position'> & Partial<Pick<InsertedEntries, 'nextNotice' | 'poisoned' | 'held' | 'isPending'>>
  ) {
    this.#entries = entries
    this.kind = kind
    this.position = position
    this.nextNotice = nextNotice
    this.poisoned = poisoned
    this.held = held
    this.isPending = isPending
  }

  /** True for entries that carry no id: the client's position stays until all are sent. */
  get isWithoutIds (): boolean { return this.kind !== 'missed' }

  /** The next entry that `takes` takes; `undefined` at the end. Throws what `takes` throws. */
  peek (takes: (entry: Entry) => boolean): Entry | undefined {
    for (; this.#next < this.#entries.length; this.#next++) {
      const entry = this.#entries.at(this.#next)
      if (entry === undefined) continue
      if (takes(entry)) return entry
      this.#forget(entry)
    }
    return undefined
  }

  /** Passes the entry that `peek` has given. */
  pass (entry: Entry): void {
    this.#next++
    this.#forget(entry)
    if (!this.isWithoutIds) this.position = entry.position
  }

  /** Nothing more of it is needed. */
  release (): void {
    this.held?.release()
  }

  #forget (entry: Entry): void {
    // the parsed data of a snapshot is counted nowhere, so it is not kept
    if (this.kind === 'snapshot') entry.forgetView()
    else this.#entries.forget?.(entry)
  }
}
