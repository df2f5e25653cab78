/**
 * The log of a run that outlives its process: the application's, with records between the events, which say what the
 * run is and how it has ended. Whoever reads the run does not see them.
 */
import type { Clock } from '../clock.ts'
import { UnknownRun, shown } from '../errors.ts'
import { heard } from '../guarded.ts'
import { appended, begun, checkLog, paged } from '../log/answers.ts'
import type { EventLog, Located, LogBeginning, LogDraft, LogEntry, LogGap, LogPage, Tail, TailListener } from '../log/contract.ts'
import { sizeOf, type Retention } from '../log/retention.ts'
import { RUN_LOST } from './run.ts'
import { isRecord, RECORD_TYPE, recordJson, type EndRecord, type RunRecord } from './run-record.ts'
import { positionAfter, readStoredRun, type StoredRun } from './stored-run.ts'

/** What a log is opened with. */
type Newest = Parameters<EventLog['tail']>[1]

/** What the log of a run is made of. */
export interface RunLogParts {
  readonly id: string
  readonly clock: Clock
  /** Gives the application's log of the run. */
  readonly open: () => EventLog
  /** What is known of the run now, but for what the log knows. */
  readonly record: () => Omit<RunRecord, 'events' | 'beginning'>
}

/** What the log has reported before there is a listener. */
interface Held { readonly entries: LogEntry[], hasEnded: boolean }

/** The log of one run. */
export class RunLog implements EventLog {
  readonly retain: Partial<Retention> | undefined
  /** The position before the first event. */
  beginning = ''
  readonly #parts: RunLogParts
  #log: EventLog
  /** Gets what the log reports; until there is a listener, that is held. */
  #listener: TailListener | undefined
  #held: Held = { entries: [], hasEnded: false }
  #tail: Tail | undefined
  /** What was appended since the newest record: a record stands in whatever the log keeps. */
  #entriesSince = 0
  #bytesSince = 0
  #recordedAt = 0
  /** How many events were appended. */
  #events = 0
  #ending: Promise<void> | undefined
  #before: Promise<unknown> | undefined

  /** Throws what the application throws, and `FST_EVENTFEED_BAD_OPTION` where it gives no log. */
  constructor (parts: RunLogParts) {
    this.#parts = parts
    this.#log = this.#open()
    this.retain = this.#log.retain
  }

  /** Is fulfilled when the end was written, or could not be. */
  get written (): Promise<void> {
    return (this.#ending ?? Promise.resolve()).catch(() => {})
  }

  /**
   * Opens the log of a run of this or of another process, which is over. One that has no end in its log is lost, and
   * that is written there. Rejects with `FST_EVENTFEED_UNKNOWN_RUN` where there is no history, and then the log is
   * closed.
   */
  async reopen (newest: Newest): Promise<StoredRun & { readonly record: { readonly end: EndRecord } }> {
    try {
      const tail = begun(await this.#log.tail(this.#hearing, newest))
      const stored = await readStoredRun(this.#log, this.#held.entries[0]?.position)
      if (stored === undefined) throw new UnknownRun(shown(this.#parts.id))
      this.beginning = stored.beginning
      const end = stored.record.end ?? await this.#lose(stored)
      if (!this.#held.hasEnded) await this.#log.end()
      this.#tail = { before: stored.before ?? stored.head, stop: tail.stop }
      return { ...stored, record: { ...stored.record, end } }
    } catch (error) {
      await this.close()
      throw error
    }
  }

  /** It is not opened before this is fulfilled. */
  waitFor (before: Promise<unknown>): void {
    this.#before = before
  }

  /** For a new run, what the log has of an older one is deleted first. */
  tail (listener: TailListener, newest: Newest): Tail | Promise<Tail> {
    return this.#tail === undefined ? this.#begin(newest).then((tail) => this.#listen(listener, tail)) : this.#listen(listener, this.#tail)
  }

  async append (draft: LogDraft): Promise<string> {
    const { entries = Infinity, bytes = Infinity, ageMs = Infinity } = this.retain ?? {}
    this.#entriesSince++
    this.#bytesSince += sizeOf(draft)
    const isDue = this.#entriesSince * 2 >= entries || this.#bytesSince * 2 >= bytes || (this.#parts.clock.elapsed() - this.#recordedAt) * 2 >= ageMs
    try {
      // not awaited: the order is that of the calls
      const recording = isDue ? this.#record() : undefined
      recording?.catch(() => {})
      this.#events++
      const position = appended(await this.#log.append(draft))
      await recording
      return position
    } catch (error) {
      this.#events--
      throw error
    }
  }

  locate (position: string): Located | Promise<Located> { return this.#log.locate(position) }

  earliest (): LogBeginning | Promise<LogBeginning> { return this.#log.earliest() }

  async page (after: string, limit: number): Promise<LogPage | LogGap> {
    for (let from = after; ;) {
      const page = paged(await this.#log.page(from, limit))
      if (page.kind === 'gap') return page
      const entries = page.entries.filter((entry) => !isRecord(entry))
      const last = page.entries.at(-1)
      if (entries.length > 0 || last === undefined) return { kind: 'page', entries }
      from = last.position
    }
  }

  /** Writes how the run has ended, and then the end. */
  end (): Promise<void> {
    this.#ending ??= this.#held.hasEnded
      ? Promise.resolve()
      : this.#record().then(async () => { await this.#log.end() })
    return this.#ending
  }

  async delete (): Promise<void> {
    await this.written
    await this.#log.delete()
  }

  async close (): Promise<void> {
    await this.written
    await this.#log.close()
  }

  /** The position after this many events, or `after`, whichever comes later. */
  positionAfter (events: number, after: string): Promise<string> {
    return positionAfter(this.#log, this.beginning, { events, after })
  }

  #open (): EventLog {
    const log: unknown = heard(this.#parts.open())
    checkLog(log, 'app.runs({ log }) must return a log')
    return log
  }

  async #begin (newest: Newest): Promise<Tail> {
    await this.#before
    let tail = begun(await this.#log.tail(this.#hearing, newest))
    const { oldest } = await this.#log.earliest()
    if (oldest !== null || this.#held.hasEnded) {
      await this.#log.delete()
      this.#held = { entries: [], hasEnded: false }
      this.#log = this.#open()
      tail = begun(await this.#log.tail(this.#hearing, newest))
    }
    this.beginning = await this.#record()
    return { before: this.beginning, stop: tail.stop }
  }

  #listen (listener: TailListener, tail: Tail): Tail {
    const { entries, hasEnded } = this.#held
    this.#listener = listener
    if (entries.length > 0) listener.entries(entries)
    if (hasEnded) listener.ended()
    this.#held = { entries: [], hasEnded }
    return tail
  }

  /** Its process died, or has given up the log, before it ended. */
  async #lose ({ record, events, beginning }: StoredRun): Promise<EndRecord> {
    const error = { code: RUN_LOST, message: 'the process of this run ended before the run did' }
    const end: EndRecord = { state: 'failed', error, endedAt: this.#parts.clock.now() }
    await this.#write({ ...record, events, beginning, end })
    return end
  }

  #record (): Promise<string> {
    return this.#write({ ...this.#parts.record(), events: this.#events })
  }

  async #write (record: RunRecord): Promise<string> {
    this.#entriesSince = 0
    this.#bytesSince = 0
    this.#recordedAt = this.#parts.clock.elapsed()
    const json = recordJson({ ...record, beginning: this.beginning === '' ? undefined : this.beginning })
    return appended(await this.#log.append({ event: RECORD_TYPE, json, keys: [this.#parts.id], at: this.#parts.clock.now() }))
  }

  /** A log calls its functions in any way: they need no `this`, and throw nothing. */
  readonly #hearing: TailListener = {
    entries: (entries) => {
      const seen = Array.isArray(entries) ? entries.filter((entry) => !isRecord(entry)) : entries
      if (this.#listener === undefined) this.#held.entries.push(...seen)
      else if (seen.length > 0) this.#listener.entries(seen)
    },
    lost: (position) => {
      if (this.#listener === undefined) this.#held.entries.length = 0
      this.#listener?.lost(position)
    },
    ended: () => {
      this.#held.hasEnded = true
      this.#listener?.ended()
    }
  }
}
