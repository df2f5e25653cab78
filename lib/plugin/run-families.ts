/** `app.runs`: the families of runs of one application, by name. */
import type { FastifyInstance } from 'fastify'
import { settledWithin, type Clock } from '../clock.ts'
import { BadOption, RunsExist, shown } from '../errors.ts'
import { readRunsOptions, type RunsOptions } from '../runs/options.ts'
import { RunFamily } from '../runs/run-family.ts'
import type { RunsStats } from '../runs/figures.ts'
import { compileData, compileEvents } from '../schema/events.ts'
import type { Compilers, SerializerCompiler } from '../schema/serializer.ts'
import { FEED_NAME } from './feeds.ts'
import { logError } from './log.ts'

/** The families of runs of one application. */
export class RunFamilies {
  readonly #families = new Map<string, RunFamily>()
  readonly #app: FastifyInstance
  readonly #clock: Clock
  readonly #validates: boolean

  constructor (app: FastifyInstance, clock: Clock, validates: boolean) {
    this.#app = app
    this.#clock = clock
    this.#validates = validates
  }

  /** Defines a family. */
  define (name: string, options: RunsOptions): RunFamily {
    if (typeof name !== 'string' || !FEED_NAME.test(name)) {
      throw new BadOption(`the name of runs must be a string of 1 to 128 characters without white space, comma and "=", and not begin with "~", not ${shown(name)}`)
    }
    if (this.#families.has(name)) throw new RunsExist(shown(name))
    const settings = readRunsOptions(options)
    const compilers: Compilers = {
      shared: this.#app.getSchemas(), serializer: this.#app.serializerCompiler as SerializerCompiler | undefined, validates: this.#validates
    }
    const family = new RunFamily({
      name,
      settings,
      clock: this.#clock,
      codec: options.events === undefined ? undefined : compileEvents(options.events, `the events of the runs ${shown(name)}`, compilers),
      compile: (event, schema) => compileData(event, schema, compilers),
      report: (error, what) => { logError(this.#app.log, error, what) }
    })
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
    await settledWithin(this.#clock, timeoutMs, Promise.all(closing))
    this.#families.clear()
  }
}
