/**
 * The log in this process's memory. Its whole history is its window, so nothing here is ever asynchronous.
 *
 * Positions are `<epoch>-<index>`. The epoch is new for each log, so that a restarted server never mistakes a position of
 * its predecessor's for one of its own.
 */
import { randomBytes } from 'node:crypto'
import { systemClock, type Clock } from '../clock.ts'
import { Entry, type Draft } from './entry.ts'
import type { EventLog, Hole, Page, Place } from './event-log.ts'
import { readRetention, type Retention } from './retention.ts'
import { Window } from './window.ts'

/** `<epoch>-<index>`, the index without leading zeros, and not so long that it loses precision. */
const POSITION = /^([a-z0-9]{1,32})-(0|[1-9]\d{0,14})$/
/** 40 random bits: two logs in a row of thousands hardly ever share an epoch, and an id stays short. */
const EPOCH_BYTES = 5

/** A log in memory. */
export class MemoryLog implements EventLog {
  readonly window: Window
  readonly #epoch = randomBytes(EPOCH_BYTES).toString('hex')
  readonly #listeners = new Set<(entry: Entry) => void>()
  #isClosed = false

  /** @throws FST_EVENTFEED_BAD_OPTION where `retain` is not what it must be */
  constructor ({ retain, clock = systemClock }: { retain?: Partial<Retention> | undefined, clock?: Clock | undefined } = {}) {
    this.window = new Window(clock, readRetention(retain), this.#position(0))
  }

  append (draft: Draft): Entry {
    if (this.#isClosed) throw new Error('the log is closed')
    const index = this.window.next
    const entry = new Entry(draft, this.#position(index), index)
    this.window.push(entry)
    for (const listener of this.#listeners) listener(entry)
    return entry
  }

  locate (position: string): Place | Hole {
    this.window.trim()
    const { window } = this
    const [, epoch, index] = POSITION.exec(position) ?? []
    if (epoch === undefined) return this.#hole('malformed')
    if (epoch !== this.#epoch) return this.#hole('epoch')
    const next = Number(index) + 1
    if (next > window.next) return this.#hole('ahead')
    return next < window.oldest ? this.#hole('trimmed') : { kind: 'window', index: next }
  }

  earliest (): { start: Place, before: string } {
    this.window.trim()
    return { start: { kind: 'window', index: this.window.oldest }, before: this.window.positionBefore(this.window.oldest) }
  }

  page (after: string): Page {
    return { entries: [], next: this.locate(after) }
  }

  tail (listener: (entry: Entry) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  close (): void {
    this.#isClosed = true
    this.window.clear()
    this.#listeners.clear()
  }

  #position (index: number): string {
    return `${this.#epoch}-${index}`
  }

  #hole (reason: Hole['reason']): Hole {
    const { window } = this
    return { kind: 'gap', reason, oldest: window.at(window.oldest)?.position ?? null, ...this.earliest() } satisfies Hole
  }
}
