/** Workload `rooms`: what a room costs beside the stream that follows it, and what is left of rooms that are freed. */
import { median, type Finding } from './finding.ts'
import type { Effort, Memory, Stage } from './stage.ts'

const WARM_UP = 500
const PASSED = 1_000_000
const MOST_RATIO = 1.5
const MOST_GROWTH_MIB = 2

/** How much a server grows for each stream, in KiB. */
interface Growth { readonly resident: number, readonly heap: number }

/** The same streams twice: all on one feed, and each in a room of its own. */
export async function rooms (stage: Stage, { connections, isQuick }: Effort): Promise<Finding[]> {
  const alone = await growth(stage, connections, '/alone')
  await stage.clear()
  const own = await growth(stage, connections, '/rooms')
  await stage.clear()
  const server = await stage.serve('rooms')
  await server.ask('open', WARM_UP)
  const opening = Number((await server.ask('open', connections))[0])
  const atOnce = isQuick ? PASSED / 100 : PASSED / 20
  const passed = isQuick ? PASSED / 20 : PASSED
  await server.ask('pass', atOnce)
  const passes: number[][] = []
  while (passes.length * atOnce < passed) passes.push((await server.ask('pass', atOnce)).map(Number))
  const microseconds = median(passes.map(([each = NaN]) => each))
  const left = Math.max(...passes.map(([, some = NaN]) => some))
  const bytes = passes.reduce((sum, [, , some = NaN]) => sum + some, 0)
  return [
    { label: 'a stream on one feed', value: alone.resident, unit: 'KiB' },
    { label: 'a stream in a room of its own', value: own.resident, unit: 'KiB' },
    { label: 'rooms ÷ streams alone', value: own.resident / alone.resident, unit: '×', most: MOST_RATIO },
    { label: 'rooms ÷ streams alone, heap', value: own.heap / alone.heap, unit: '×', most: MOST_RATIO, note: 'without what the kernel and the allocator add' },
    { label: 'opening a room', value: opening, unit: 'µs' },
    { label: `${passed.toLocaleString('en')} rooms opened and freed, each`, value: microseconds, unit: 'µs' },
    { label: 'rooms that are left of them', value: left, unit: '', most: 0, isStrict: true },
    { label: 'growth of the heap by them', value: bytes / 1024 / 1024, unit: 'MiB', most: MOST_GROWTH_MIB }
  ]
}

async function growth (stage: Stage, connections: number, path: string): Promise<Growth> {
  const server = await stage.serve('rooms')
  const crowd = stage.crowd(server)
  await crowd.open(WARM_UP, path)
  const before = await server.memory()
  await crowd.open(connections, path)
  const after = await server.memory()
  const each = (name: keyof Memory): number => (after[name] - before[name]) / connections / 1024
  return { resident: each('resident'), heap: each('heap') }
}
