/** A family of runs: those that are running, and those that have ended and are kept for a while. */
import type { Clock } from '../clock.ts'
import { RUN_OBJECT_BYTES } from '../defaults.ts'
import { asError, BadOption, BadSource, describe, LogFailed, RunExists, RunsClosed, shown, TooManyRuns, UnknownRun } from '../errors.ts'
import type { EntryView } from '../feed/entry.ts'
import type { FeedParts } from '../feed/feed-parts.ts'
import type { Projected } from '../feed/projection.ts'
import type { EventLog } from '../log/contract.ts'
import { Deadlines } from '../deadlines.ts'
import { closeSource } from '../stream/source.ts'
import type { Dispatched } from '../subscription/feed.ts'
import { runEnded, runStarted } from './diagnostics.ts'
import { RunsFigures, type RunsStats } from './figures.ts'
import { RunFollower } from './follower.ts'
import type { HeldRun, RunTools } from './held-run.ts'
import { LiveRun } from './live-run.ts'
import { checkFollowOptions, checkReason, checkStartOptions, type FollowOptions, type RunsSettings, type StartOptions } from './options.ts'
import { Arrivals, isUnknown, type Lookup } from './lookup.ts'
import { ReopenedRun } from './reopened-run.ts'
import { Room } from './room.ts'
import { RunEnded } from './run-ended.ts'
import { isRunId, newRunId } from './run-id.ts'
import type { Run } from './run.ts'
import type { Runs } from './runs.ts'
import { RunsFollower } from './several.ts'
import { toJson } from '../wire/event.ts'
import { isSource } from './source-values.ts'

/** What a family is made of. */
export interface RunFamilyParts extends Pick<FeedParts, 'codec' | 'compile' | 'onMisheard'> {
  readonly name: string
  readonly settings: RunsSettings
  readonly clock: Clock
  /** Tells the application's log what has failed. */
  readonly report: (error: unknown, what: string) => void
}

/** The runs of one name. */
export class RunFamily implements Runs {
  readonly name: string
  readonly #parts: RunFamilyParts
  readonly #tools: RunTools
  readonly #runs = new Map<string, HeldRun>()
  /** Runs that are not kept any more, and whose logs are still read by those who follow them. */
  readonly #leaving = new Map<string, HeldRun>()
  /** Runs that are looked up in their logs. */
  readonly #reopening = new Map<string, Promise<HeldRun>>()
  readonly #room: Room
  readonly #deadlines: Deadlines
  readonly #figures = new RunsFigures()
  readonly #arrivals = new Arrivals()
  readonly #lookup: Lookup = {
    find: (id) => this.#find(id),
    await: (id, arrived) => this.#arrivals.await(id, arrived),
    onClosed: (closed) => this.#arrivals.onClosed(closed)
  }

  #running = 0
  #isClosing = false
  #onIdle: (() => void) | undefined

  constructor (parts: RunFamilyParts) {
    const { name, settings, clock, codec, compile, onMisheard, report } = parts
    this.name = name
    this.#parts = parts
    this.#room = new Room({
      name,
      maxBytes: settings.maxBytes,
      trims: settings.whenFull === 'trim' || settings.log !== undefined,
      holders: () => this.#feeds()
    })
    this.#deadlines = new Deadlines(clock, (error) => { this.#report(error, 'what was due failed') })
    this.#tools = {
      name,
      settings,
      clock,
      codec,
      compile,
      onMisheard,
      deadlines: this.#deadlines,
      room: this.#room,
      report: (error, what) => { report(error, `runs ${shown(name)}: ${what}`) },
      onEnded: (run) => { this.#ended(run) },
      onFreed: (run) => { if (this.#leaving.get(run.id) === run) this.#leaving.delete(run.id) }
    }
  }

  start (source: unknown, options: StartOptions = {}): Run {
    try {
      return this.#start(source, options)
    } catch (error) {
      // it is not started, so nothing of it stays open
      closeSource(source, new RunEnded('failed'))?.catch(() => {})
      throw error
    }
  }

  follow<Made extends Projected = never> (
    id: string, options?: FollowOptions<EntryView, Made>
  ): RunFollower<Dispatched<Record<string, unknown>, Made>>
  follow<Made extends Projected = never> (
    ids: readonly string[], options?: FollowOptions<EntryView, Made>
  ): RunsFollower<Dispatched<Record<string, unknown>, Made>>
  follow (ids: string | readonly string[], options: FollowOptions<never, unknown> = {}): RunFollower | RunsFollower {
    checkFollowOptions(options)
    return Array.isArray(ids) ? new RunsFollower(ids, this.#lookup, options) : new RunFollower(ids as string, this.#lookup, options) // no array
  }

  async stop (id: string, reason?: string): Promise<Run> {
    const checked = checkReason(reason)
    const found = this.#find(id)
    // at once, where it can be
    const run = found instanceof Promise ? await found : found
    return await run.stop(checked)
  }

  async get (id: string): Promise<Run> {
    const { facts } = await this.#find(id)
    return facts
  }

  list (): Run[] {
    return Array.from(this.#runs.values(), ({ facts }) => facts)
  }

  stats (): RunsStats {
    return this.#figures.stats(this.#runs.values(), this.#room.bytes)
  }

  /**
   * The application closes: no run is started any more. Waits for those that are running, and stops them after
   * `waitMs`; is fulfilled when all have ended, `stopMs` after that at the latest.
   */
  async drain (waitMs: number, stopMs: number): Promise<void> {
    this.#isClosing = true
    await this.#idle(waitMs)
    await Promise.all(this.#live().map((run) => run.stop('drain', { isDrain: true, withinMs: stopMs })))
    this.#arrivals.close()
  }

  /** Frees all runs. One that still runs has ended with that: the drain comes first. */
  async close (): Promise<void> {
    this.#isClosing = true
    await Promise.all([...this.#reopening.values()].map((reopening) => reopening.catch(() => {})))
    await Promise.all([...this.#runs.values(), ...this.#leaving.values()].map((run) => this.#closeRun(run)))
    this.#room.leave(this.#runs.size * RUN_OBJECT_BYTES)
    this.#leaving.clear()
    this.#arrivals.close()
    this.#runs.clear()
    this.#deadlines.clear()
  }

  #start (source: unknown, options: StartOptions): Run {
    checkStartOptions(options)
    const { id = newRunId(), tag } = options
    if (!isSource(source)) throw new BadSource(describe(source))
    if (this.#isClosing) throw new RunsClosed()
    const before = this.#runs.get(id)
    if (before?.isRunning === true) throw new RunExists(shown(id))
    if (this.#running >= this.#parts.settings.maxRuns) throw new TooManyRuns()
    if (this.#parts.settings.log !== undefined) checkTag(tag)
    this.#room.enter(RUN_OBJECT_BYTES)
    const run = this.#made(() => new LiveRun(id, tag, this.#tools))
    const wayIn = this.#makeWay(id, before)
    this.#runs.set(id, run)
    this.#running++
    this.#figures.started++
    runStarted(this.name, run.facts)
    run.begin(source, wayIn)
    this.#arrivals.arrived(id)
    return run.facts
  }

  /** A run that cannot be made holds nothing. */
  #made<Made> (make: () => Made): Made {
    try {
      return make()
    } catch (error) {
      this.#room.leave(RUN_OBJECT_BYTES)
      throw error
    }
  }

  /** A run that has ended makes way for a new one with its id, whose log is opened when the old one is closed. */
  #makeWay (id: string, before: HeldRun | undefined): Promise<unknown> | undefined {
    const leaving = this.#leaving.get(id)
    const reopening = this.#reopening.get(id)
    if (before !== undefined) this.#free(before)
    if (this.#parts.settings.log === undefined) return undefined
    const old = [before, leaving].filter((run) => run !== undefined).map((run) => this.#closeRun(run))
    return Promise.all([...old, reopening?.then((run) => this.#closeRun(run), () => {})])
  }

  /** Throws, or rejects with, `FST_EVENTFEED_UNKNOWN_RUN`. A promise only where a log must be asked. */
  #find (id: string): HeldRun | Promise<HeldRun> {
    const run = this.#runs.get(id)
    if (run !== undefined) return run
    const { log } = this.#parts.settings
    if (log === undefined || !isRunId(id) || this.#isClosing || this.#leaving.has(id)) throw new UnknownRun(shown(id))
    const reopening = this.#reopening.get(id) ?? this.#reopen(id, log).finally(() => { this.#reopening.delete(id) })
    this.#reopening.set(id, reopening)
    return reopening
  }

  async #reopen (id: string, log: (id: string) => EventLog): Promise<HeldRun> {
    // in a microtask of its own, so that those who ask at once find what is under way
    await undefined
    let run: HeldRun
    try {
      run = await ReopenedRun.open(id, log, this.#tools)
    } catch (cause) {
      if (isUnknown(cause)) throw cause
      throw new LogFailed({ cause })
    }
    // while its log was read, another has begun with its id, which waits for this one to be closed
    if (this.#runs.has(id)) {
      await this.#closeRun(run)
      throw new UnknownRun(shown(id))
    }
    this.#room.hold(RUN_OBJECT_BYTES, 'entries')
    this.#room.makeRoom(0, run.feed)
    this.#runs.set(id, run)
    this.#keep(run)
    if (this.#runs.get(id) !== run) throw new UnknownRun(shown(id))
    return run
  }

  #ended (run: HeldRun): void {
    const { state } = run.facts
    this.#running--
    if (state !== 'running') this.#figures.ended[state]++
    this.#keep(run)
    if (this.#running === 0) this.#onIdle?.()
    runEnded(this.name, run.facts)
  }

  /** Of a run that has ended: it is kept for what is left of its time. */
  #keep (run: HeldRun): void {
    const { settings: { keepMs }, clock } = this.#parts
    const { endedAt = 0 } = run.facts
    this.#room.end(run.feed)
    if (keepMs === Infinity) return
    const leftMs = keepMs - Math.max(0, clock.now() - endedAt)
    if (leftMs < 0) this.#free(run)
    else this.#deadlines.set(leftMs, () => { this.#free(run) })
  }

  /** It is not kept any more. Does nothing for one that has made way for another already. */
  #free (run: HeldRun): void {
    if (this.#runs.get(run.id) !== run) return
    this.#runs.delete(run.id)
    this.#figures.forget(run)
    this.#room.forget(run.feed)
    this.#room.leave(RUN_OBJECT_BYTES)
    if (this.#parts.settings.log !== undefined) this.#leaving.set(run.id, run)
    run.free()
  }

  async #closeRun (run: HeldRun): Promise<void> {
    await run.close().catch((error: unknown) => { this.#report(error, `the log of the run ${shown(run.id)} could not be closed`) })
  }

  #live (): HeldRun[] {
    return [...this.#runs.values()].filter(({ isRunning }) => isRunning)
  }

  * #feeds (): Generator<HeldRun['feed']> {
    for (const { feed } of this.#runs.values()) yield feed
  }

  /** Is fulfilled when none is running, or after `waitMs`. */
  async #idle (waitMs: number): Promise<void> {
    if (this.#running === 0) return
    await new Promise<void>((resolve) => {
      const deadline = this.#deadlines.set(waitMs, resolve)
      this.#onIdle = () => {
        deadline.cancel()
        resolve()
      }
    })
    this.#onIdle = undefined
  }

  #report (error: unknown, what: string): void {
    this.#tools.report(asError(error, what), what)
  }
}

/** What a log keeps of a tag is JSON. Throws `FST_EVENTFEED_BAD_OPTION`. */
function checkTag (tag: unknown): void {
  try {
    if (tag !== undefined) toJson(tag)
  } catch (error) {
    throw new BadOption(`start(source, { tag }) must be what JSON can say, because it is kept in a log: ${asError(error, 'it failed').message}`)
  }
}
