/**
 * Sources, clients and servers that do anything at any moment, many at the same time: whatever they do, some things hold.
 *
 * FUZZ_SEED plays the same scripts again, FUZZ_RUNS so many of them, FUZZ_WORLD one world that was printed.
 */
import fc from 'fast-check'
import { randomInt } from 'node:crypto'
import t, { type Test } from 'tap'
import { smallest } from './fuzz-shrink.ts'
import { worlds, type World } from './fuzz-script.ts'
import { verdict, type Wrong } from './fuzz-verdict.ts'
import { play } from './fuzz-world.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31))
const runs = Number(process.env['FUZZ_RUNS'] ?? 1_200)
const given = process.env['FUZZ_WORLD']

/** So many runs share an application that lives to the end, or one that closes in their midst. */
const RUNS_TOGETHER = 80
const RUNS_THAT_ARE_CLOSED = 12
/** One run in so many is of those. */
const SHARE_THAT_IS_CLOSED = 6

/** What reaches nobody's hands: it would end the process of whoever uses the plugin. */
const unhandled: string[] = []
process.on('unhandledRejection', (error) => { unhandled.push(`unhandled: ${error instanceof Error ? error.stack ?? '' : String(error)}`) })
process.on('uncaughtExceptionMonitor', (error) => { unhandled.push(`uncaught: ${error.stack ?? ''}`) })

async function wrongsOf (world: World): Promise<Wrong[]> {
  const wrongs = verdict(await play(world))
  return [...wrongs, ...unhandled.splice(0).map((what) => ({ run: undefined, what }))]
}

async function holdsFor (t: Test, world: World): Promise<boolean> {
  const wrongs = await wrongsOf(world)
  if (wrongs.length === 0) return true
  t.comment(`FUZZ_SEED=${seed}`)
  for (const { run, what } of wrongs.slice(0, 20)) t.comment(`run ${run ?? '-'}: ${what}`)
  const { world: least, wrongs: left } = await smallest(world, wrongs, wrongsOf)
  t.fail(left[0]?.what ?? wrongs[0]?.what ?? 'something', { FUZZ_WORLD: JSON.stringify(least) })
  return false
}

t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${runs}`)

t.test('whatever sources, clients and the server do', { skip: given !== undefined }, async (t) => {
  const closing = Math.ceil(runs / SHARE_THAT_IS_CLOSED)
  const kinds = [
    ['while the application lives', RUNS_TOGETHER, runs - closing, false],
    ['while the application closes', RUNS_THAT_ARE_CLOSED, closing, true]
  ] as const
  for (const [title, together, count, mayClose] of kinds) {
    t.test(title, async (t) => {
      let played = 0
      for (const world of fc.sample(worlds(together, { mayClose }), { seed, numRuns: Math.ceil(count / together) })) {
        if (!await holdsFor(t, world)) return
        played += world.runs.length
      }
      t.ok(played >= count, `${played} runs`)
    })
  }
})

t.test('a world that was printed', { skip: given === undefined && 'FUZZ_WORLD is not set' }, async (t) => {
  for (const wrong of await wrongsOf(JSON.parse(given ?? ''))) t.fail(`run ${wrong.run ?? '-'}: ${wrong.what}`)
})

// all servers are closed by now; a socket of Node's own HTTP/2 client that was reset while it had bytes to write may keep the process
t.teardown(() => { setTimeout(() => { process.exit() }, 1_000).unref() })
