/** Entries that a stream gets before those at its cursor: a snapshot, or what conflation has left of what it missed. */
import type { Entry } from '../feed/entry.ts'
import type { HeldSnapshot } from '../feed/held-snapshots.ts'
import type { Notice } from '../feed/notice.ts'
import type { Poison } from '../feed/poison.ts'

/** A list of entries, in order. */
export class InsertedEntries {
  /**
   * True for a snapshot: its entries do not stand in the log. They carry no id, and the client's position stays until
   * all are sent.
   */
  readonly isSnapshot: boolean
  /** What is to be told at the end of the list. */
  readonly nextNotice: Notice | undefined
  /** Those that a filter has thrown at: a gap stands for each. */
  readonly poisoned: ReadonlyMap<Entry, Poison> | undefined
  /** A snapshot that is held for this list, among others. */
  readonly held: HeldSnapshot | undefined
  /** The position of a client that has received what was passed; `undefined` if it has none. */
  position: string | undefined
  readonly #entries: readonly Entry[]
  #next = 0

  constructor (
    entries: readonly Entry[],
    { isSnapshot, position, nextNotice, poisoned, held }:
      Pick<InsertedEntries, 'isSnapshot' | 'position'> & Partial<Pick<InsertedEntries, 'nextNotice' | 'poisoned' | 'held'>>
  ) {
    this.#entries = entries
    this.isSnapshot = isSnapshot
    this.position = position
    this.nextNotice = nextNotice
    this.poisoned = poisoned
    this.held = held
  }

  /** True for a snapshot that is not known yet. */
  get isPending (): boolean { return this.isSnapshot && this.nextNotice === undefined }

  /** The next entry that `takes` takes; `undefined` at the end. Throws what `takes` throws. */
  peek (takes: (entry: Entry) => boolean): Entry | undefined {
    for (; this.#next < this.#entries.length; this.#next++) {
      const entry = this.#entries[this.#next]
      if (entry !== undefined && takes(entry)) return entry
      if (this.isSnapshot) entry?.forgetView()
    }
    return undefined
  }

  /** Passes the entry that `peek` has given. */
  pass (entry: Entry): void {
    this.#next++
    // the parsed data of a snapshot is counted nowhere, so it is not kept
    if (this.isSnapshot) entry.forgetView()
    else this.position = entry.position
  }

  /** Nothing more of it is needed. */
  release (): void {
    this.held?.release()
  }
}
