/**
 * A connection's position in a log. In the log's window it is an index; before the window it walks through pages, which may
 * take their time. It does not know what is made of the entries.
 */
import { PAGE_ENTRIES } from '../defaults.ts'
import type { Entry } from '../log/entry.ts'
import type { EventLog, Hole, Page, Place } from '../log/event-log.ts'

/** Walks over the entries of a log, one by one. */
export class Cursor {
  readonly #log: EventLog
  #place: Place
  #page: Page | undefined
  #offset = 0
  #isLoading = false
  #hole: Hole | undefined
  /** The position of the entry that was passed last, or of the one before the start. */
  position: string

  constructor (log: EventLog, place: Place, position: string) {
    this.#log = log
    this.#place = place
    this.position = position
  }

  /** The index of the next entry, in the window; `undefined` before the window. */
  get index (): number | undefined {
    this.#turn()
    return this.#page === undefined && this.#place.kind === 'window' ? this.#place.index : undefined
  }

  /** True where entries that were not passed have left the log: nothing can be read any more. */
  get hasFallenOff (): boolean {
    this.#turn()
    return this.#hole !== undefined
  }

  /** The next entry; `undefined` at the head, after falling off, and where a page must be loaded first. */
  peek (): Entry | undefined {
    this.#turn()
    if (this.#page !== undefined) return this.#page.entries[this.#offset]
    return this.#place.kind === 'window' ? this.#log.window.at(this.#place.index) : undefined
  }

  /** Passes the entry that `peek` has given. */
  pass (entry: Entry): void {
    this.position = entry.position
    if (this.#page !== undefined) this.#offset++
    else if (this.#place.kind === 'window') this.#place = { kind: 'window', index: this.#place.index + 1 }
  }

  /** Goes to an index of the window, whose entries before it were all given. */
  skipTo (index: number): void {
    this.position = this.#log.window.positionBefore(index)
    this.#place = { kind: 'window', index }
  }

  /** Loads the page that is needed next, if one is, and calls `wake` when it is there, or `fail`. Returns false where none is needed. */
  load (wake: () => void, fail: (error: unknown) => void): boolean {
    this.#turn()
    if (this.#place.kind === 'window' || this.#page !== undefined || this.#hole !== undefined) return false
    if (this.#isLoading) return true
    this.#isLoading = true
    const { after } = this.#place
    new Promise<Page>((resolve) => { resolve(this.#log.page(after, PAGE_ENTRIES)) }).then((page) => {
      this.#isLoading = false
      this.#page = page
      this.#offset = 0
      wake()
    }, (error: unknown) => {
      this.#isLoading = false
      fail(error)
    })
    return true
  }

  /** From a page that is read to its end to what comes behind it, and back from a window that has moved on to the pages before it. */
  #turn (): void {
    if (this.#page !== undefined && this.#offset >= this.#page.entries.length) {
      const { next } = this.#page
      this.#page = undefined
      if (next.kind === 'gap') this.#hole = next
      else this.#place = next
    }
    // the log may keep more than its window: it alone knows whether the next entry has left
    if (this.#page === undefined && this.#place.kind === 'window' && this.#place.index < this.#log.window.oldest) {
      this.#place = { kind: 'older', after: this.position }
    }
  }
}
