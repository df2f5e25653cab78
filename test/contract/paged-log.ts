/**
 * A log for tests, as unlike the one in memory as the contract allows: all of it is asynchronous, an append may fail,
 * and its history lies in a store that outlives it. Two logs on one store play two processes. A log can be made to lag:
 * as a replica that knows less than the store, or by a tail that tells less than the replica knows.
 */
import { setImmediate } from 'node:timers/promises'
import { systemClock, type Clock } from '../../lib/clock.ts'
import { FeedEnded, LogClosed } from '../../lib/errors.ts'
import type {
  EventLog, Located, LogBeginning, LogDraft, LogEntry, LogGap, LogPage, Tail, TailListener
} from '../../lib/log/contract.ts'
import { readRetention, sizeOf, type Retention } from '../../lib/log/retention.ts'

/** `1700-3`: no leading zeros, and not so long that it loses precision. */
const POSITION = /^([1-9]\d{0,14})-(0|[1-9]\d{0,14})$/

/** The number of the first entry: so that nobody mistakes a number for an index. */
const FIRST = 41

/** For so many turns of the event loop a replica waits for a position that it does not know yet. */
const WAIT_TURNS = 20

let epochs = 1700

interface Stored {
  readonly number: number
  readonly entry: LogEntry
  readonly dedupeId: string | undefined
  readonly bytes: number
}

/** What all processes share. */
export class PagedStore {
  readonly retention: Retention
  readonly #clock: Clock
  readonly #logs = new Set<PagedLog>()
  epoch = String(epochs++)
  /** Oldest first. */
  history: Stored[] = []
  /** The number that the next entry gets. */
  next = FIRST
  hasEnded = false
  /** Called with each entry that is committed, also where its age takes it away at once. */
  onCommit: (entry: LogEntry) => void = () => {}
  #bytes = 0

  constructor ({ retain, clock = systemClock }: Pick<PagedLogOptions, 'retain' | 'clock'> = {}) {
    this.retention = readRetention(retain)
    this.#clock = clock
  }

  /** The number of the oldest entry that is kept; `next` where there is none. */
  get oldest (): number { return this.next - this.history.length }

  enter (log: PagedLog): void { this.#logs.add(log) }

  leave (log: PagedLog): void { this.#logs.delete(log) }

  /** Adds an entry. Returns its number, or that of the one with the same `dedupeId`. */
  commit ({ dedupeId, event, json, keys, at }: LogDraft): number {
    if (this.hasEnded) throw new FeedEnded('of this log')
    const known = dedupeId === undefined ? undefined : this.history.find((stored) => stored.dedupeId === dedupeId)
    if (known !== undefined) return known.number
    const number = this.next++
    // the text alone: what has checked it is known to one process
    const entry = { event, json, keys, at, position: this.position(number) }
    const bytes = sizeOf(entry)
    this.history.push({ number, entry, dedupeId, bytes })
    this.#bytes += bytes
    this.onCommit(entry)
    this.trim()
    return number
  }

  /** Tells all processes that something has changed. */
  tell (): void {
    for (const log of [...this.#logs]) log.advance()
  }

  trim (): void {
    const { entries, bytes, ageMs } = this.retention
    for (let [oldest] = this.history; oldest !== undefined; [oldest] = this.history) {
      const isTooMuch = this.history.length > entries || (this.#bytes > bytes && this.history.length > 1)
      if (!isTooMuch && this.#clock.now() - oldest.entry.at <= ageMs) return
      this.history.shift()
      this.#bytes -= oldest.bytes
    }
  }

  clear (): void {
    this.epoch = String(epochs++)
    this.history = []
    this.#bytes = 0
    this.next = FIRST
    this.hasEnded = false
  }

  position (number: number): string { return `${this.epoch}-${number}` }
}

export interface PagedLogOptions {
  /** Of the whole history. Not beside `store`. */
  retain?: Partial<Retention> | undefined
  clock?: Clock | undefined
  /** The history. Default: one of its own. */
  store?: PagedStore | undefined
}

/** The hold of one process. */
export class PagedLog implements EventLog {
  readonly store: PagedStore
  readonly retain: Retention
  /** Awaited before each page is read: where a test looks at what is read, holds it, or lets it fail. */
  onPage: (after: string) => unknown = () => {}
  /** Awaited before an append is committed. */
  onAppend: (draft: LogDraft) => unknown = () => {}
  /** What the next appends fail with, one after the other. */
  readonly failures: Error[] = []
  /** What the next calls of `tail` fail with. */
  readonly openFailures: Error[] = []
  /** How many pages were read, and how many entries were in them. */
  pages = 0
  rows = 0
  readonly #listeners = new Set<TailListener>()
  readonly #waiting = new Set<() => void>()
  /** What has checked the entries that this process has appended and not told yet, by number. */
  readonly #checkedBy = new Map<number, unknown>()
  #epoch: string
  /** This replica knows the entries before this number, */
  #known: number
  /** and its tails have told those before this one. */
  #told: number
  #isReplicaHeld = false
  #isTailHeld = false
  #hasToldEnd = false
  #isOpen = false
  #isClosed = false
  #appended: Promise<unknown> = Promise.resolve()

  constructor ({ retain, clock, store = new PagedStore({ retain, clock }) }: PagedLogOptions = {}) {
    this.store = store
    this.retain = store.retention
    this.#epoch = store.epoch
    this.#known = store.next
    this.#told = store.next
  }

  /** True while there are entries that the tail has not told. */
  get isBehind (): boolean { return this.#told < this.store.next }

  async tail (listener: TailListener, newest: { readonly entries: number, readonly bytes: number }): Promise<Tail> {
    await setImmediate()
    const failure = this.openFailures.shift()
    if (failure !== undefined) throw failure
    this.#checkOpen()
    if (!this.#isOpen) {
      this.#isOpen = true
      this.#epoch = this.store.epoch
      this.#known = this.store.next
      this.#told = this.store.next
      this.store.enter(this)
    }
    this.store.trim()
    let start = this.store.history.length
    // what the tail has not told is told later
    while (start > 0 && this.#numberAt(start - 1) >= this.#told) start--
    const end = start
    for (let bytes = 0; start > 0 && end - start < newest.entries; start--) {
      bytes += Buffer.byteLength(this.store.history[start - 1]?.entry.json ?? '')
      if (bytes > newest.bytes) break
    }
    const before = start < end ? this.store.position(this.#numberAt(start) - 1) : this.store.position(this.#told - 1)
    if (start < end) listener.entries(this.store.history.slice(start, end).map(({ entry }) => entry))
    if (this.#hasEnded) listener.ended()
    this.#hasToldEnd = this.#hasEnded
    this.#listeners.add(listener)
    return { before, stop: () => { this.#listeners.delete(listener) } }
  }

  append (draft: LogDraft): Promise<string> {
    if (this.#isClosed) return Promise.reject(closed())
    const appended = this.#appended.then(async () => {
      await setImmediate()
      await this.onAppend(draft)
      const failure = this.failures.shift()
      if (failure !== undefined) throw failure
      const number = this.store.commit(draft)
      const position = this.store.position(number)
      if (number >= this.#told) this.#checkedBy.set(number, draft.checkedBy)
      this.store.tell()
      const isToBeTold = (): boolean => this.#told <= number && !this.#isClosed
      while (isToBeTold()) await new Promise<void>((resolve) => { this.#waiting.add(resolve) })
      return position
    })
    this.#appended = appended.catch(() => {})
    return appended
  }

  async locate (position: string): Promise<Located> {
    this.#checkOpen()
    await setImmediate()
    for (let turns = 0; ; turns++) {
      const located = this.#locate(position)
      const mayCome = located.kind === 'gap' && located.reason === 'ahead' && this.#isReplicaHeld
      if (!mayCome || turns === WAIT_TURNS) return located
      await setImmediate()
    }
  }

  async earliest (): Promise<LogBeginning> {
    this.#checkOpen()
    await setImmediate()
    this.#checkOpen()
    return { ...this.#beginning(), isTrimmed: this.store.oldest > FIRST }
  }

  async page (after: string, limit: number): Promise<LogPage | LogGap> {
    this.#checkOpen()
    this.pages++
    await this.onPage(after)
    await setImmediate()
    const located = this.#locate(after)
    if (located.kind === 'gap') return located
    const first = numberOf(after) + 1 - this.store.oldest
    const entries = this.store.history
      .slice(first, first + limit)
      .filter(({ number }) => number < this.#known)
      .map(({ entry }) => entry)
    this.rows += entries.length
    return { kind: 'page', entries }
  }

  async end (): Promise<void> {
    this.#checkOpen()
    await this.#appended
    await setImmediate()
    this.store.hasEnded = true
    this.store.tell()
  }

  async delete (): Promise<void> {
    this.#checkOpen()
    await this.#appended
    this.store.clear()
    await this.close()
  }

  async close (): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#listeners.clear()
    this.#isReplicaHeld = false
    this.#isTailHeld = false
    this.#wake()
    await this.#appended
    this.store.leave(this)
    await setImmediate()
  }

  /** From now on this replica does not hear of what is committed. */
  holdReplica (): void { this.#isReplicaHeld = true }

  /** From now on nothing is told, though the replica knows it: pages are ahead of the tail. */
  holdTail (): void { this.#isTailHeld = true }

  /** Hears, and tells, all there is. */
  release (): void {
    this.#isReplicaHeld = false
    this.#isTailHeld = false
    this.advance()
  }

  /** Tells that it has lost what it has not told, and so much of what comes next: none of that is told. */
  lose (): void {
    this.#isReplicaHeld = false
    this.#isTailHeld = false
    const position = this.store.position(this.#told - 1)
    this.#known = this.store.next
    this.#told = this.store.next
    this.#checkedBy.clear()
    for (const listener of [...this.#listeners]) listener.lost(position)
    this.#wake()
    this.advance()
  }

  /** The store has changed. */
  advance (): void {
    if (!this.#isReplicaHeld) this.#known = this.store.next
    if (this.#isTailHeld || this.#isClosed || this.#epoch !== this.store.epoch) return
    const entries = this.store.history
      .filter(({ number }) => number >= this.#told && number < this.#known)
      .map(({ number, entry }) => ({ ...entry, checkedBy: this.#checkedBy.get(number) }))
    this.#checkedBy.clear()
    const isHole = entries.length < this.#known - this.#told
    const position = this.store.position(this.#told - 1)
    this.#told = this.#known
    for (const listener of [...this.#listeners]) {
      // what was trimmed before it was told
      if (isHole) listener.lost(position)
      if (entries.length > 0) listener.entries(entries)
    }
    this.#wake()
    if (!this.#hasEnded || this.#hasToldEnd) return
    this.#hasToldEnd = true
    for (const listener of [...this.#listeners]) listener.ended()
  }

  get #hasEnded (): boolean { return this.store.hasEnded && this.#told === this.store.next && !this.#isTailHeld }

  #wake (): void {
    for (const wake of this.#waiting) wake()
    this.#waiting.clear()
  }

  #numberAt (place: number): number { return this.store.history[place]?.number ?? this.store.next }

  #checkOpen (): void {
    if (this.#isClosed) throw closed()
  }

  #locate (position: string): Located {
    this.#checkOpen()
    this.store.trim()
    const [, epoch] = POSITION.exec(position) ?? []
    if (epoch === undefined) return this.#gap('malformed')
    if (epoch !== this.#epoch || epoch !== this.store.epoch) return this.#gap('epoch')
    const next = numberOf(position) + 1
    if (next > this.#known) return this.#gap('ahead')
    return next < this.store.oldest ? this.#gap('trimmed') : { kind: 'found' }
  }

  #beginning (): LogBeginning {
    this.store.trim()
    return { oldest: this.store.history[0]?.entry.position ?? null, before: this.store.position(this.store.oldest - 1) }
  }

  #gap (reason: LogGap['reason']): LogGap {
    return { kind: 'gap', reason, ...this.#beginning() }
  }
}

function closed (): Error {
  return new LogClosed('of this test')
}

function numberOf (position: string): number {
  return Number(position.slice(position.indexOf('-') + 1))
}
