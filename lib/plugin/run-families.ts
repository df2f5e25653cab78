/** `app.runs`: the families of runs of one application, by name. */
import { settledWithin } from '../clock.ts'
import { RunsExist, shown } from '../errors.ts'
import type { RunsStats } from '../runs/figures.ts'
import { readRunsOptions, type RunsOptions } from '../runs/options.ts'
import { RunFamily } from '../runs/run-family.ts'
import type { Workshop } from './workshop.ts'

/** The families of runs of one application. */
export class RunFamilies {
  readonly #families = new Map<string, RunFamily>()
  readonly #workshop: Workshop

  constructor (workshop: Workshop) {
    this.#workshop = workshop
  }

  /** Defines a family. */
  define (name: string, options: RunsOptions): RunFamily {
    this.#workshop.checkName(name, 'runs')
    if (this.#families.has(name)) throw new RunsExist(shown(name))
    const { clock, report } = this.#workshop
    const settings = readRunsOptions(options)
    const compiled = this.#workshop.compile(options.events, `the runs ${shown(name)}`)
    const family = new RunFamily({ name, settings, clock, ...compiled, report })
    this.#families.set(name, family)
    return family
  }

  /** What the runs hold, by the name of their family. */
  stats (): Record<string, RunsStats> {
    return Object.fromEntries(Array.from(this.#families, ([name, family]) => [name, family.stats()]))
  }

  /**
   * Waits for the runs that are running; those that still are after `waitMs` are stopped, and have `stopMs` for that.
   */
  async drain (waitMs: number, stopMs: number): Promise<void> {
    await Promise.all(Array.from(this.#families.values(), (family) => family.drain(waitMs, stopMs)))
  }

  /** Frees all runs. A log that takes longer than `timeoutMs` is not awaited any more. */
  async close (timeoutMs: number): Promise<void> {
    const closing = Array.from(this.#families.values(), (family) => family.close())
    await settledWithin(this.#workshop.clock, timeoutMs, Promise.all(closing))
    this.#families.clear()
  }
}
