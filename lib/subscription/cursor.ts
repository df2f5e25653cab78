/**
 * A connection's position in a log. In the log's window it is an index; before the window it walks through pages,
 * which may take their time, or through the entries that are kept by key. It does not know what is made of the entries.
 */
import type { Entry } from '../feed/entry.ts'
import type { Standing } from '../feed/filters.ts'
import type { KeyHistories } from '../feed/key-histories.ts'
import type { LocatedGap, Location } from '../feed/location.ts'
import type { Page, RestOfPage, Pages } from '../feed/pages.ts'
import type { Window } from '../feed/window.ts'

/** What a cursor walks through. */
export interface HeldHistory {
  readonly window: Window
  readonly pages: Pages
  readonly histories: KeyHistories | undefined
}

/** What walks over entries, one by one: over all of a log, or over those of some keys. */
export interface EntryCursor {
  /** True where it walks over the entries of some keys. */
  readonly isKeyed: boolean
  /** The position of the entry that was passed last, or of the one before the start. */
  readonly position: string
  /** The index of the next entry, in the window, or of the head; `undefined` before the window. */
  readonly index: number | undefined
  /**
   * The index of the next entry, in pages too; 0 where the cursor was never in the window, and so that is not known.
   */
  readonly lastIndex: number
  /**
   * True where the log has no further entry, and the window does not know the position: the tail is to tell more
   * first.
   */
  readonly isAtEnd: boolean
  /** Where entries that were not passed have left the log: nothing can be read any more, until `restart`. */
  readonly gap: LocatedGap | undefined
  /** The next entry; `undefined` at the head, after falling off, and where a page must be loaded first. */
  peek (): Entry | undefined
  /** Passes the entry that `peek` has given. */
  pass (entry: Entry): void
  /**
   * Goes to an index of the window; earlier entries are not given any more. Where that index has left the window
   * meanwhile, the log is asked from `passed` on, or from where the cursor was: what has left with it must not be
   * lost in silence.
   */
  skipTo (index: number, passed?: string): void
  /** Goes on elsewhere, after `position`. @param index that of the next entry, where it is known */
  restart (location: Location, position: string, index?: number): void
  /**
   * Goes on after a snapshot: with all of the keys that are followed by now, whenever that began, or the snapshot
   * would lack what came between.
   */
  restartAfterSnapshot (location: Location, position: string): void
  /**
   * What comes next does not follow what is in the window, and that is dropped now: who stands there is to ask the
   * log.
   */
  lose (): void
  /**
   * Loads the page that is needed next, if one is, and calls `wake` when it is there, or `fail`. Returns false where
   * none is needed.
   */
  load (wake: () => void, fail: (error: unknown) => void): boolean
  /** True for an entry with an index that the cursor gives, or would have given. */
  isOurs (entry: Entry): boolean
  /**
   * True for an entry in the window, or of a history by key, that the stream gets, or has got since it began, by a key
   * other than `joined`.
   */
  comesBy (entry: Entry, joined: string): boolean
  /** True for a key all of whose entries it gives, or has given. */
  hasFromStart (key: string): boolean
  /** Lets go of what it holds. */
  release (): void
}

/** Takes a cursor, which has stayed where its reader began to wait with its filter, to where that stands now. */
export function catchUp (cursor: EntryCursor, { index, position }: Standing, window: Window): void {
  if (position === undefined) return
  if (index >= window.oldest) cursor.skipTo(index)
  else cursor.restart({ kind: 'older', after: position }, position, index)
}

/** Walks over all entries of a log. */
export class Cursor implements EntryCursor {
  readonly #window: Window
  readonly #history: HeldHistory
  readonly #histories: KeyHistories | undefined
  /** The index of the next entry in the window; -1 before the window. */
  #index = -1
  /** While it walks through what is kept by key: the index from which on it does. Then comes the window. */
  #keptFrom: number | undefined
  #page: Page | undefined
  /** The place of the next entry in the page, and where the page is left: at its end, or where the window begins. */
  #offset = 0
  #end = 0
  #isLoading = false
  /** True while it reads pages: they are kept as long as somebody does. */
  #isWalking = false
  /** The version of the window for which the log had no further page: the tail is to tell more first. */
  #readAt = -1
  #gap: LocatedGap | undefined
  #fallenAt = 0
  position = ''

  constructor (history: HeldHistory, location: Location, position: string) {
    this.#history = history
    this.#window = history.window
    this.#histories = history.histories
    this.restart(location, position)
  }

  /** Made for the first that reads some. */
  get #pages (): Pages { return this.#history.pages }

  get isKeyed (): boolean { return false }

  get index (): number | undefined {
    this.#turn()
    return this.#index === -1 || this.#keptFrom !== undefined ? undefined : this.#index
  }

  get lastIndex (): number {
    if (this.#index !== -1) return this.#index
    // what was lost in between has no index
    return this.#fallenAt < this.#window.contiguousFrom ? 0 : this.#fallenAt
  }

  get isAtEnd (): boolean { return this.#index === -1 && this.#readAt === this.#window.version }

  get gap (): LocatedGap | undefined {
    this.#turn()
    return this.#gap
  }

  peek (): Entry | undefined {
    this.#turn()
    if (this.#keptFrom !== undefined) return this.#histories?.from(this.#keptFrom)
    return this.#index === -1 ? this.#page?.entries[this.#offset] : this.#window.at(this.#index)
  }

  pass (entry: Entry): void {
    this.position = entry.position
    if (this.#keptFrom !== undefined) {
      this.#keptFrom = entry.index + 1
      // nobody counts its parsed data
      entry.forgetView()
      return
    }
    if (this.#index !== -1) {
      this.#index++
      return
    }
    this.#offset++
    // indexes are dense, but where something was lost
    if (this.#fallenAt !== 0) this.#fallenAt = this.#fallenAt < this.#window.contiguousFrom ? 0 : this.#fallenAt + 1
  }

  skipTo (index: number, passed = this.position): void {
    this.position = index < this.#window.oldest ? passed : this.#window.positionBefore(index)
    this.#enter(index)
  }

  restart (location: Location, position: string, index = 0): void {
    this.position = position
    this.#gap = undefined
    if (location.kind === 'window') this.#enter(location.index)
    else if (location.kind === 'older') this.#walk(index)
    else {
      this.#enter(location.toldUpTo)
      this.#keptFrom = location.index
    }
  }

  restartAfterSnapshot (location: Location, position: string): void {
    this.restart(location, position)
  }

  load (wake: () => void, fail: (error: unknown) => void): boolean {
    this.#turn()
    if (this.#index !== -1 || this.#page !== undefined || this.#gap !== undefined || this.isAtEnd) return false
    if (this.#isLoading) return true
    this.#isLoading = true
    const after = this.position
    const { version } = this.#window
    this.#pages.after(after).then((found) => {
      this.#isLoading = false
      // it may have been sent elsewhere meanwhile
      if (this.#isWalking && this.position === after) this.#take(found, version)
      wake()
    }, (error: unknown) => {
      this.#isLoading = false
      fail(error)
    })
    return true
  }

  isOurs (): boolean { return true }

  comesBy (): boolean { return true }

  hasFromStart (): boolean { return true }

  lose (): undefined {}

  release (): void {
    this.#page = undefined
    this.#setWalking(false)
  }

  #enter (index: number): void {
    this.#index = index
    this.#keptFrom = undefined
    this.#page = undefined
    this.#setWalking(false)
  }

  /** @param index that of the next entry, where it is known, and 0 elsewhere */
  #walk (index: number): void {
    this.#fallenAt = index
    this.#index = -1
    this.#keptFrom = undefined
    this.#page = undefined
    this.#readAt = -1
    this.#setWalking(true)
  }

  #setWalking (isWalking: boolean): void {
    if (this.#isWalking === isWalking) return
    this.#isWalking = isWalking
    if (isWalking) this.#pages.enter()
    else this.#pages.leave()
  }

  /** @param version of the window when the page was asked for */
  #take (found: RestOfPage | LocatedGap, version: number): void {
    const known = this.#window.indexAfter(this.position)
    if (known !== undefined) return this.#enter(known)
    if (found.kind === 'gap') {
      this.#window.find(this.position, found.before)
      this.#gap = found
      return
    }
    const { page, offset } = found
    if (offset === page.entries.length) {
      this.#readAt = version
      return
    }
    if (this.#window.isHeadUnknown && page.offsetAfter(this.#window.head) !== undefined) {
      this.#window.find(this.#window.head, page.entries.at(-1)?.position ?? this.position)
    }
    this.#page = page
    this.#offset = offset
    this.#end = this.#endOf(page, offset)
    if (this.#end === offset) this.#turn()
  }

  /** Where a page is left: where the window begins, if that is in the page. */
  #endOf (page: Page, offset: number): number {
    const window = this.#window
    const oldest = window.at(window.oldest)
    if (window.before === undefined && oldest !== undefined) {
      const place = (page.offsetAfter(oldest.position) ?? 0) - 1
      if (place >= offset) window.learnBefore(place === offset ? this.position : page.entries[place - 1]?.position ?? this.position)
    }
    const end = window.before === undefined ? undefined : page.offsetAfter(window.before)
    return end === undefined || end < offset ? page.entries.length : end
  }

  /**
   * From a page that is read to its end into the window, and back from a window that has moved on to the pages before
   * it.
   */
  #turn (): void {
    if (this.#keptFrom !== undefined) {
      const kept = this.#histories?.from(this.#keptFrom)
      if (kept !== undefined && kept.index < this.#index) return
      this.#keptFrom = undefined
      if (this.#index >= this.#window.oldest) this.position = this.#window.positionBefore(this.#index)
    }
    if (this.#index !== -1) {
      // the log may keep more than its window: it alone knows whether the next entry has left
      if (this.#index < this.#window.oldest) this.#walk(this.#index)
      return
    }
    if (this.#page !== undefined && this.#offset >= this.#end) this.#page = undefined
    if (this.#page !== undefined || this.#gap !== undefined) return
    const index = this.#window.indexAfter(this.position)
    if (index !== undefined) this.#enter(index)
  }
}
