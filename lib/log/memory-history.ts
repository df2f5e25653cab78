/**
 * A history in this process's memory, without bounds of its own: whoever holds it drops what is too much. Nothing here
 * is ever asynchronous.
 *
 * Positions are `<epoch>-<number>`. The epoch is new for each history, so that a restarted server never mistakes a
 * position of its predecessor's for one of its own.
 */
import { randomBytes } from 'node:crypto'
import { FeedEnded, LogClosed } from '../errors.ts'
import { Few } from '../few.ts'
import { IndexedRing } from '../indexed-ring.ts'
import type {
  EventLog, Located, LogBeginning, LogDraft, LogEntry, LogGap, LogPage, Tail, TailListener
} from './contract.ts'

/** `<epoch>-<number>`, the number without leading zeros, and not so long that it loses precision. */
const POSITION = /^([a-z0-9]{1,32})-(0|[1-9]\d{0,14})$/
/** 40 random bits: two histories in a row of thousands hardly ever share an epoch, and an id stays short. */
const EPOCH_BYTES = 5

/** A listener, and the number of the entry that it gets next. */
interface Heard { readonly listener: TailListener, next: number }

/** Entries by number: the first is 1. */
export class MemoryHistory implements EventLog {
  readonly #epoch = randomBytes(EPOCH_BYTES).toString('hex')
  readonly #entries = new IndexedRing<LogEntry>(1)
  readonly #heard = new Few<Heard>()
  /** The entries that have a `dedupeId`, both ways; `undefined` until one has. */
  #deduped: { readonly numbers: Map<string, number>, readonly ids: Map<number, string> } | undefined
  #hasEnded = false
  #isClosed = false

  /** The number of the oldest entry; equal to `next` where there is none. */
  get oldest (): number { return this.#entries.first }
  /** The number that the next entry gets. */
  get next (): number { return this.#entries.next }

  /** The entry of a number; `undefined` where it is not kept. */
  at (number: number): LogEntry | undefined {
    return this.#entries.at(number)
  }

  /**
   * The number of the entry that follows a position, or of the next; `undefined` where that is not kept, or not
   * known.
   */
  numberAfter (position: string): number | undefined {
    const [, epoch, number] = POSITION.exec(position) ?? []
    const next = Number(number) + 1
    return epoch === this.#epoch && next >= this.oldest && next <= this.next ? next : undefined
  }

  /** The number of an entry by its position, kept or not; 0 before the first; `undefined` for any other position. */
  numberOf (position: string): number | undefined {
    const [, epoch, number] = POSITION.exec(position) ?? []
    return epoch === this.#epoch && Number(number) < this.next ? Number(number) : undefined
  }

  /** The position of a number. */
  positionOf (number: number): string {
    return `${this.#epoch}-${number}`
  }

  /** Drops the oldest entry. Does nothing where there is none. */
  dropOldest (): void {
    const number = this.#entries.first
    this.#entries.shift()
    const dedupeId = this.#deduped?.ids.get(number)
    if (dedupeId === undefined) return
    this.#deduped?.ids.delete(number)
    this.#deduped?.numbers.delete(dedupeId)
  }

  tail (listener: TailListener, newest: { readonly entries: number, readonly bytes: number }): Tail {
    this.#checkOpen()
    let first = this.next
    for (let bytes = 0; first > this.oldest && this.next - first < newest.entries; first--) {
      bytes += Buffer.byteLength(this.at(first - 1)?.json ?? '')
      if (bytes > newest.bytes) break
    }
    const heard = { listener, next: first }
    this.#heard.add(heard)
    this.#tell(heard)
    if (this.#hasEnded) listener.ended()
    return { before: this.positionOf(first - 1), stop: () => { this.#heard.delete(heard) } }
  }

  append ({ event, json, keys, at, dedupeId, checkedBy }: LogDraft): string {
    this.#checkOpen()
    if (this.#hasEnded) throw new FeedEnded('of this log')
    const known = dedupeId === undefined ? undefined : this.#deduped?.numbers.get(dedupeId)
    if (known !== undefined) return this.positionOf(known)
    const number = this.next
    const position = this.positionOf(number)
    const entry = { event, json, keys, at, checkedBy, position }
    this.#entries.push(entry)
    if (dedupeId !== undefined) {
      this.#deduped ??= { numbers: new Map(), ids: new Map() }
      this.#deduped.numbers.set(dedupeId, number)
      this.#deduped.ids.set(number, dedupeId)
    }
    for (const heard of this.#heard.all) {
      if (heard.next !== number) {
        this.#tell(heard)
        continue
      }
      heard.next++
      heard.listener.entries([entry])
    }
    return position
  }

  locate (position: string): Located {
    this.#checkOpen()
    if (this.numberAfter(position) !== undefined) return { kind: 'found' }
    const [, epoch, number] = POSITION.exec(position) ?? []
    if (epoch === undefined) return this.#gap('malformed')
    if (epoch !== this.#epoch) return this.#gap('epoch')
    return this.#gap(Number(number) < this.oldest ? 'trimmed' : 'ahead')
  }

  earliest (): LogBeginning {
    this.#checkOpen()
    const { oldest } = this
    return { oldest: this.at(oldest)?.position ?? null, before: this.positionOf(oldest - 1), isTrimmed: oldest > 1 }
  }

  page (after: string, limit: number): LogPage | LogGap {
    const located = this.locate(after)
    if (located.kind === 'gap') return located
    const first = this.numberAfter(after) ?? this.next
    const entries: LogEntry[] = []
    for (let entry = this.at(first); entry !== undefined && entries.length < limit; entry = this.at(first + entries.length)) {
      entries.push(entry)
    }
    return { kind: 'page', entries }
  }

  end (): void {
    this.#checkOpen()
    if (this.#hasEnded) return
    this.#hasEnded = true
    for (const { listener } of this.#heard.all) listener.ended()
  }

  delete (): void {
    this.#checkOpen()
    this.close()
  }

  close (): void {
    this.#isClosed = true
    for (const heard of this.#heard.all) this.#heard.delete(heard)
    while (this.oldest < this.next) this.dropOldest()
  }

  /** What was not told yet, at once: a listener that appends has heard of its own entry before the others do. */
  #tell (heard: Heard): void {
    const { next } = heard
    if (next === this.next) return
    heard.next = this.next
    const entries: LogEntry[] = []
    for (let number = next; number < heard.next; number++) {
      const entry = this.at(number)
      if (entry !== undefined) entries.push(entry)
    }
    heard.listener.entries(entries)
  }

  #gap (reason: LogGap['reason']): LogGap {
    const { oldest, before } = this.earliest()
    return { kind: 'gap', reason, oldest, before }
  }

  #checkOpen (): void {
    if (this.#isClosed) throw new LogClosed('in memory')
  }
}
