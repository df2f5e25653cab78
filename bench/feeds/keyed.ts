/** Workload `keyed`: what an entry costs that one in a hundred of very many subscriptions takes. */
import type { Crowd } from '../crowd.ts'
import { median, type Finding } from './finding.ts'
import type { Effort, FeedServer, Stage } from './stage.ts'

/** As many as all keys have, by `servers/feeds/keyed.ts`. */
const TAKERS_OF = 100
/** How many more feeds `servers/feeds/keyed.ts` has, each with as many streams as one key has takers. */
const OTHERS = 50
const BLOCKS = 15
const MOST_RATIO = 2
const MOST_RATIO_OF_KEYS = 1.5

/**
 * CPU time for each entry, in turn with feeds that are followed as a whole, in the same process. Who goes to other sockets each
 * time finds them cold, so one key is held against one feed, and keys by chance against feeds by chance.
 */
export async function keyed (stage: Stage, { connections, isQuick }: Effort): Promise<Finding[]> {
  // each key has the same whole number of takers
  const subscriptions = Math.ceil(connections / TAKERS_OF) * TAKERS_OF
  const server = await stage.serve('keyed', { subscriptions })
  const crowd = stage.crowd(server)
  await crowd.open(subscriptions, '/keyed')
  const takers = subscriptions / TAKERS_OF
  await crowd.open(takers, '/plain')
  await crowd.open(takers, '/thirds')
  await crowd.open(takers * OTHERS, '/others')
  const entries = isQuick ? 50 : 200
  const kinds = ['plain', 'keyed key-1', 'others', 'keyed random', 'bare', 'thirds all', 'thirds each']
  const warmUps = isQuick ? 1 : 8
  for (const kind of kinds) await cost(server, crowd, { kind, takers, entries: entries * warmUps })
  const blocks: number[][] = []
  for (let block = 0; block < (isQuick ? 2 : BLOCKS); block++) {
    const costs: number[] = []
    for (const kind of kinds) costs.push(await cost(server, crowd, { kind, takers, entries }))
    blocks.push(costs)
  }
  const { events } = await crowd.counts()
  const due = entries * takers * kinds.length * (blocks.length + warmUps)
  if (events !== due) throw new Error(`${events} events have come, not ${due}`)
  const of = (kind: number): number => median(blocks.map((costs) => costs[kind] ?? NaN))
  const ratio = (kind: number, to: number): number => median(blocks.map((costs) => (costs[kind] ?? NaN) / (costs[to] ?? NaN)))
  return [
    { label: `to ${takers} unfiltered, one feed`, value: of(0), unit: 'µs/entry' },
    { label: 'one key again and again', value: of(1), unit: 'µs/entry' },
    { label: `to ${takers} unfiltered, random feeds`, value: of(2), unit: 'µs/entry' },
    { label: 'random keys', value: of(3), unit: 'µs/entry' },
    { label: 'bare writes to random sockets', value: of(4), unit: 'µs/entry', note: 'without a feed: cold sockets in the kernel and in Node' },
    { label: 'one key ÷ one feed', value: ratio(1, 0), unit: '×', most: MOST_RATIO },
    { label: 'random keys ÷ random feeds', value: ratio(3, 2), unit: '×', most: MOST_RATIO },
    { label: 'random keys ÷ one feed', value: ratio(3, 0), unit: '×', note: 'cold sockets against warm ones' },
    { label: 'random keys ÷ bare random writes', value: ratio(3, 4), unit: '×' },
    { label: 'three keys ÷ one key, to as many', value: ratio(6, 5), unit: '×', most: MOST_RATIO_OF_KEYS }
  ]
}

/** One entry at a time, the next when all takers have it. */
async function cost (server: FeedServer, crowd: Crowd, { kind, takers, entries }: { kind: string, takers: number, entries: number }): Promise<number> {
  const before = server.cpuMicroseconds()
  for (let left = entries; left > 0; left--) {
    crowd.expect(takers)
    server.say(kind)
    await crowd.reached()
  }
  return (server.cpuMicroseconds() - before) / entries
}
