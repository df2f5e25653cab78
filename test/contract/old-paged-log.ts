/**
 * A log for tests, as unlike the one in memory as the contract allows: all of it is asynchronous, its window holds a few of
 * many entries, an append may fail, and its positions begin in the middle.
 */
import { setImmediate } from 'node:timers/promises'
import { systemClock, type Clock } from '../../lib/clock.ts'
import { Entry, type Draft } from '../../lib/log/entry.ts'
import type { EventLog, Hole, Page, Place } from '../../lib/log/event-log.ts'
import { readRetention, type Retention } from '../../lib/log/retention.ts'
import { Window } from '../../lib/log/window.ts'

/** `1700-3`: no leading zeros, and not so long that it loses precision. */
const POSITION = /^([1-9]\d{0,14})-(0|[1-9]\d{0,14})$/

/** What is added to the place in the history, so that nobody mistakes a position for an index. */
const FIRST = 41

let logs = 1700

export interface PagedLogOptions {
  /** Of the whole history. */
  retain?: Partial<Retention> | undefined
  /** How many of the newest entries stand in the window. */
  windowEntries?: number
  clock?: Clock | undefined
}

export class PagedLog implements EventLog {
  readonly window: Window
  /** Awaited before each page is read: where a test looks at what is read, holds it, or lets it fail. */
  onPage: (after: string) => unknown = () => {}
  /** What the next appends fail with, one after the other. */
  readonly failures: Error[] = []
  /** How many pages were read. */
  pages = 0
  readonly #clock: Clock
  readonly #retention: Retention
  readonly #epoch = String(logs++)
  readonly #listeners = new Set<(entry: Entry) => void>()
  #history: Entry[] = []
  #bytes = 0
  /** The number that the next entry gets. */
  #next = FIRST
  #appended: Promise<unknown> = Promise.resolve()
  #isClosed = false

  constructor ({ retain, windowEntries = 3, clock = systemClock }: PagedLogOptions = {}) {
    this.#clock = clock
    this.#retention = readRetention(retain)
    this.window = new Window(clock, { ...this.#retention, entries: Math.min(windowEntries, this.#retention.entries) }, this.#position(FIRST - 1))
  }

  append (draft: Draft): Promise<Entry> {
    const appended = this.#appended.then(() => setImmediate()).then(() => this.#add(draft))
    this.#appended = appended.catch(() => {})
    return appended
  }

  async locate (position: string): Promise<Place | Hole> {
    await setImmediate()
    return this.#locate(position)
  }

  async earliest (): Promise<{ start: Place, before: string }> {
    await setImmediate()
    return this.#earliest()
  }

  async page (after: string, limit: number): Promise<Page> {
    this.pages++
    await this.onPage(after)
    await setImmediate()
    const place = this.#locate(after)
    if (place.kind !== 'older') return { entries: [], next: place }
    const first = this.#numberOf(after) + 1
    const entries = this.#history.filter(({ position }) => {
      const number = this.#numberOf(position)
      return number >= first && number < Math.min(this.#firstInWindow, first + limit)
    })
    return { entries, next: this.#locate(entries.at(-1)?.position ?? after) }
  }

  tail (listener: (entry: Entry) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  async close (): Promise<void> {
    this.#isClosed = true
    this.#listeners.clear()
    this.window.clear()
    this.#history = []
    await setImmediate()
  }

  get #firstInWindow (): number { return this.#next - this.window.size }

  #add (draft: Draft): Entry {
    const failure = this.failures.shift()
    if (failure !== undefined) throw failure
    if (this.#isClosed) throw new Error('the log is closed')
    const position = this.#position(this.#next++)
    const kept = new Entry(draft, position, -1)
    this.#history.push(kept)
    this.#bytes += kept.size
    const entry = new Entry(draft, position, this.window.next)
    this.window.push(entry)
    this.#trim()
    for (const listener of this.#listeners) listener(entry)
    return entry
  }

  #trim (): void {
    this.window.trim()
    const { entries, bytes, ageMs } = this.#retention
    for (let [oldest] = this.#history; oldest !== undefined; [oldest] = this.#history) {
      const isTooMuch = this.#history.length > entries || (this.#bytes > bytes && this.#history.length > 1)
      if (!isTooMuch && this.#clock.now() - oldest.at <= ageMs) return
      this.#history.shift()
      this.#bytes -= oldest.size
    }
  }

  #locate (position: string): Place | Hole {
    this.#trim()
    const [, epoch] = POSITION.exec(position) ?? []
    if (epoch === undefined) return this.#hole('malformed')
    if (epoch !== this.#epoch) return this.#hole('epoch')
    const next = this.#numberOf(position) + 1
    if (next > this.#next) return this.#hole('ahead')
    if (next < this.#next - this.#history.length) return this.#hole('trimmed')
    return this.#placeOf(next)
  }

  #placeOf (next: number): Place {
    return next < this.#firstInWindow
      ? { kind: 'older', after: this.#position(next - 1) }
      : { kind: 'window', index: this.window.next - (this.#next - next) }
  }

  #earliest (): { start: Place, before: string } {
    this.#trim()
    const oldest = this.#next - this.#history.length
    return { start: this.#placeOf(oldest), before: this.#position(oldest - 1) }
  }

  #hole (reason: Hole['reason']): Hole {
    return { kind: 'gap', reason, ...this.#earliest(), oldest: this.#history[0]?.position ?? null }
  }

  #position (number: number): string {
    return `${this.#epoch}-${number}`
  }

  #numberOf (position: string): number {
    return Number(position.slice(position.indexOf('-') + 1))
  }
}
