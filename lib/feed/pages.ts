/**
 * Pages: entries from before the window, read once for all who stand near each other. What is kept is bounded, and kept
 * only while somebody reads pages.
 */
import { PAGE_ENTRIES, PAGES_BYTES, PAGES_ENTRIES } from '../defaults.ts'
import { paged } from '../log/answers.ts'
import type { LogEntry } from '../log/contract.ts'
import { Entry, type Check, type EntryKeeper } from './entry.ts'
import { asked, locateGap, type History, type LocatedGap } from './location.ts'

/** An entry that was read from before the window. */
export class PagedEntry extends Entry {
  readonly page: Page
  /** How many entries of the page come before it. */
  readonly offset: number

  constructor (stored: LogEntry, check: Check | undefined, page: Page, offset: number) {
    super(stored, -1, check)
    this.page = page
    this.offset = offset
    this.keptBy(page)
  }
}

/** Entries that follow each other, oldest first. */
export class Page implements EntryKeeper {
  readonly entries: readonly PagedEntry[]
  readonly #pages: Pages
  /** How many entries of the page a reader has passed, by the position that it has seen. */
  readonly #offsets = new Map<string, number>()
  #bytes = 0

  constructor (pages: Pages, after: string, stored: readonly LogEntry[], checkOf: (entry: LogEntry) => Check | undefined) {
    this.#pages = pages
    this.entries = stored.map((entry, offset) => new PagedEntry(entry, checkOf(entry), this, offset))
    this.#offsets.set(after, 0)
    for (const { position, offset, size } of this.entries) {
      this.#offsets.set(position, offset + 1)
      this.#bytes += size
    }
  }

  /** The bytes of the entries, and of what was made of them for several readers. */
  get bytes (): number { return this.#bytes }

  /** How many entries a reader has passed that has seen this position; `undefined` where it is not in the page. */
  offsetAfter (position: string): number | undefined {
    return this.#offsets.get(position)
  }

  /** Counts what was made of the entries and is kept with them. */
  charge (bytes: number): void {
    this.#bytes += bytes
    this.#pages.charged(this, bytes)
  }

  viewMade (_entry: Entry, bytes: number): void {
    this.charge(bytes)
  }
}

/** A page, and how many of its entries are passed. */
export interface RestOfPage { readonly kind: 'page', readonly page: Page, readonly offset: number }

/** The pages of one feed. */
export class Pages {
  readonly #history: History
  readonly #checkOf: (entry: LogEntry) => Check | undefined
  /** Those that were used last come last. */
  readonly #kept = new Set<Page>()
  readonly #underWay = new Map<string, Promise<RestOfPage | LocatedGap>>()
  #entries = 0
  #bytes = 0
  #readers = 0

  constructor (history: History, checkOf: (entry: LogEntry) => Check | undefined) {
    this.#history = history
    this.#checkOf = checkOf
  }

  /** How many entries are kept for those who come later. */
  get size (): number { return this.#entries }

  /** One more reads pages. */
  enter (): void {
    this.#readers++
  }

  /** One reads no pages any more. */
  leave (): void {
    if (--this.#readers > 0) return
    for (const page of [...this.#kept]) this.#forget(page)
  }

  /** What follows a position: the rest of a page that somebody has read, or one that is read now. */
  async after (position: string): Promise<RestOfPage | LocatedGap> {
    for (const page of this.#kept) {
      const offset = page.offsetAfter(position)
      if (offset === undefined || offset === page.entries.length) continue
      this.#kept.delete(page)
      this.#kept.add(page)
      return { kind: 'page', page, offset }
    }
    const known = this.#underWay.get(position)
    if (known !== undefined) return await known
    const reading = this.#read(position).finally(() => { this.#underWay.delete(position) })
    this.#underWay.set(position, reading)
    return await reading
  }

  /** True where a position follows another in a page that is kept; `undefined` where no such page has both. */
  isAfter (position: string, other: string): boolean | undefined {
    for (const page of this.#kept) {
      const [place, otherPlace] = [page.offsetAfter(position), page.offsetAfter(other)]
      if (place !== undefined && otherPlace !== undefined) return place > otherPlace
    }
    return undefined
  }

  /** A page that is kept takes more bytes by now. */
  charged (page: Page, bytes: number): void {
    if (!this.#kept.has(page)) return
    this.#bytes += bytes
    this.#shrink()
  }

  async #read (position: string): Promise<RestOfPage | LocatedGap> {
    const { log, window } = this.#history
    const answer = asked(() => log.page(position, PAGE_ENTRIES))
    const found = paged(answer instanceof Promise ? await answer : answer)
    // as the window is now: it may have moved on when the reader hears of it
    if (found.kind === 'gap') return locateGap(window, found)
    // a log that answers at once would keep all other work waiting while a whole history is read
    if (!(answer instanceof Promise)) await new Promise<void>((resolve) => { setImmediate(resolve) })
    const page = new Page(this, position, found.entries, this.#checkOf)
    if (this.#readers > 0 && page.entries.length > 0) this.#keep(page)
    return { kind: 'page', page, offset: 0 }
  }

  #keep (page: Page): void {
    this.#kept.add(page)
    this.#entries += page.entries.length
    this.#bytes += page.bytes
    this.#shrink()
  }

  #shrink (): void {
    for (const page of this.#kept) {
      if (this.#entries <= PAGES_ENTRIES && this.#bytes <= PAGES_BYTES) return
      this.#forget(page)
    }
  }

  #forget (page: Page): void {
    if (!this.#kept.delete(page)) return
    this.#entries -= page.entries.length
    this.#bytes -= page.bytes
  }
}
