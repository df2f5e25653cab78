/** A run that this process holds: its source is read into a feed of its own, and how it ends is told to all who follow. */
import { RUN_PENDING_EVENTS, RUN_STOP_MS } from '../defaults.ts'
import { asError, RunFailed, RunFull, RunParked, RUN_FAILED, shown } from '../errors.ts'
import type { FeedParts } from '../feed/feed-parts.ts'
import { LogFeed } from '../subscription/feed.ts'
import type { Deadline, Deadlines } from '../stream/deadlines.ts'
import { holdSource } from '../stream/source.ts'
import { until } from '../stream/until.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import type { RunsSettings } from './options.ts'
import type { Room } from './room.ts'
import { RunEnded } from './run-ended.ts'
import type { FollowedOutput } from './run-plan.ts'
import { RunFacts, runErrorOf, type Run, type RunOutcome } from './run.ts'
import type { RunArguments } from './source-values.ts'
import { Work } from './work.ts'
import { runEventOf } from './yielded.ts'

/** What all runs of a family share. */
export interface RunTools extends Pick<FeedParts, 'clock' | 'codec' | 'compile'> {
  /** The name of the family: what its runs count stands under that. */
  readonly name: string
  readonly settings: RunsSettings
  readonly deadlines: Deadlines
  readonly room: Room
  /** Called when a run has ended, once for each. */
  readonly onEnded: (run: LiveRun) => void
  /** Tells the application's log what has failed. */
  readonly report: (error: unknown, what: string) => void
}

/** How streams of runs are too slow: they learn what they have missed, and go on. */
const LAG = { mode: 'skip', maxLagBytes: Infinity, maxLagMs: Infinity } as const

/** One run. */
export class LiveRun implements FollowedOutput {
  readonly facts: RunFacts
  readonly feed: LogFeed
  readonly beginning: string
  readonly #tools: RunTools
  readonly #work: Work
  #abort: AbortController | undefined
  /** Why the signal is aborted. */
  #whyEnded: RunEnded | undefined
  /** How streams end that have read all: the same for all of them. */
  #lastWord: SourceEnd = { kind: 'done' }
  /** What the source has failed with: for the application alone. */
  #cause: unknown
  /** Set by the first call of `stop`. */
  #stopped: { readonly reason: string | undefined, readonly isDrain: boolean } | undefined
  #stopDeadline: Deadline | undefined
  #waiting: Array<(run: Run) => void> = []
  /** How many events are on their way into the log, and the last of them. */
  #pending = 0
  #appending: Promise<void> | undefined
  /** What the log did not take an event with. */
  #failure: { readonly error: unknown } | undefined

  constructor (id: string, tag: unknown, tools: RunTools) {
    const { name, settings, clock, codec, compile, room } = tools
    this.#tools = tools
    this.facts = new RunFacts(id, tag, clock.now())
    this.feed = new LogFeed({
      name,
      retain: settings.retain,
      clock,
      codec,
      compile,
      lag: LAG,
      output: { lastWord: () => this.#lastWord, makeRoom: (bytes) => { this.#makeRoom(bytes) }, onHeld: room.hold },
      onEnd: () => {},
      onFreed: (error) => { if (error !== undefined) this.#report(error, 'its log could not be freed') },
      onFault: (error, what) => { this.#report(error, what) }
    })
    this.#work = new Work((value) => this.#take(value))
    this.feed.open()
    this.beginning = this.feed.window.positionBefore(this.feed.window.oldest)
  }

  get id (): string { return this.facts.id }

  get events (): number { return this.facts.events }

  get isRunning (): boolean { return this.facts.state === 'running' }

  /** Begins to read the source, when the caller has returned. */
  begin (source: unknown): void {
    holdSource(source)
    this.#run(source).catch((error: unknown) => { this.#report(error, 'it could not be ended') })
  }

  positionAfter (): string { return this.beginning }

  /**
   * Stops the source. Is fulfilled when the run has ended: when the source's `finally` has run, or did not within
   * `withinMs`. Of one that has ended already it changes nothing.
   */
  stop (reason: string | undefined, { isDrain = false, withinMs = RUN_STOP_MS }: { isDrain?: boolean, withinMs?: number } = {}): Promise<Run> {
    if (!this.isRunning) return Promise.resolve(this.facts)
    const ended = new Promise<Run>((resolve) => { this.#waiting.push(resolve) })
    if (this.#stopped === undefined) {
      this.#stopped = { reason, isDrain }
      const why = new RunEnded('stopped', reason)
      this.#stopDeadline = this.#tools.deadlines.set(withinMs, () => { this.#park(withinMs) })
      this.#endSignal(why)
      this.#work.stop(why)
    } else if (isDrain) {
      // the first one may have given it longer than the drain has
      this.#stopDeadline?.cancel()
      this.#stopDeadline = this.#tools.deadlines.set(withinMs, () => { this.#park(withinMs) })
    }
    return ended
  }

  /** Is fulfilled when the run has ended. */
  ended (): Promise<Run> {
    return this.isRunning ? new Promise((resolve) => { this.#waiting.push(resolve) }) : Promise.resolve(this.facts)
  }

  /** It is not kept any more: who follows it still gets what remains. */
  free (): void {
    this.feed.letGo()
  }

  /** The application closes: it ends, whatever its source does. */
  async close (): Promise<void> {
    if (this.isRunning) {
      this.stop('drain', { isDrain: true }).catch(() => {})
      this.#park(0)
    }
    await this.feed.close()
  }

  async #run (source: unknown): Promise<void> {
    try {
      // nothing of it runs before `start` has returned
      await undefined
      const value = await this.#work.run(source, this.#arguments())
      await this.#appending
      if (this.#failure === undefined) return this.#conclude({ ...this.#stopped === undefined ? { state: 'done' } : this.#asStopped, value })
      this.#fail(this.#failure.error)
    } catch (error) {
      this.#fail(this.#failure?.error ?? error)
    }
  }

  #fail (thrown: unknown): void {
    const error = asError(thrown, 'the source failed')
    this.#report(error, this.#stopped === undefined ? 'it has failed' : 'its source failed while it was stopped')
    this.#cause = error
    this.#conclude({ ...this.#stopped === undefined ? { state: 'failed' } : this.#asStopped, error: runErrorOf(error) })
  }

  /** It was stopped, and its source has not ended: those who follow, and the drain, wait no longer. */
  #park (ms: number): void {
    const error = new RunParked(shown(this.id), ms)
    this.#report(error, 'its source still runs')
    this.#conclude({ ...this.#asStopped, error: runErrorOf(error) })
  }

  get #asStopped (): Pick<RunOutcome, 'state' | 'reason'> {
    return { state: 'stopped', reason: this.#stopped?.reason }
  }

  /** The first that is called counts: a source that was parked may end later. */
  #conclude (outcome: RunOutcome): void {
    if (!this.isRunning) return
    this.#stopDeadline?.cancel()
    this.facts.end(outcome, this.#tools.clock.now())
    this.#lastWord = this.#makeLastWord()
    try {
      this.#endSignal(new RunEnded(outcome.state, outcome.reason))
      this.feed.end()
    } finally {
      this.#tools.onEnded(this)
      for (const resolve of this.#waiting.splice(0)) resolve(this.facts)
    }
  }

  /** How streams end that have read all. A stop is an end like any other, but for that by a drain. */
  #makeLastWord (): SourceEnd {
    const { state, reason } = this.facts
    if (state === 'done') return { kind: 'done' }
    if (state === 'stopped' && this.#stopped?.isDrain !== true) return { kind: 'done', ...reason === undefined ? {} : { reason } }
    return { kind: 'failed', error: new RunFailed(shown(this.id), { cause: this.#cause }), code: RUN_FAILED, isFinal: true }
  }

  /** Adds what the source has yielded. Throws what is to end the run. */
  #take (yielded: unknown): Promise<unknown> | undefined {
    const event = runEventOf(yielded)
    // what a source that was parked says after all comes too late
    if (event === undefined || !this.isRunning) return undefined
    const added = this.feed.publish({ event: event.event, data: event.data, key: this.id })
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
      this.#failure ??= { error }
      this.#work.stop(asError(error, 'the log of a run failed'))
    }).finally(() => { this.#pending-- })
    return this.#pending < RUN_PENDING_EVENTS ? undefined : this.#appending
  }

  #makeRoom (bytes: number): void {
    const { settings: { retain, whenFull, log }, room } = this.#tools
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

  #report (error: unknown, what: string): void {
    this.#tools.report(error, `the run ${shown(this.id)}: ${what}`)
  }
}
