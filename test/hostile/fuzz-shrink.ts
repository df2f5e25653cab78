/** Makes a world that fails smaller, as long as it still fails. Moments are not the same each time, so each is tried several times. */
import { isFeedSource, type Run, type World } from './fuzz-script.ts'
import type { Wrong } from './fuzz-verdict.ts'

/** How often a smaller world may hold before it is taken not to fail. */
const TRIES = 8
/** How long is looked for a smaller one. */
const LIMIT_MS = 20_000

type Check = (world: World) => Promise<Wrong[]>

/** The smallest world that was found to fail, and what is wrong there. */
export async function smallest (world: World, wrongs: Wrong[], check: Check): Promise<{ world: World, wrongs: Wrong[] }> {
  const limit = performance.now() + LIMIT_MS
  let least = { world, wrongs }
  for (let isSmaller = true; isSmaller && performance.now() < limit;) {
    isSmaller = false
    for (const candidate of smallerOnes(least.world, least.wrongs)) {
      const found = performance.now() < limit ? await failing(candidate, check) : undefined
      if (found === undefined) continue
      least = { world: candidate, wrongs: found }
      isSmaller = true
      break
    }
  }
  return least
}

async function failing (world: World, check: Check): Promise<Wrong[] | undefined> {
  for (let tries = 0; tries < TRIES; tries++) {
    const wrongs = await check(world)
    if (wrongs.length > 0) return wrongs
  }
  return undefined
}

/** First the runs that failed alone, then halves, then single steps less. */
function * smallerOnes (world: World, wrongs: readonly Wrong[]): Generator<World> {
  const { runs } = world
  if (runs.length > 1) {
    for (const { run } of wrongs) {
      const alone = run === undefined ? undefined : runs[run]
      if (alone !== undefined) yield { ...world, runs: [alone] }
    }
    const half = runs.length >> 1
    yield { ...world, runs: runs.slice(0, half) }
    yield { ...world, runs: runs.slice(half) }
    return
  }
  for (const run of runs.flatMap(shorter)) yield { ...world, runs: [run] }
}

function shorter (run: Run): Run[] {
  const { source, legs } = run
  return [
    ...run.ahead > 0 ? [{ ...run, ahead: 0 }] : [],
    ...run.behind > 0 ? [{ ...run, behind: 0 }] : [],
    ...run.hook !== 'none' ? [{ ...run, hook: 'none' as const }] : [],
    ...run.kickAfterTurns !== undefined ? [{ ...run, kickAfterTurns: undefined }] : [],
    ...isFeedSource(source)
      ? withoutOne(source.steps).map((steps) => ({ ...run, source: { ...source, steps } }))
      : withoutOne(source.steps).map((steps) => ({ ...run, source: { ...source, steps } })),
    ...legs.length > 1 ? withoutOne(legs).map((left) => ({ ...run, legs: left })) : [],
    ...legs.flatMap((leg, index) => withoutOne(leg.steps).map((steps) => ({ ...run, legs: legs.with(index, { ...leg, steps }) })))
  ]
}

function withoutOne<Item> (items: readonly Item[]): Item[][] {
  return items.map((_, index) => items.toSpliced(index, 1))
}
