/** Runs without an application, for tests: their sources go on when the test says so. */
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { systemClock, type Clock } from '../../lib/clock.ts'
import { readRunsOptions, type RunsOptions } from '../../lib/runs/options.ts'
import { RunFamily } from '../../lib/runs/run-family.ts'
import type { RunArguments } from '../../lib/runs/source-values.ts'
import { compileEvents } from '../../lib/schema/events.ts'
import { plainText, type AnyEvent } from '../../lib/wire/event.ts'

/** What was reported to the application's log. */
export interface Reported { readonly error: unknown, readonly what: string }

/** A family, and what it has reported. It is closed when the test ends. */
export function familyOf (t: Test, options: RunsOptions & { clock?: Clock } = {}): { runs: RunFamily, reported: Reported[] } {
  const { clock = systemClock, ...rest } = options
  const reported: Reported[] = []
  const runs = new RunFamily({
    name: 'answers',
    settings: readRunsOptions(rest),
    clock,
    codec: rest.events === undefined ? undefined : compileEvents(rest.events, 'the events of a test', { shared: {}, serializer: undefined, validates: false }),
    compile: () => plainText,
    report: (error, what) => { reported.push({ error, what }) }
  })
  t.teardown(() => runs.close())
  return { runs, reported }
}

/** A source that says what it is given, and ends when it is told to. */
export class Script {
  /** What became of it, in order. */
  readonly told: string[] = []
  given: RunArguments | undefined
  readonly #steps: Array<() => AnyEvent> = []
  #wake = (): void => {}

  /** Yields this next. */
  say (...values: AnyEvent[]): this {
    for (const value of values) this.#steps.push(() => value)
    this.#wake()
    return this
  }

  /** Ends by itself. */
  end (value?: unknown): void {
    this.#steps.push(() => { throw new End(value) })
    this.#wake()
  }

  /** Fails. */
  fail (error: unknown): void {
    this.#steps.push(() => { throw error })
    this.#wake()
  }

  /** The source. It heeds its signal. */
  readonly source = (given: RunArguments): AsyncGenerator<AnyEvent, unknown> => {
    this.given = given
    this.told.push('began')
    return this.#run(given)
  }

  async * #run ({ until }: RunArguments): AsyncGenerator<AnyEvent, unknown> {
    try {
      for (;;) {
        const step = this.#steps.shift()
        if (step === undefined) await until(new Promise<void>((resolve) => { this.#wake = resolve }))
        else yield step()
      }
    } catch (error) {
      if (error instanceof End) return error.value
      throw error
    } finally {
      // what it lets go of takes its time
      await turn()
      this.told.push('finally')
    }
  }
}

class End {
  readonly value: unknown

  constructor (value: unknown) {
    this.value = value
  }
}

/** All that a loop gives. */
export async function all<Value> (values: AsyncIterable<Value>): Promise<Value[]> {
  const list: Value[] = []
  for await (const value of values) list.push(value)
  return list
}

/** The data of all that a loop gives. */
export async function dataOf (values: AsyncIterable<{ data: unknown }>): Promise<unknown[]> {
  return (await all(values)).map(({ data }) => data)
}
