/** The model of runs: what is said, how each has ended, and until when it is known. It knows no streams, and no time but its own. */
import type { RunState } from '../../lib/runs/run.ts'
import type { Slot, World } from './model-script.ts'

/** One run of the model. */
export interface ModelRun {
  readonly slot: Slot
  /** Which run of its id it is. */
  readonly round: number
  state: RunState
  /** How many events it has had: the first is 1. */
  events: number
  reason: string | undefined
  code: string | undefined
  value: unknown
  /** When it is not known any more. */
  until: number
  isDrained: boolean
  /** True where somebody outside of the process has learned of its end. */
  isTold: boolean
}

/** The runs of a world. */
export class Model {
  readonly world: World
  readonly runs = new Map<Slot, ModelRun>()
  readonly #rounds = new Map<Slot, number>()

  constructor (world: World) {
    this.world = world
  }

  /** What `start` does: the code of its error, or the run. */
  start (slot: Slot, now: number): ModelRun | string {
    const before = this.known(slot, now)
    if (before?.state === 'running') return 'FST_EVENTFEED_RUN_EXISTS'
    if (this.running.length >= this.world.maxRuns) return 'FST_EVENTFEED_TOO_MANY_RUNS'
    const round = (this.#rounds.get(slot) ?? 0) + 1
    this.#rounds.set(slot, round)
    const run: ModelRun = { slot, round, state: 'running', events: 0, reason: undefined, code: undefined, value: undefined, until: Infinity, isDrained: false, isTold: false }
    this.runs.set(slot, run)
    return run
  }

  /** How many of the events that are said are kept: a run without logs that is full fails. */
  say (run: ModelRun, count: number, now: number): void {
    const { retain = Infinity, whenFull, hasLogs } = this.world
    const fits = hasLogs || whenFull === 'trim' ? count : Math.min(count, retain - run.events)
    run.events += fits
    if (fits < count) this.end(run, 'failed', now, { code: 'FST_EVENTFEED_RUN_FULL' })
  }

  end (run: ModelRun, state: Exclude<RunState, 'running'>, now: number, how: Partial<Pick<ModelRun, 'reason' | 'code' | 'value' | 'isDrained' | 'isTold'>> = {}): void {
    Object.assign(run, { state, until: now + this.world.keepMs, ...how })
  }

  /**
   * The process dies. A run whose end stands in no log is lost, also one that has ended. Throws where somebody outside
   * has learned of that end.
   */
  die (hasEnd: (slot: Slot) => boolean, now: number): void {
    for (const run of this.runs.values()) {
      if (hasEnd(run.slot)) continue
      if (run.isTold) throw new Error(`${run.slot} is lost, and somebody was told that it is ${run.state}`)
      this.end(run, 'failed', now, { code: 'lost', reason: undefined, value: undefined })
    }
  }

  /** The run that an id stands for. */
  known (slot: Slot, now: number): ModelRun | undefined {
    const run = this.runs.get(slot)
    return run === undefined || now >= run.until ? undefined : run
  }

  get running (): ModelRun[] {
    return [...this.runs.values()].filter(({ state }) => state === 'running')
  }

  /** The number of the first event that is kept. */
  oldestOf ({ events }: ModelRun): number {
    const { retain = Infinity, hasLogs } = this.world
    return hasLogs ? 1 : Math.max(1, events - retain + 1)
  }
}
