/** The options of runs, of `start` and of `follow`, and what they must be. */
import { MAX_RUNS, RUN_BYTES, RUN_ENTRIES, RUN_KEEP_MS, RUNS_BYTES } from '../defaults.ts'
import { BadOption, describe, shown } from '../errors.ts'
import type { EntryView } from '../feed/entry.ts'
import type { Project, Projected } from '../feed/projection.ts'
import type { EventLog } from '../log/contract.ts'
import { readRetention, type RetainOptions, type Retention } from '../log/retention.ts'
import type { EventSchemas } from '../schema/types.ts'
import type { Filter } from '../subscription/options.ts'
import { checkRunId } from './run-id.ts'

/** What happens where a run, or all of them, would hold more than they may. */
export type WhenFull = 'fail' | 'trim'

/** The options of `app.runs`. */
export interface RunsOptions<Schemas extends EventSchemas = EventSchemas> {
  /** The schemas of the events, by event type: they type what a source yields, and what is not named is not kept. */
  events?: Schemas | undefined
  /** How long a run is kept after its end, in milliseconds. Default: 600,000, ten minutes. `Infinity`: for ever. */
  keepMs?: number | undefined
  /** At most this many run at a time; `start` then fails with 503. Default: 10,000. */
  maxRuns?: number | undefined
  /** What one run keeps. Default: 100,000 events and 32 MiB, of any age. */
  retain?: RetainOptions | undefined
  /** What all runs hold in memory together, in bytes. Default: 256 MiB. */
  maxBytes?: number | undefined
  /**
   * What happens where a run passes `retain`, or all of them `maxBytes`: `fail`, the run fails; `trim`, its first
   * events are dropped, and who begins there gets a gap. Default: `fail`. Where there is a `log`, what leaves the
   * memory is still in the log.
   */
  whenFull?: WhenFull | undefined
  /** Keeps a run beyond the process. Called with the id of a run, also with one that a client has named. */
  log?: ((id: string) => EventLog) | undefined
}

/** The options of `app.runs`, read. */
export interface RunsSettings {
  readonly keepMs: number
  readonly maxRuns: number
  readonly retain: Retention
  readonly maxBytes: number
  readonly whenFull: WhenFull
  readonly log: ((id: string) => EventLog) | undefined
}

/** The options of `start`. */
export interface StartOptions {
  /** The id. Default: 128 random bits. Must be none that a run has which is running. */
  id?: string | undefined
  /** Whom the run belongs to, or whatever else is to be known of it. With a `log` it must be JSON. */
  tag?: unknown
}

/** How a run is followed. */
export interface FollowOptions<View = EntryView, Made = Projected, Taken extends View = View> {
  /** How many events of the run are left out at the beginning. Default: 0. */
  skip?: number | undefined
  /** Which events, as for `subscribe`: synchronous. `key` is the id of the run. */
  where?: Filter<View, Taken> | undefined
  /** In which shape, as for `subscribe`: synchronous, and made once for all who give the same function. */
  as?: Project<Taken, Made> | undefined
}

const RUNS_OPTIONS = ['events', 'keepMs', 'maxRuns', 'retain', 'maxBytes', 'whenFull', 'log']

/** Reads the options of `app.runs`. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function readRunsOptions (options: RunsOptions): RunsSettings {
  checkNames('app.runs', options, RUNS_OPTIONS)
  const { keepMs = RUN_KEEP_MS, maxRuns = MAX_RUNS, retain = {}, maxBytes = RUNS_BYTES, whenFull = 'fail', log } = options
  checkCount('app.runs({ keepMs })', keepMs, 0)
  checkCount('app.runs({ maxRuns })', maxRuns, 1)
  checkCount('app.runs({ maxBytes })', maxBytes, 1)
  if (whenFull !== 'fail' && whenFull !== 'trim') throw new BadOption(`app.runs({ whenFull }) must be 'fail' or 'trim', not ${shown(whenFull)}`)
  if (log !== undefined && typeof log !== 'function') throw new BadOption(`app.runs({ log }) must be a function that returns the log of a run, not ${describe(log)}`)
  const bounds = readRetention(retain)
  return {
    keepMs, maxRuns, maxBytes, whenFull, log, retain: { ...bounds, entries: retain.entries ?? RUN_ENTRIES, bytes: retain.bytes ?? RUN_BYTES }
  }
}

/** Checks the options of `start`. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function checkStartOptions (options: StartOptions): void {
  checkNames('start', options, ['id', 'tag'])
  if (options.id !== undefined) checkRunId(options.id)
}

/** Checks the options of `follow`. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function checkFollowOptions (options: FollowOptions<never, unknown>): void {
  checkNames('follow', options, ['skip', 'where', 'as'])
  const { skip = 0, ...functions } = options
  if (!Number.isSafeInteger(skip) || skip < 0) throw new BadOption(`follow(id, { skip }) must be a non-negative integer, not ${shown(skip)}`)
  for (const [name, value] of Object.entries(functions) as Array<[string, unknown]>) {
    if (value !== undefined && typeof value !== 'function') throw new BadOption(`follow(id, { ${name} }) must be a function, not ${describe(value)}`)
  }
}

/** Checks the reason of a stop, which all who follow learn of. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function checkReason (reason: unknown): string | undefined {
  if (reason === undefined || typeof reason === 'string') return reason
  throw new BadOption(`stop(id, reason): the reason must be a string, not ${describe(reason)}`)
}

function checkNames (where: string, options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) throw new BadOption(`${where}() takes { ${known.join(', ')} }, not ${describe(options)}`)
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new BadOption(`${where}() has no option ${shown(name)}: there are ${known.join(', ')}`)
  }
}

function checkCount (what: string, value: unknown, least: number): void {
  if (value === Infinity || (Number.isSafeInteger(value) && Number(value) >= least)) return
  throw new BadOption(`${what} must be an integer of ${least} or more, or Infinity, not ${shown(value)}`)
}
