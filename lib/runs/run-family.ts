/** A family of runs: those that are running, and those that have ended and are kept for a while. */
import type { Clock } from '../clock.ts'
import { RUN_OBJECT_BYTES } from '../defaults.ts'
import { asError, BadSource, describe, RunExists, RunsClosed, shown, TooManyRuns, UnknownRun } from '../errors.ts'
import type { EntryView } from '../feed/entry.ts'
import type { FeedParts } from '../feed/feed-parts.ts'
import type { Projected } from '../feed/projection.ts'
import { Deadlines } from '../stream/deadlines.ts'
import { closeSource } from '../stream/source.ts'
import type { Dispatched } from '../subscription/feed.ts'
import { runEnded, runStarted } from './diagnostics.ts'
import { RunsFigures, type RunsStats } from './figures.ts'
import { RunFollower } from './follower.ts'
import { LiveRun, type RunTools } from './live-run.ts'
import { checkFollowOptions, checkReason, checkStartOptions, type FollowOptions, type RunsSettings, type StartOptions } from './options.ts'
import { Arrivals, type Lookup } from './lookup.ts'
import { Room } from './room.ts'
import { RunEnded } from './run-ended.ts'
import { newRunId } from './run-id.ts'
import type { Run } from './run.ts'
import type { Runs } from './runs.ts'
import { RunsFollower } from './several.ts'
import { isSource } from './source-values.ts'

/** What a family is made of. */
export interface RunFamilyParts extends Pick<FeedParts, 'codec' | 'compile'> {
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
  readonly #runs = new Map<string, LiveRun>()
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
    const { name, settings, clock, codec, compile, report } = parts
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
      deadlines: this.#deadlines,
      room: this.#room,
      report: (error, what) => { report(error, `runs ${shown(name)}: ${what}`) },
      onEnded: (run) => { this.#ended(run) }
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
    return await this.#find(id).stop(checked)
  }

  async get (id: string): Promise<Run> {
    return this.#find(id).facts
  }

  list (): Run[] {
    return Array.from(this.#runs.values(), ({ facts }) => facts)
  }

  stats (): RunsStats {
    return this.#figures.stats(this.#runs.values(), this.#room.bytes)
  }

  /**
   * The application closes: no run is started any more. Waits for those that are running, and stops them after `waitMs`;
   * is fulfilled when all have ended, `stopMs` after that at the latest.
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
    await Promise.all(Array.from(this.#runs.values(), (run) => run.close()))
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
    this.#room.enter(RUN_OBJECT_BYTES)
    if (before !== undefined) this.#free(before)
    const run = new LiveRun(id, tag, this.#tools)
    this.#runs.set(id, run)
    this.#running++
    this.#figures.started++
    runStarted(this.name, run.facts)
    run.begin(source)
    this.#arrivals.arrived(id)
    return run.facts
  }

  /** Throws `FST_EVENTFEED_UNKNOWN_RUN`. */
  #find (id: string): LiveRun {
    const run = this.#runs.get(id)
    if (run === undefined) throw new UnknownRun(shown(id))
    return run
  }

  #ended (run: LiveRun): void {
    const { state } = run.facts
    const { keepMs } = this.#parts.settings
    this.#running--
    if (state !== 'running') this.#figures.ended[state]++
    this.#room.end(run.feed)
    if (keepMs !== Infinity) this.#deadlines.set(keepMs, () => { this.#free(run) })
    if (this.#running === 0) this.#onIdle?.()
    runEnded(this.name, run.facts)
  }

  /** It is not kept any more. Does nothing for one that has made way for another already. */
  #free (run: LiveRun): void {
    if (this.#runs.get(run.id) !== run) return
    this.#runs.delete(run.id)
    this.#figures.forget(run)
    this.#room.forget(run.feed)
    this.#room.leave(RUN_OBJECT_BYTES)
    run.free()
  }

  #live (): LiveRun[] {
    return [...this.#runs.values()].filter(({ isRunning }) => isRunning)
  }

  * #feeds (): Generator<LiveRun['feed']> {
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
