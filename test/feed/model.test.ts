/**
 * A feed and its clients against a simple model, in worlds made at random: whatever is published, stalled, cut, trimmed, followed
 * and ended, each client gets exactly what the model says, or is told what it does not get.
 *
 * FUZZ_SEED plays the same worlds again, FUZZ_RUNS so many of them.
 */
import fc from 'fast-check'
import { randomInt } from 'node:crypto'
import t from 'tap'
import { skip } from '../sqlite/database.ts'
import { Game } from './model-play.ts'
import { worlds, type World } from './model-script.ts'

// CI plays the same worlds each time, so that what fails there is the change; everywhere else they are new ones
const seed = Number(process.env['FUZZ_SEED'] ?? (process.env['CI'] === 'true' ? 20_261_122 : randomInt(2 ** 31)))
// thousands of worlds take their time on a busy machine
t.setTimeout(600_000)
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 2_000)

/** Each kind of log, and the share of the worlds that is played with it: one in SQLite has a database of its own, which takes a while. */
const LOGS = [
  ['in memory', { paged: undefined }, 1, false], ['in pages', {}, 1, false], ['in SQLite', { inSqlite: true }, 0.5, skip]
] as const

for (const [name, log, share, skip] of LOGS) {
  t.test(`each client's events are exactly the model's, or the difference is announced: a log ${name}`, { skip }, async (t) => {
    const runs = Math.ceil(numRuns * share)
    t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)
    const arbitrary = worlds.map((world): World => ({ ...world, paged: world.paged ?? 3, ...log }))
    await fc.assert(fc.asyncProperty(arbitrary, (world) => new Game(world).play()), { seed, numRuns: runs })
    t.pass(`${runs} worlds`)
  })
}
