/**
 * Events on their way into a database, of all its logs: those of a tick are committed together, and those that come
 * while a commit is under way wait for the next one. So at most one commit is under way, and what waits is bounded.
 */
import { SQLITE_PENDING_BYTES, SQLITE_PENDING_ENTRIES, SQLITE_WRITE_ENTRIES } from '../defaults.ts'
import { LogBusy, shown } from '../errors.ts'
import type { LogDraft, LogEntry } from '../log/contract.ts'
import type { Handle, Written, WriteAsk } from './operations.ts'

/** The log that an event is for. */
export interface WrittenLog {
  readonly name: string
  readonly handle: Handle
  /** Entries of it were committed. */
  committed (entries: readonly LogEntry[]): void
  /** Its end was committed. */
  ended (): void
}

/** An event that waits; without a draft: the end of a log. */
interface Pending {
  readonly log: WrittenLog
  readonly draft: LogDraft | undefined
  readonly since: number
  readonly bytes: number
  readonly resolve: (position: string) => void
  readonly reject: (error: Error) => void
}

/** Commits events. */
export type Commit = (ask: Omit<WriteAsk, 'now'>, done: (error: Error | undefined, written: Written | undefined) => void) => void

/** The queue of a database. */
export class PendingWrites {
  readonly #commit: Commit
  /** What waits, by the tick in which it came. */
  #ticks: Pending[][] = []
  #isTickOpen = false
  #isCommitting = false
  #bytes = 0
  /** How many were added, and how many of them have an answer: they get it in their order. */
  #added = 0
  #answered = 0
  /** Those who wait until so many have an answer. */
  #settled: Array<{ readonly count: number, readonly resolve: () => void }> = []

  constructor (commit: Commit) {
    this.#commit = commit
  }

  /** Adds an event. Resolves with its position. Throws `FST_EVENTFEED_LOG_BUSY` where too much waits. */
  append (log: WrittenLog, draft: LogDraft, since: number): Promise<string> {
    const bytes = draft.json.length
    const count = this.#added - this.#answered
    if (count >= SQLITE_PENDING_ENTRIES || (count > 0 && this.#bytes + bytes > SQLITE_PENDING_BYTES)) {
      throw new LogBusy(shown(log.name), `${count} events, with those of the other feeds in its file,`)
    }
    return new Promise((resolve, reject) => { this.#add({ log, draft, since, bytes, resolve, reject }) })
  }

  /** Ends a log after the events that wait for it. */
  async end (log: WrittenLog): Promise<void> {
    await new Promise<string>((resolve, reject) => { this.#add({ log, draft: undefined, since: 0, bytes: 0, resolve, reject }) })
  }

  /** Resolves when all that waits now was committed, or has failed. */
  async settled (): Promise<void> {
    if (this.#answered === this.#added) return
    await new Promise<void>((resolve) => { this.#settled.push({ count: this.#added, resolve }) })
  }

  #add (pending: Pending): void {
    this.#added++
    this.#bytes += pending.bytes
    const tick = this.#ticks.at(-1)
    if (this.#isTickOpen && tick !== undefined) {
      tick.push(pending)
      return
    }
    this.#isTickOpen = true
    this.#ticks.push([pending])
    setImmediate(() => {
      this.#isTickOpen = false
      this.#send()
    })
  }

  #send (): void {
    if (this.#isCommitting) return
    const pending = this.#take()
    if (pending.length === 0) return
    this.#isCommitting = true
    this.#commit(askOf(pending), (error, written) => { this.#answer(pending, error, written) })
  }

  /** Takes whole ticks: one, and more while they are small. */
  #take (): Pending[] {
    const whole = this.#isTickOpen ? this.#ticks.length - 1 : this.#ticks.length
    let [count, entries] = [0, 0]
    while (count < whole && (count === 0 || entries + (this.#ticks[count]?.length ?? 0) <= SQLITE_WRITE_ENTRIES)) {
      entries += this.#ticks[count]?.length ?? 0
      count++
    }
    return this.#ticks.splice(0, count).flat()
  }

  #answer (pending: readonly Pending[], error: Error | undefined, written: Written | undefined): void {
    this.#isCommitting = false
    this.#answered += pending.length
    for (const { bytes } of pending) this.#bytes -= bytes
    if (written === undefined) for (const { reject } of pending) reject(error ?? new Error('nothing was written'))
    else this.#tell(pending, written)
    const settled = this.#settled.filter(({ count }) => count <= this.#answered)
    this.#settled = this.#settled.filter(({ count }) => count > this.#answered)
    for (const { resolve } of settled) resolve()
    this.#send()
  }

  /** First the tails hear of the entries, then those who have published them. */
  #tell (pending: readonly Pending[], { positions, duplicates }: Written): void {
    const told = new Map<WrittenLog, LogEntry[]>()
    const known = new Set(duplicates)
    let index = 0
    for (const { log, draft } of pending) {
      if (draft === undefined) continue
      const position = positions[index] ?? ''
      if (known.has(index++)) continue
      const { event, json, keys, at, checkedBy } = draft
      const entry = { position, event, json, keys, at, checkedBy }
      const entries = told.get(log)
      if (entries === undefined) told.set(log, [entry])
      else entries.push(entry)
    }
    for (const [log, entries] of told) log.committed(entries)
    for (const { log, draft } of pending) if (draft === undefined) log.ended()
    index = 0
    for (const { draft, resolve } of pending) resolve(draft === undefined ? '' : positions[index++] ?? '')
  }
}

/** Events by column, as they are sent. One loop, because it runs for each event. */
function askOf (pending: readonly Pending[]): Omit<WriteAsk, 'now'> {
  const handles: Handle[] = []
  const events: string[] = []
  const jsons: string[] = []
  const keyLists: Array<string | null> = []
  const ats: number[] = []
  const sinces: number[] = []
  const dedupeIds: Array<string | null> = []
  const ends: Handle[] = []
  for (const { log, draft, since } of pending) {
    if (draft === undefined) {
      ends.push(log.handle)
      continue
    }
    const { event, json, keys, at, dedupeId } = draft
    handles.push(log.handle)
    events.push(event)
    jsons.push(json)
    keyLists.push(keys.length === 0 ? null : JSON.stringify(keys))
    ats.push(at)
    sinces.push(since)
    dedupeIds.push(dedupeId === undefined ? null : JSON.stringify(dedupeId))
  }
  return { handles, events, jsons, keys: keyLists, ats, sinces, dedupeIds, ends }
}
