/** A run of this process: its source is read into its feed, and all followers learn how it ends. */
import { RUN_PENDING_EVENTS, RUN_STOP_MS } from '../defaults.ts'
import { asError, RunFull, RunParked, shown } from '../errors.ts'
import type { Deadline } from '../deadlines.ts'
import { closeSource, holdSource } from '../stream/source.ts'
import { until } from '../stream/until.ts'
import { HeldRun, type RunTools } from './held-run.ts'
import { RunEnded } from './run-ended.ts'
import { RunLog } from './run-log.ts'
import type { RunRecord } from './run-record.ts'
import { RunFacts, runErrorOf, type Run, type RunOutcome } from './run.ts'
import type { RunArguments } from './source-values.ts'
import { Work } from './work.ts'
import { runEventOf } from './yielded.ts'

/** One run. */
export class LiveRun extends HeldRun {
  readonly #work: Work
  /** All of its events have its id as their key. */
  readonly #keys: readonly string[]
  readonly #beginning: string
  #abort: AbortController | undefined
  /** Why the signal is aborted. */
  #whyEnded: RunEnded | undefined
  /** What the source has failed with: for the application alone. */
  #cause: unknown
  /** Set by the first call of `stop`. */
  #stopped: { readonly reason: string | undefined, readonly isDrain: boolean } | undefined
  #stopDeadline: Deadline | undefined
  #waiting: Array<(run: Run) => void> = []
  /** How many events are on their way into the log, and the last of them. */
  #pending = 0
  #appending: Promise<void> | undefined

  /** Throws what the application's `log` throws, and what that fails with at once. */
  constructor (id: string, tag: unknown, tools: RunTools) {
    const { clock, settings: { log: openLog } } = tools
    const facts = new RunFacts(id, tag, clock.now())
    const log = openLog === undefined ? undefined : new RunLog({ id, clock, open: () => openLog(id), record: () => this.#record() })
    super(facts, log, tools)
    this.#keys = Object.freeze([id])
    this.#work = new Work((value) => this.#take(value))
    const { window } = this.feed
    // its own log has opened with the feed
    if (log === undefined) this.feed.open()
    this.#beginning = log === undefined ? window.positionBefore(window.oldest) : ''
  }

  override get beginning (): string { return this.log?.beginning ?? this.#beginning }

  /**
   * Begins to read the source, when the caller has returned and the log has opened.
   *
   * @param before what comes before the log is opened
   */
  begin (source: unknown, before?: Promise<unknown>): void {
    holdSource(source)
    if (before !== undefined) this.log?.waitFor(before)
    this.#run(source).catch((error: unknown) => { this.report(error, 'it could not be ended') })
  }

  /**
   * Stops the source. Is fulfilled when the run has ended: when the source's `finally` has run, or did not within
   * `withinMs`. Of one that has ended already it changes nothing.
   */
  override stop (reason: string | undefined, { isDrain = false, withinMs = RUN_STOP_MS } = {}): Promise<Run> {
    if (!this.isRunning) return super.stop(reason)
    const ended = new Promise<Run>((resolve) => { this.#waiting.push(resolve) })
    if (this.#stopped === undefined) {
      this.#stopped = { reason, isDrain }
      const why = new RunEnded('stopped', reason)
      this.#stopDeadline = this.tools.deadlines.set(withinMs, () => { this.#park(withinMs) })
      this.#endSignal(why)
      this.#work.stop(why)
    } else if (isDrain) {
      // the first one may have given it longer than the drain has
      this.#stopDeadline?.cancel()
      this.#stopDeadline = this.tools.deadlines.set(withinMs, () => { this.#park(withinMs) })
    }
    return ended
  }

  /** It ends, whatever its source does. */
  override async close (): Promise<void> {
    if (this.isRunning) {
      this.stop('drain', { isDrain: true }).catch(() => {})
      this.#park(0)
    }
    await super.close()
  }

  async #run (source: unknown): Promise<void> {
    try {
      // nothing of it runs before `start` has returned
      await undefined
      if (this.log !== undefined) await this.#openLog(source)
      const value = await this.#work.run(source, this.#arguments())
      await this.#appending
      this.#conclude({ ...this.#stopped === undefined ? { state: 'done' } : this.#asStopped, value })
    } catch (error) {
      this.#fail(error)
    }
  }

  /** The source waits, and is closed where the log cannot be opened. */
  async #openLog (source: unknown): Promise<void> {
    try {
      this.feed.open()
      await this.feed.ready()
    } catch (error) {
      closeSource(source, asError(error, 'the log of a run failed'))?.catch(() => {})
      throw error
    }
  }

  #fail (thrown: unknown): void {
    if (!this.isRunning) return
    const error = asError(thrown, 'the source failed')
    this.report(error, this.#stopped === undefined ? 'it has failed' : 'its source failed while it was stopped')
    this.#cause = error
    this.#conclude({ ...this.#stopped === undefined ? { state: 'failed' } : this.#asStopped, error: runErrorOf(error) })
  }

  /** It was stopped, and its source has not ended: those who follow, and the drain, wait no longer. */
  #park (ms: number): void {
    const error = new RunParked(shown(this.id), ms)
    this.report(error, 'its source still runs')
    this.#work.abandon()
    this.#conclude({ ...this.#asStopped, error: runErrorOf(error) })
  }

  get #asStopped (): Pick<RunOutcome, 'state' | 'reason'> {
    return { state: 'stopped', reason: this.#stopped?.reason }
  }

  /** The first that is called counts: a source that was parked may end later. */
  #conclude (outcome: RunOutcome): void {
    if (!this.isRunning) return
    this.#stopDeadline?.cancel()
    this.facts.end(outcome, this.tools.clock.now())
    this.setLastWord(this.#stopped?.isDrain === true, this.#cause)
    try {
      this.#endSignal(new RunEnded(outcome.state, outcome.reason))
      this.feed.end()
    } finally {
      this.tools.onEnded(this)
      const tell = (): void => { for (const resolve of this.#waiting.splice(0)) resolve(this.facts) }
      // who has stopped it is not told what a death of the process would take back
      if (this.log === undefined) tell()
      else this.log.written.then(tell, tell)
    }
  }

  #record (): Omit<RunRecord, 'events' | 'beginning'> {
    const { startedAt, tag, state, reason, error, value, endedAt } = this.facts
    if (state === 'running' || endedAt === undefined) return { startedAt, tag }
    return { startedAt, tag, end: { state, reason, error, value, endedAt, isDrain: this.#stopped?.isDrain } }
  }

  /** Adds what the source has yielded. Throws what is to end the run. */
  #take (yielded: unknown): Promise<unknown> | undefined {
    const event = runEventOf(yielded)
    // what a source that was parked says after all comes too late
    if (event === undefined || !this.isRunning) return undefined
    const added = this.feed.publishChecked({ event: event.event, data: event.data, keys: this.#keys })
    if (typeof added === 'string') {
      this.facts.events++
      return undefined
    }
    return this.#appended(added)
  }

  /** A log takes its time: the source goes on meanwhile, up to a bound. */
  #appended (added: Promise<string>): Promise<unknown> | undefined {
    this.#pending++
    this.#appending = added.then(() => { this.facts.events++ }, (error: unknown) => {
      this.#fail(error)
      this.#work.stop(asError(error, 'the log of a run failed'))
    }).finally(() => { this.#pending-- })
    return this.#pending < RUN_PENDING_EVENTS ? undefined : this.#appending
  }

  protected override makeRoom (bytes: number): void {
    const { settings: { retain, whenFull, log }, room } = this.tools
    const { window } = this.feed
    if (whenFull === 'fail' && log === undefined) {
      if (window.size >= retain.entries) throw new RunFull(shown(this.id), `${retain.entries} events`)
      if (window.left < bytes) throw new RunFull(shown(this.id), `${retain.bytes} bytes of events`)
    }
    room.makeRoom(bytes, this.feed)
  }

  #arguments (): RunArguments {
    const signalOf = (): AbortSignal => this.#signal
    return {
      id: this.id,
      get signal () { return signalOf() },
      lastEventId: undefined,
      until: (promise) => until(promise, signalOf()),
      // a run is open from its start
      ready: () => {}
    }
  }

  /** Made when somebody asks. */
  get #signal (): AbortSignal {
    if (this.#abort === undefined) {
      this.#abort = new AbortController()
      if (this.#whyEnded !== undefined) this.#abort.abort(this.#whyEnded)
    }
    return this.#abort.signal
  }

  #endSignal (why: RunEnded): void {
    this.#whyEnded ??= why
    this.#abort?.abort(this.#whyEnded)
  }
}
