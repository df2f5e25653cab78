/**
 * What a feed holds: its log, the window on that, and what its streams share. Each part that only some feeds need is
 * made for the first stream that needs it: there may be thousands of feeds with a stream each. It opens nothing, and
 * does not know how a feed ends.
 */
import { CONFLATION_SHARE, HISTORIES_SHARE } from '../defaults.ts'
import { Deadlines } from '../deadlines.ts'
import { shown } from '../errors.ts'
import type { EventLog, LogEntry } from '../log/contract.ts'
import { MemoryHistory } from '../log/memory-history.ts'
import { boundedBy, readFeedRetain } from '../log/retention.ts'
import { Roster } from '../roster.ts'
import { Bookmarks } from './bookmarks.ts'
import { NewestByKey } from './conflation.ts'
import { Entry, type Check } from './entry.ts'
import { FanOut } from './fan-out.ts'
import type { FeedParts } from './feed-parts.ts'
import { FeedFigures } from './figures.ts'
import type { Follower } from './follower.ts'
import { HeldSnapshots } from './held-snapshots.ts'
import { KeyHistories } from './key-histories.ts'
import type { LagPolicy } from './lag-policy.ts'
import type { History } from './location.ts'
import { Pages } from './pages.ts'
import { PoisonReports } from './poison.ts'
import { Drafts } from './publication.ts'
import type { Snapshot } from './snapshot.ts'
import { VariantCache } from './variant-cache.ts'
import { Window } from './window.ts'

/** What one feed holds. */
export class FeedHoldings implements History {
  readonly name: string
  readonly log: EventLog
  readonly window: Window
  readonly fanOut: FanOut
  readonly bookmarks: Bookmarks
  readonly figures = new FeedFigures()
  /** Where slow streams are conflated: the newest entries that the log has dropped. */
  readonly newest: NewestByKey | undefined
  /** The newest entries of each key; `undefined` where they are not kept beyond the window. */
  readonly histories: KeyHistories | undefined
  /** Puts into the application's log what nobody else could be told of. Throws nothing. */
  readonly report = (error: unknown): void => { this.fault(error, 'a stream of it could not be ended') }
  /** The same, with what has failed. Throws nothing. */
  readonly fault = (error: unknown, what: string): void => {
    try {
      this.parts.onFault(error instanceof Error ? error : new Error(`thrown: ${shown(error)}`), what)
    } catch { /* a logger that throws: there is no other to report it */ }
  }

  readonly poison = new PoisonReports(this.fault)
  protected readonly parts: FeedParts
  protected readonly drafts: Drafts
  readonly followers = new Roster<Follower>()
  #variants: VariantCache | undefined
  #snapshots: HeldSnapshots | undefined
  #pages: Pages | undefined
  #conflation: NewestByKey | undefined
  #conflating = 0
  #deadlines: Deadlines | undefined
  #lastAt = 0

  /** Throws `FST_EVENTFEED_BAD_OPTION` where `retain` is not what it must be. */
  constructor (parts: FeedParts) {
    this.parts = parts
    this.name = parts.name
    // the log of a feed that is given none keeps what the window does: so no bound is kept twice
    const own = new MemoryHistory()
    this.log = parts.log ?? own
    const { bounds, perKey } = readFeedRetain(parts.retain)
    this.window = new Window(parts.clock, boundedBy(bounds, parts.log?.retain), parts.log === undefined ? own : undefined, parts.output?.onHeld)
    this.drafts = new Drafts(parts.codec, this.poison, parts.onMisheard)
    this.fanOut = new FanOut(parts.clock, this.window, this.figures, this.report)
    this.bookmarks = new Bookmarks(this, parts.clock, this.fanOut, this.followers)
    if (parts.log === undefined && perKey !== undefined) this.histories = new KeyHistories(this.window, parts.clock, own, perKey)
    this.newest = parts.lag.mode === 'latest' ? this.#newNewest() : undefined
  }

  /** True for the log that a feed makes for itself: what it tells need not be checked. */
  get isOwnLog (): boolean { return this.parts.log === undefined }

  get lag (): LagPolicy { return this.parts.lag }
  get initial (): Snapshot<unknown> | undefined { return this.parts.initial }
  get onGap (): Snapshot<unknown> | undefined { return this.parts.onGap }

  /** The name that its figures stand under: runs, and rooms, have one for all of a family. */
  get countedAs (): string { return this.parts.countedAs ?? this.name }

  /** What projections and codecs make of its entries. */
  get variants (): VariantCache {
    this.#variants ??= new VariantCache(this.window, this.parts, this.poison)
    return this.#variants
  }

  /** Snapshots that are being sent. */
  get snapshots (): HeldSnapshots {
    this.#snapshots ??= new HeldSnapshots(this.window)
    return this.#snapshots
  }

  /** Entries from before the window. */
  get pages (): Pages {
    this.#pages ??= new Pages(this, (entry) => this.checkOf(entry))
    return this.#pages
  }

  /** The newest entries, for a stream that wants no others: until it has called `endConflating`. */
  conflate (): NewestByKey {
    this.#conflating++
    this.#conflation ??= this.newest ?? this.#newNewest()
    return this.#conflation
  }

  endConflating (): void {
    if (--this.#conflating > 0 || this.newest !== undefined) return
    this.#conflation?.release()
    this.#conflation = undefined
  }

  /** What is due for it: those of its application. */
  get deadlines (): Deadlines {
    this.#deadlines ??= this.parts.deadlines ?? new Deadlines(this.parts.clock, this.report)
    return this.#deadlines
  }

  /** What an entry must pass before it leaves; `undefined` where this feed has just written it. */
  checkOf (entry: LogEntry): Check | undefined {
    return this.drafts.checkOf(entry)
  }

  /** True for an event type that may be published. */
  declares (event: string): boolean {
    const { codec } = this.parts
    return codec === undefined || codec.schemaOf(event) !== undefined
  }

  /** An entry outside of the log, of an event that is checked as for `publish`. */
  entryOf (publication: unknown, position: string): Entry {
    return new Entry({ ...this.drafts.of(publication, this.at), position }, -1)
  }

  #newNewest (): NewestByKey {
    const { entries, bytes } = this.window.retention
    // both together leave the window a part of its own
    const mostBytes = bytes * CONFLATION_SHARE * (this.histories === undefined ? 1 : HISTORIES_SHARE)
    return new NewestByKey(this.window, entries, mostBytes)
  }

  /** The time of an entry that is added now. The wall clock may be set back, but `at` never decreases. */
  protected readonly at = (): number => {
    const { window } = this
    this.#lastAt = Math.max(this.parts.clock.now(), this.#lastAt, window.at(window.next - 1)?.at ?? 0)
    return this.#lastAt
  }
}
