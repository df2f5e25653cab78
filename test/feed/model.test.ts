/**
 * A feed and its clients against a simple model, in worlds made at random: whatever is published, stalled, cut, trimmed, followed
 * and ended, each client gets exactly what the model says, or is told what it does not get.
 *
 * FUZZ_SEED plays the same worlds again, FUZZ_RUNS so many of them.
 */
import fc from 'fast-check'
import { randomInt } from 'node:crypto'
import t from 'tap'
import { Game } from './model-play.ts'
import { worlds, type World } from './model-script.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31))
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2_000)

for (const [name, log] of [['in memory', { paged: undefined }], ['in pages', {}]] as const) {
  t.test(`each client's events are exactly the model's, or the difference is announced: a log ${name}`, async (t) => {
    t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)
    const arbitrary = worlds.map((world): World => ({ ...world, paged: world.paged ?? 3, ...log }))
    await fc.assert(fc.asyncProperty(arbitrary, (world) => new Game(world).play()), { seed, numRuns })
    t.pass(`${numRuns} worlds`)
  })
}
