/**
 * One open log of a store: what is kept of it, which positions it has, and what is to leave. It does not know when
 * transactions begin and end.
 */
import { SQLITE_PAGE_BYTES, SQLITE_PAGE_ENTRIES, SQLITE_TAGS } from '../defaults.ts'
import { LogUnusable, shown } from '../errors.ts'
import type { Located, LogBeginning, LogEntry, LogGap, LogPage } from '../log/contract.ts'
import { sizeOf, type Retention } from '../log/retention.ts'
import { rowOf, rowsOf, type Row } from './driver.ts'
import { LAST_ENTRY, type Statements } from './tables.ts'
import { nextRun, partsOf, positionOf, standing, type Run } from './tags.ts'

/** An event to be added. */
export interface Addition {
  readonly event: string
  readonly json: string
  readonly keys: string | null
  readonly at: number
  readonly since: number
  readonly dedupeId: string | null
}

/** What a log has in memory. A transaction that fails puts back a copy of it. */
export interface State {
  /** The tags, the present one last. */
  runs: readonly Run[]
  /** Whether the present tag is in the file: it is written with its first entry. */
  isTagStored: boolean
  /** The number of the newest entry; 0 before the first one of all. */
  head: number
  /** The bytes of all entries that it ever had. */
  end: number
  /** Since when the newest entry counts as kept. */
  since: number
  /** The number of the oldest entry that is kept; `head + 1` where there is none. */
  first: number
  /** The number of the oldest entry in the file. */
  stored: number
  isEnded: boolean
}

/** An open log. */
export class StoredLog {
  readonly id: number
  readonly name: string
  state: State
  /** How many tails are reading the newest entries: they stay in the file that long. */
  prefills = 0
  readonly #statements: Statements
  readonly #retain: Retention

  /** Reads it from its row in the table of logs, and draws a tag for this opening. */
  constructor (statements: Statements, retain: Retention, name: string, row: Row) {
    this.#statements = statements
    this.#retain = retain
    this.name = name
    this.id = Number(row['id'])
    const runs = rowsOf(statements.tags, this.id).map((tag): Run => ({ tag: String(tag['tag']), opening: Number(tag['opening']), first: Number(tag['first']) }))
    const first = rowOf(statements.first, this.id, 0, this.id)
    const last = rowOf(statements.last, this.id, 0, this.id)
    const head = last === undefined ? Number(row['head']) : Number(last['number'])
    // also where nothing was added yet: what was added may have been lost with the power
    this.state = {
      runs: [...runs, nextRun(runs, head + 1)],
      isTagStored: false,
      head,
      end: last === undefined ? 0 : Number(last['offset']) + sizeOfRow(last),
      since: last === undefined ? -Infinity : Number(last['since']),
      first: first === undefined ? head + 1 : Number(first['number']),
      stored: first === undefined ? head + 1 : Number(first['number']),
      isEnded: Number(row['is_ended']) === 1
    }
  }

  /** The position of the newest entry, or where that would stand. */
  get head (): string {
    return positionOf(this.state.runs, this.state.head)
  }

  /** Whether entries are to be removed from the file. */
  get isSweepDue (): boolean {
    return this.state.stored < this.state.first && this.prefills === 0
  }

  /** Adds an event, in a transaction. Gives its position, and whether it is new. */
  add (addition: Addition, now: number): { position: string, isNew: boolean } {
    const { dedupeId } = addition
    if (dedupeId !== null) {
      this.trim(now)
      const duplicate = rowOf(this.#statements.duplicate, dedupeId, this.id, this.state.first, this.id)
      if (duplicate !== undefined) return { position: positionOf(this.state.runs, Number(duplicate['number'])), isNew: false }
    }
    this.storeTag()
    const { state } = this
    const number = state.head + 1
    if (number > LAST_ENTRY) throw new LogUnusable(`the log ${shown(this.name)} has had ${LAST_ENTRY} entries, and no more fit: end the feed and define it again`)
    const { event, json, keys, at, since } = addition
    state.since = Math.max(state.since, since)
    this.#statements.add.run(this.id, number, state.end, state.since, at, event, keys, dedupeId, json)
    state.head = number
    state.end += sizeOf({ event, json, keys: keysOf(keys) })
    return { position: `${state.runs.at(-1)?.tag}-${number}`, isNew: true }
  }

  /**
   * Writes the tag of this opening, in a transaction, where that is not done yet: then a position of it may be told.
   */
  storeTag (): void {
    const run = this.state.runs.at(-1)
    if (this.state.isTagStored || run === undefined) return
    this.#statements.addTag.run(this.id, run.opening, run.first, run.tag)
    this.state.isTagStored = true
  }

  /** Marks it as ended, in a transaction. */
  end (): void {
    this.#statements.endLog.run(this.id)
    this.state.isEnded = true
  }

  /** What is over the bounds is not kept from now on. It leaves the file by `sweep`. */
  trim (now: number): void {
    const { head, end, first } = this.state
    const { entries, bytes, ageMs } = this.#retain
    const from = Math.max(first, head - entries + 1)
    const isKept = (number: number): boolean => {
      if (number > head) return true
      const bounds = rowOf(this.#statements.bounds, this.id, number)
      if (bounds === undefined) throw new LogUnusable(`the entry ${number} of the log ${shown(this.name)} is missing in the file: somebody else has removed it`)
      return (number === head || end - Number(bounds['offset']) <= bytes) && Number(bounds['since']) >= now - ageMs
    }
    const kept = bytes === Infinity && ageMs === Infinity ? from : firstThat(isKept, from, head + 1)
    this.state.first = kept
  }

  /** Removes up to `limit` entries that are not kept, in a transaction. Gives how many. */
  sweep (limit: number): number {
    if (!this.isSweepDue) return 0
    const { stored, first, head, runs } = this.state
    const until = Math.min(first, stored + limit)
    this.#statements.remove.run(this.id, stored, this.id, until)
    if (until > head) this.#statements.setHead.run(head, this.id)
    this.state.stored = until
    // the tags of entries that have left tell clients that they come too late; the oldest are forgotten
    const oldest = runs[runs.length - SQLITE_TAGS]
    if (oldest !== undefined && oldest !== runs[0] && oldest.first < until) {
      this.#statements.removeTags.run(this.id, oldest.opening)
      this.state.runs = runs.slice(-SQLITE_TAGS)
    }
    return until - stored
  }

  /** Whether a reader can continue from a position. */
  locate (position: string, now: number): Located {
    this.trim(now)
    const parts = partsOf(position)
    if (parts === undefined) return this.#gap('malformed')
    const { runs, head, first } = this.state
    const known = standing(parts, runs, head)
    if (known !== 'known') return this.#gap(known)
    return parts.number + 1 < first ? this.#gap('trimmed') : { kind: 'found' }
  }

  /** Where it begins. */
  earliest (now: number): LogBeginning {
    this.trim(now)
    const { runs, head, first } = this.state
    return { oldest: first > head ? null : positionOf(runs, first), before: positionOf(runs, first - 1), isTrimmed: first > 1 }
  }

  /**
   * The entries after a position. `isPrefill`: also those that are not kept any more, where they are still in the
   * file.
   */
  page (after: string, limit: number, now: number, isPrefill: boolean): LogPage | LogGap {
    const located = this.locate(after, now)
    const number = (partsOf(after)?.number ?? 0) + 1
    const isStored = located.kind === 'gap' && located.reason === 'trimmed' && isPrefill && number >= this.state.stored
    if (located.kind === 'gap' && !isStored) return located
    const { head } = this.state
    if (number > head) return { kind: 'page', entries: [] }
    const last = Math.min(head, number + Math.min(limit, SQLITE_PAGE_ENTRIES) - 1)
    const offset = Number(rowOf(this.#statements.bounds, this.id, number)?.['offset'])
    const rows = rowsOf(this.#statements.page, this.id, number, this.id, last, offset + SQLITE_PAGE_BYTES)
    return { kind: 'page', entries: rows.map((row) => this.#entry(row)) }
  }

  /** The position before the newest entries: so many, and no more bytes of JSON. */
  newest (entries: number, bytes: number, now: number): string {
    this.trim(now)
    const { head, end, first, runs } = this.state
    const fits = (number: number): boolean => number > head ||
      end - Number(rowOf(this.#statements.bounds, this.id, number)?.['offset']) <= bytes
    const from = Math.max(first, entries === Infinity ? first : head - entries + 1)
    return positionOf(runs, firstThat(fits, Math.min(from, head + 1), head + 1) - 1)
  }

  #entry (row: Row): LogEntry {
    return {
      position: positionOf(this.state.runs, Number(row['number'])),
      event: String(row['event']),
      json: String(row['json']),
      keys: keysOf(row['keys']),
      at: Number(row['at'])
    }
  }

  #gap (reason: LogGap['reason']): LogGap {
    const { runs, head, first } = this.state
    return { kind: 'gap', reason, oldest: first > head ? null : positionOf(runs, first), before: positionOf(runs, first - 1) }
  }
}

/** What a row counts toward the bound. */
function sizeOfRow ({ event, json, keys }: Row): number {
  return sizeOf({ event: String(event), json: String(json), keys: keysOf(keys) })
}

function keysOf (keys: unknown): readonly string[] {
  // it was written as a list of texts
  return typeof keys === 'string' ? JSON.parse(keys) as string[] : []
}

/**
 * The first number from `from` (inclusive) to `end` (inclusive) for which `isTrue` holds, where it holds for all after
 * it, and for `end`. It looks near `from` first, because mostly few entries leave at once.
 */
function firstThat (isTrue: (number: number) => boolean, from: number, end: number): number {
  if (from >= end || isTrue(from)) return Math.min(from, end)
  let [low, step] = [from, 1]
  while (low + step < end && !isTrue(low + step)) {
    low += step
    step *= 2
  }
  let high = Math.min(low + step, end)
  // it does not hold for `low`, and holds for `high`
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2)
    if (isTrue(middle)) high = middle
    else low = middle
  }
  return high
}
