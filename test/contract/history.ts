/**
 * What the reference logs of these tests keep: a history with its positions, bounds and end. All of it is synchronous.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../lib/clock.ts'
import type { Located, LogBeginning, LogDraft, LogEntry, LogGap, LogPage } from '../../lib/log/contract.ts'
import type { Retention } from '../../lib/log/retention.ts'

/** `epoch-number`, without leading zeros. */
const POSITION = /^([0-9a-f]{10})-(0|[1-9]\d{0,14})$/
/** What an entry counts beside its JSON text. */
const AROUND = 300

/** An entry as it is stored. */
export interface Stored extends LogEntry {
  readonly number: number
  readonly dedupeId: string | undefined
}

/** The history of one feed. Faulty ones override its methods. */
export class History {
  readonly retain: Partial<Retention>
  readonly clock: Clock
  epoch = newEpoch()
  entries: Stored[] = []
  /** The number of the newest entry that was ever added. */
  head = 0
  isEnded = false

  constructor (retain: Partial<Retention>, clock: Clock) {
    this.retain = retain
    this.clock = clock
  }

  /** Adds an entry, or answers the one that has the same `dedupeId`. */
  add ({ event, json, keys, at, dedupeId }: LogDraft): { entry: Stored, isNew: boolean } {
    this.trim()
    const known = this.known(dedupeId)
    if (known !== undefined) return { entry: known, isNew: false }
    const number = ++this.head
    const entry = { event, json, keys, at, dedupeId, number, position: this.positionOf(number) }
    this.entries.push(entry)
    this.trim()
    return { entry, isNew: true }
  }

  known (dedupeId: string | undefined): Stored | undefined {
    return dedupeId === undefined ? undefined : this.entries.find((entry) => entry.dedupeId === dedupeId)
  }

  /** Drops what the bounds do not allow. */
  trim (): void {
    const { entries = Infinity, bytes = Infinity, ageMs = Infinity } = this.retain
    for (let [oldest] = this.entries; oldest !== undefined; [oldest] = this.entries) {
      const isTooMuch = this.entries.length > entries || (this.bytes > bytes && this.entries.length > 1)
      if (!isTooMuch && this.clock.now() - oldest.at <= ageMs) return
      this.entries.shift()
    }
  }

  get bytes (): number {
    return this.entries.reduce((sum, entry) => sum + this.sizeOf(entry), 0)
  }

  sizeOf ({ json }: Stored): number {
    return AROUND + Buffer.byteLength(json)
  }

  locate (position: string): Located {
    this.trim()
    const [, epoch, number] = POSITION.exec(position) ?? []
    if (epoch === undefined || number === undefined) return this.gap('malformed')
    if (epoch !== this.epoch) return this.gap('epoch')
    if (Number(number) > this.head) return this.gap('ahead')
    return Number(number) < this.numberBefore ? this.gap('trimmed') : { kind: 'found' }
  }

  gap (reason: LogGap['reason']): LogGap {
    const { oldest, before } = this.earliest()
    return { kind: 'gap', reason, oldest, before }
  }

  earliest (): LogBeginning {
    this.trim()
    return { oldest: this.entries[0]?.position ?? null, before: this.positionOf(this.numberBefore), isTrimmed: this.numberBefore > 0 }
  }

  page (after: string, limit: number): LogPage | LogGap {
    const located = this.locate(after)
    if (located.kind === 'gap') return located
    const number = numberIn(after)
    return { kind: 'page', entries: this.entries.filter((entry) => entry.number > number).slice(0, limit).map(toEntry) }
  }

  /** The newest entries within these bounds. */
  newest (most: { readonly entries: number, readonly bytes: number }): Stored[] {
    this.trim()
    let [first, bytes] = [this.entries.length, 0]
    for (; first > 0 && this.entries.length - first < most.entries; first--) {
      bytes += Buffer.byteLength(this.entries[first - 1]?.json ?? '')
      if (bytes > most.bytes) break
    }
    return this.entries.slice(first)
  }

  /** Deletes all of it. */
  wipe (): void {
    this.entries = []
    this.isEnded = false
    this.head = 0
    this.epoch = newEpoch()
  }

  /** The number just before the oldest entry. */
  get numberBefore (): number {
    return (this.entries[0]?.number ?? this.head + 1) - 1
  }

  positionOf (number: number): string {
    return `${this.epoch}-${number}`
  }
}

/** The number in a position. */
export function numberIn (position: string): number {
  return Number(position.slice(position.indexOf('-') + 1))
}

/** An entry as others see it. */
export function toEntry ({ position, event, json, keys, at }: LogEntry): LogEntry {
  return { position, event, json, keys, at }
}

function newEpoch (): string {
  return randomBytes(5).toString('hex')
}
