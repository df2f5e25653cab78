/**
 * Conflation: of the entries that a slow reader has missed, the newest of each key. Those that the log has dropped in
 * the meantime are kept here, one for each key, so that a key that seldom changes is not lost.
 */
import type { Entry } from './entry.ts'
import type { DropListener, Window } from './window.ts'

/**
 * Entries without a key are conflated by their event type. A line end stands in no event type, and so in no other's
 * name.
 */
function nameOf ({ key, event }: Entry): string {
  return key === undefined ? `\n${event}` : key
}

/** The newest entry of each key, where the log has dropped it. */
export class NewestByKey implements DropListener {
  readonly #window: Window
  /** The index of the newest entry of each key, also of those that the window still has. */
  readonly #newest = new Map<string, number>()
  /** Oldest first. */
  readonly #dropped = new Map<string, Entry>()
  readonly #maxEntries: number
  readonly #maxBytes: number
  #bytes = 0
  #next: number

  /**
   * What is kept here counts toward the window's bound, and is at most `maxEntries` and `maxBytes` of it; the oldest
   * leave first.
   */
  constructor (window: Window, maxEntries: number, maxBytes: number) {
    this.#window = window
    this.#maxEntries = maxEntries
    this.#maxBytes = maxBytes
    this.#next = window.oldest
    window.addDropListener(this)
    this.advance()
  }

  /** Takes in what has come to stand in the window. */
  advance (): void {
    for (let index = Math.max(this.#next, this.#window.oldest); index < this.#window.next; index++) {
      const entry = this.#window.at(index)
      if (entry === undefined) continue
      const name = nameOf(entry)
      this.#newest.set(name, index)
      this.#forget(name)
    }
    this.#next = this.#window.next
  }

  drop (entry: Entry): void {
    const name = nameOf(entry)
    // an entry that left before it was taken in is newer than what is known
    if ((this.#newest.get(name) ?? entry.index) > entry.index) return
    this.#newest.set(name, entry.index)
    this.#forget(name)
    this.#dropped.set(name, entry)
    this.#bytes += entry.size
    this.#window.charge(entry.size)
    for (const [oldest] of this.#dropped) {
      if (this.#dropped.size <= this.#maxEntries && this.#bytes <= this.#maxBytes) break
      this.#newest.delete(oldest)
      this.#forget(oldest)
    }
  }

  /**
   * Of the entries from `index` on that `takes` takes, the newest of each key, oldest first; those that the log has
   * dropped included.
   */
  since (index: number, takes: (entry: Entry) => boolean): Entry[] {
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
  }

  #forget (name: string): void {
    const dropped = this.#dropped.get(name)
    if (dropped === undefined) return
    this.#dropped.delete(name)
    this.#bytes -= dropped.size
    this.#window.charge(-dropped.size)
  }
}
