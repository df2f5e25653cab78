/**
 * Conflation: of the entries that a slow reader has missed, the newest of each key. Those that the log has dropped in
 * the meantime are kept here, one for each key, so that a key that seldom changes is not lost.
 */
import type { Entry } from './entry.ts'
import type { DropListener, Window } from './window.ts'

/**
 * The name under which an entry is conflated: its first key, or else its event type. A line end stands in no event type,
 * and so in no other's name.
 */
export function nameOf ({ key, event }: Entry): string {
  return key === undefined ? `\n${event}` : key
}

/** The newest entry of a key: one in a list of all of them, in the order of the log. */
interface Newest {
  readonly name: string
  index: number
  older: Newest | undefined
  newer: Newest | undefined
}

/** The newest entry of each key, where the log has dropped it. */
export class NewestByKey implements DropListener {
  readonly #window: Window
  /** The newest entry of each key, also of those that the window still has. */
  readonly #newest = new Map<string, Newest>()
  #last: Newest | undefined
  /** Oldest first. */
  readonly #dropped = new Map<string, Entry>()
  readonly #maxEntries: number
  readonly #maxBytes: number
  readonly #leave: () => void
  #bytes = 0
  #next: number
  #completeFrom: number
  #severalFrom = 0

  /**
   * What is kept here counts toward the window's bound, and is at most `maxEntries` and `maxBytes` of it; the oldest
   * leave first.
   */
  constructor (window: Window, maxEntries: number, maxBytes: number) {
    this.#window = window
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.#next = window.oldest
    this.#completeFrom = window.oldest
    this.#leave = window.addDropListener(this)
    this.advance()
  }

  /** Of the entries from this index on the newest of each key is known: none of them was dropped here too. */
  get completeFrom (): number { return this.#completeFrom }

  /**
   * The same for who follows keys: of an entry with several keys that has left, a newer one may have taken the place
   * that has its first key only.
   */
  get completeByKeyFrom (): number { return Math.max(this.#completeFrom, this.#severalFrom) }

  /** Takes in what has come to stand in the window. */
  advance (): void {
    for (let index = Math.max(this.#next, this.#window.oldest); index < this.#window.next; index++) {
      const entry = this.#window.at(index)
      if (entry === undefined) continue
      const name = nameOf(entry)
      this.#note(name, index)
      this.#forget(name)
    }
    this.#next = this.#window.next
  }

  drop (entry: Entry): void {
    const name = nameOf(entry)
    if (entry.index >= this.#next) {
      // it leaves before it was taken in: it comes earlier than all that are taken in now
      this.#note(name, entry.index)
      this.#next = entry.index + 1
    }
    // what is newer already need not be kept
    this.advance()
    if (this.#newest.get(name)?.index !== entry.index) return this.#lose(entry)
    this.#forget(name)
    this.#dropped.set(name, entry)
    this.#bytes += entry.size
    this.#window.charge(entry.size)
    for (const [oldest, { index }] of this.#dropped) {
      if (this.#dropped.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) break
      this.#completeFrom = Math.max(this.#completeFrom, index + 1)
      this.#unlink(oldest)
      this.#forget(oldest)
    }
  }

  /**
   * Of the entries from `index` on that `takes` takes, the newest of each key, oldest first; those that the log has
   * dropped included. Without `takes`, of all: that costs as much as there are keys that have changed.
   */
  since (index: number, takes?: (entry: Entry) => boolean): Entry[] {
    this.advance()
    if (takes === undefined) return this.#allSince(index)
    const known: Entry[] = []
    for (let at = this.#window.next - 1; at >= Math.max(index, this.#window.oldest); at--) {
      const entry = this.#window.at(at)
      if (entry !== undefined) known.push(entry)
    }
    for (const entry of this.#dropped.values()) if (entry.index >= index) known.push(entry)
    const found = new Map<string, Entry>()
    // a filter may publish, which changes what is kept: so all are at hand before the first is asked about
    for (const entry of known) {
      const name = nameOf(entry)
      if (!found.has(name) && takes(entry)) found.set(name, entry)
    }
    return [...found.values()].sort((a, b) => a.index - b.index)
  }

  /** Lets go of all. */
  clear (): void {
    for (const name of [...this.#dropped.keys()]) this.#forget(name)
    this.#newest.clear()
    this.#last = undefined
  }

  /** Nobody needs it any more. */
  release (): void {
    this.#leave()
    this.clear()
  }

  #allSince (index: number): Entry[] {
    const found: Entry[] = []
    for (let newest = this.#last; newest !== undefined && newest.index >= index; newest = newest.older) {
      const entry = this.#window.at(newest.index) ?? this.#dropped.get(newest.name)
      if (entry !== undefined) found.push(entry)
    }
    return found.reverse()
  }

  /** The newest entry of a key is another one, newer than all that are known. */
  #note (name: string, index: number): void {
    const known = this.#newest.get(name)
    const newest = known ?? { name, index, older: undefined, newer: undefined }
    newest.index = index
    if (newest === this.#last) return
    if (known === undefined) this.#newest.set(name, newest)
    else this.#cut(newest)
    newest.older = this.#last
    newest.newer = undefined
    if (this.#last !== undefined) this.#last.newer = newest
    this.#last = newest
  }

  #unlink (name: string): void {
    const newest = this.#newest.get(name)
    if (newest === undefined) return
    this.#newest.delete(name)
    this.#cut(newest)
  }

  #cut ({ older, newer }: Newest): void {
    if (older !== undefined) older.newer = newer
    if (newer !== undefined) newer.older = older
    else this.#last = older
  }

  #forget (name: string): void {
    const dropped = this.#dropped.get(name)
    if (dropped === undefined) return
    this.#dropped.delete(name)
    this.#bytes -= dropped.size
    this.#window.charge(-dropped.size)
    this.#lose(dropped)
  }

  #lose ({ index, keys }: Entry): void {
    if (keys.length > 1) this.#severalFrom = Math.max(this.#severalFrom, index + 1)
  }
}
