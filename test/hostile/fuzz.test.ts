/**
 * Sources, clients and servers that do anything at any moment, many at the same time: whatever they do, some things hold.
 *
 * FUZZ_SEED plays the same scripts again, FUZZ_RUNS is how many are played (a third of the worlds over HTTP/2), and
 * FUZZ_WORLD plays one world that was printed.
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
const SEED = `FUZZ_SEED=${seed} FUZZ_RUNS=${runs}`

/** So many runs share an application that lives to the end, or one that closes in their midst. */
const RUNS_TOGETHER = 80
const RUNS_THAT_ARE_CLOSED = 12
/** One run in so many is of those. */
const SHARE_THAT_IS_CLOSED = 6
/** How long a world may take, on a busy machine: more than the longest waits within it. */
const WORLD_LIMIT_MS = 90_000
/** How many faults of one world are told. */
const MOST_TOLD = 20
/** How long all of it may take, on a busy machine. */
const LIMIT_MS = 120_000 + runs * 200

t.setTimeout(LIMIT_MS)

/** What reaches nobody's hands: it would end the process of whoever uses the plugin. */
const unhandled: string[] = []
process.on('unhandledRejection', (error) => { unhandled.push(`unhandled: ${error instanceof Error ? error.stack ?? '' : String(error)}`) })
// with a listener the process lives, and tells its world
process.on('uncaughtException', (error) => { unhandled.push(`uncaught: ${error.stack ?? ''}`) })

/** All that went wrong in a world. One that does not end in time, or cannot be played, is wrong like any other. */
async function wrongsOf (world: World): Promise<Wrong[]> {
  const stackOf = (error: unknown): string => error instanceof Error ? error.stack ?? '' : String(error)
  const wrongs = await withinLimit(play(world).then(verdict)).catch((error: unknown) => [wrongOf(stackOf(error))])
  return [...wrongs, ...unhandled.splice(0).map(wrongOf)]
}

function wrongOf (what: string): Wrong {
  return { run: undefined, what }
}

/** Rejects when a world has not ended in time. */
async function withinLimit<Value> (played: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`the world has not ended in ${WORLD_LIMIT_MS} ms`)) }, WORLD_LIMIT_MS)
  })
  return await Promise.race([played, late]).finally(() => { clearTimeout(timer) })
}

/**
 * Plays a world. A failure names the seed and the script: at once with the runs that are wrong, and again with the
 * smallest world that was found to fail.
 */
async function holdsFor (t: Test, world: World, name: string): Promise<boolean> {
  const wrongs = await wrongsOf(world)
  if (wrongs.length === 0) return true
  const runsThatFailed = world.runs.filter((_, index) => wrongs.some(({ run }) => run === index))
  t.fail(`${SEED}, ${name}: ${wrongs[0]?.what ?? ''}`, {
    wrongs: wrongs.slice(0, MOST_TOLD).map(({ run, what }) => `run ${run ?? '-'}: ${what}`),
    FUZZ_WORLD: JSON.stringify({ ...world, runs: runsThatFailed.length > 0 ? runsThatFailed : world.runs })
  })
  const { world: least, wrongs: left } = await smallest(world, wrongs, wrongsOf)
  // in the claim itself, because some reports keep nothing else
  t.fail(`${SEED}, ${name}, made smaller: ${left[0]?.what ?? ''}; FUZZ_WORLD='${JSON.stringify(least)}'`)
  return false
}

// the seed is part of the title, because a title is told also where a test is ended from outside
t.test(`whatever sources, clients and the server do (${SEED})`, { skip: given !== undefined }, async (t) => {
  t.setTimeout(LIMIT_MS)
  const closing = Math.ceil(runs / SHARE_THAT_IS_CLOSED)
  const kinds = [
    ['while the application lives', RUNS_TOGETHER, runs - closing, false],
    ['while the application closes', RUNS_THAT_ARE_CLOSED, closing, true]
  ] as const
  for (const [title, together, count, mayClose] of kinds) {
    t.test(title, async (t) => {
      t.setTimeout(LIMIT_MS)
      const played: Record<World['protocol'], number> = { 'HTTP/1': 0, 'HTTP/2': 0 }
      const all = fc.sample(worlds(together, { mayClose }), { seed, numRuns: Math.ceil(count / together) })
      for (const [index, world] of all.entries()) {
        if (!await holdsFor(t, world, `world ${index + 1} of ${all.length} ${title}`)) return
        played[world.protocol] += world.runs.length
      }
      t.ok(played['HTTP/1'] + played['HTTP/2'] >= count, `${played['HTTP/1']} runs over HTTP/1, ${played['HTTP/2']} over HTTP/2`)
    })
  }
})

t.test('a world that was printed', { skip: given === undefined && 'FUZZ_WORLD is not set' }, async (t) => {
  // a report breaks long lines at spaces
  const world: World = JSON.parse((given ?? '').replace(/\s*\n\s*/g, ' '))
  for (const wrong of await wrongsOf(world)) t.fail(`run ${wrong.run ?? '-'}: ${wrong.what}`)
})
