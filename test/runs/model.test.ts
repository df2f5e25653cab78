/**
 * Runs and those who follow them against a simple model, in worlds made at random: whatever is started, said, stopped,
 * left, resumed, kept, freed and drained, each client gets exactly what the model says, or is told what it does not get.
 *
 * FUZZ_SEED plays the same worlds again, FUZZ_RUNS so many of them.
 */
import fc from 'fast-check'
import { randomInt } from 'node:crypto'
import t from 'tap'
import { Game } from './model-play.ts'
import { worlds } from './model-script.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31))
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 1_000)

for (const [what, hasLogs] of [['in memory', false], ['with logs, and processes that die', true]] as const) {
  t.test(`runs are what the model says, and so is what their clients get: ${what}`, async (t) => {
    t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)
    await fc.assert(fc.asyncProperty(worlds, (world) => new Game({ ...world, hasLogs }).play()), { seed, numRuns })
    t.pass(`${numRuns} worlds`)
  })
}
