/**
 * A connection's position in a log. In the log's window it is an index; before the window it walks through pages, which may
 * take their time. It does not know what is made of the entries.
 */
import { PAGE_ENTRIES } from '../defaults.ts'
import { paged } from '../log/answers.ts'
import type { Entry } from '../log/entry.ts'
import type { EventLog, Hole, Page, Place } from '../log/event-log.ts'
import { asked } from './opening.ts'

/** What walks over entries, one by one: over all of a log, or over those of some keys. */
export interface EntryCursor {
  /** True where it walks over the entries of some keys. */
  readonly isKeyed: boolean
  /** The position of the entry that was passed last, or of the one before the start. */
  readonly position: string
  /** The index of the next entry, in the window, or of the head; `undefined` before the window. */
  readonly index: number | undefined
  /** The index of the next entry, in pages too; 0 where the cursor was never in the window, and so that is not known. */
  readonly lastIndex: number
  /** Where entries that were not passed have left the log: nothing can be read any more, until `restart`. */
  readonly hole: Hole | undefined
  /** The next entry; `undefined` at the head, after falling off, and where a page must be loaded first. */
  peek (): Entry | undefined
  /** Passes the entry that `peek` has given. */
  pass (entry: Entry): void
  /**
   * Goes to an index of the window; earlier entries are not given any more. Where that index has left the window meanwhile, the log
   * is asked from `passed` on, or from where the cursor was: what has left with it must not be lost in silence.
   */
  skipTo (index: number, passed?: string): void
  /** Goes on elsewhere, behind `position`. @param index that of the next entry, where it is known */
  restart (place: Place, position: string, index?: number): void
  /** Goes on behind a state: with all of the keys that are followed by now, whenever that began, or the state would lack what came between. */
  restartBehindState (place: Place, position: string): void
  /** Loads the page that is needed next, if one is, and calls `wake` when it is there, or `fail`. Returns false where none is needed. */
  load (wake: () => void, fail: (error: unknown) => void): boolean
  /** True for an entry with an index that the cursor gives, or would have given. */
  isOurs (entry: Entry): boolean
  /** Lets go of what it holds. */
  release (): void
}

/** Walks over all entries of a log. */
export class Cursor implements EntryCursor {
  readonly #log: EventLog
  /** The index of the next entry in the window; -1 before the window. */
  #index = -1
  /** Before the window: the position behind which the next page begins. */
  #after = ''
  #page: Page | undefined
  #offset = 0
  #isLoading = false
  #hole: Hole | undefined
  #fallenAt = 0
  position = ''

  constructor (log: EventLog, place: Place, position: string) {
    this.#log = log
    this.restart(place, position)
  }

  get isKeyed (): boolean { return false }

  get index (): number | undefined {
    this.#turn()
    return this.#page === undefined && this.#index !== -1 ? this.#index : undefined
  }

  get lastIndex (): number { return this.#index === -1 ? this.#fallenAt : this.#index }

  get hole (): Hole | undefined {
    this.#turn()
    return this.#hole
  }

  peek (): Entry | undefined {
    this.#turn()
    if (this.#page !== undefined) return this.#page.entries[this.#offset]
    return this.#index === -1 ? undefined : this.#log.window.at(this.#index)
  }

  pass (entry: Entry): void {
    this.position = entry.position
    if (this.#page === undefined) {
      this.#index++
      return
    }
    this.#offset++
    // indexes are dense
    if (this.#fallenAt !== 0) this.#fallenAt++
  }

  skipTo (index: number, passed = this.position): void {
    const { window } = this.#log
    this.position = index < window.oldest ? passed : window.positionBefore(index)
    this.#index = index
    this.#page = undefined
  }

  restart (place: Place, position: string, index = 0): void {
    this.position = position
    this.#fallenAt = index
    this.#page = undefined
    this.#hole = undefined
    this.#go(place)
  }

  restartBehindState (place: Place, position: string): void {
    this.restart(place, position)
  }

  load (wake: () => void, fail: (error: unknown) => void): boolean {
    this.#turn()
    if (this.#index !== -1 || this.#page !== undefined || this.#hole !== undefined) return false
    if (this.#isLoading) return true
    this.#isLoading = true
    const after = this.#after
    new Promise<Page>((resolve) => { resolve(asked(() => this.#log.page(after, PAGE_ENTRIES))) }).then(paged).then((page) => {
      this.#isLoading = false
      // it may have been sent elsewhere meanwhile
      if (this.#index === -1 && this.#after === after) {
        this.#page = page
        this.#offset = 0
      }
      wake()
    }, (error: unknown) => {
      this.#isLoading = false
      fail(error)
    })
    return true
  }

  isOurs (): boolean { return true }

  release (): void {
    this.#page = undefined
  }

  #go (place: Place): void {
    this.#index = place.kind === 'window' ? place.index : -1
    if (place.kind === 'older') this.#after = place.after
  }

  /** From a page that is read to its end to what comes behind it, and back from a window that has moved on to the pages before it. */
  #turn (): void {
    if (this.#page !== undefined && this.#offset >= this.#page.entries.length) {
      const { next } = this.#page
      this.#page = undefined
      if (next.kind === 'gap') this.#hole = next
      else this.#go(next)
    }
    // the log may keep more than its window: it alone knows whether the next entry has left
    if (this.#page === undefined && this.#index !== -1 && this.#index < this.#log.window.oldest) {
      this.#after = this.position
      this.#fallenAt = this.#index
      this.#index = -1
    }
  }
}
