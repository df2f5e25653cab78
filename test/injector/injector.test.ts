/**
 * Foreign code and Node fail at every boundary, on every stack, in every way; whatever they do, some things hold: see
 * `verdict.ts`.
 *
 * INJECTOR_RUNS is how many runs are played (default: 240), INJECTOR_SEED repeats those of a seed that was printed,
 * INJECTOR_ROW plays one row
 * alone, and INJECTOR_RUN one run that was printed. As in
 *
 *     INJECTOR_SEED=42 INJECTOR_RUNS=4000 npx tap --timeout=600 test/injector/injector.test.ts
 */
import fc from 'fast-check'
import { randomInt } from 'node:crypto'
import t from 'tap'
import type { Run } from './play.ts'
import { Runner } from './runner.ts'
import { BOUNDARIES, boundaryOf, plainestAt, runsAt } from './table.ts'

const seed = Number(process.env['INJECTOR_SEED'] ?? randomInt(2 ** 31 - 1))
const runs = Number(process.env['INJECTOR_RUNS'] ?? 240)
const row = process.env['INJECTOR_ROW']
const given = process.env['INJECTOR_RUN']
const rows = BOUNDARIES.filter(({ name }) => row === undefined || name === row)

const runner = new Runner()
t.comment(`INJECTOR_SEED=${seed} INJECTOR_RUNS=${runs}`)

t.test('a run that was printed', { skip: given === undefined && 'INJECTOR_RUN is not set' }, async (t) => {
  const run: Run = JSON.parse(given ?? '')
  const { wrongs, reached } = await runner.run(run, boundaryOf(run.boundary))
  t.comment(`the fault was committed ${reached} times on its stack`)
  t.strictSame(wrongs, [])
})

for (const boundary of given === undefined ? rows : []) {
  t.test(`whatever is wrong with ${boundary.name}`, async (t) => {
    let wrongs: string[] = []
    const property = fc.asyncProperty(runsAt(boundary), async (run) => {
      const outcome = await runner.run(run, boundary)
      if (outcome.wrongs.length > 0) wrongs = outcome.wrongs
      return outcome.wrongs.length === 0
    })
    const { failed, numRuns, numShrinks, counterexample } = await fc.check(property, {
      seed,
      numRuns: Math.ceil(runs / rows.length)
    })
    if (failed) {
      t.fail(wrongs[0] ?? 'it failed', {
        INJECTOR_SEED: seed,
        INJECTOR_RUN: JSON.stringify(counterexample?.[0]),
        numShrinks,
        wrongs
      })
    } else t.pass(`${numRuns} runs`)
  })
}

t.test('each boundary is reached on each of its stacks', { skip: given !== undefined }, async (t) => {
  for (const boundary of rows) {
    for (const stack of boundary.stacks) {
      const { reached } = await runner.run(plainestAt(boundary, stack), boundary)
      t.ok(reached > 0, `${boundary.name}, on the stack of ${stack}`)
    }
  }
})

t.test('nothing is left when the applications have closed', async (t) => {
  t.strictSame(await runner.stop(), [])
})
