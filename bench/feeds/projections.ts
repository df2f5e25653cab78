/** Workload `projections`: what it costs that streams get an event in two shapes. */
import type { Crowd } from '../crowd.ts'
import { median, type Finding } from './finding.ts'
import type { Effort, FeedServer, Stage } from './stage.ts'

const SHAPES = 2
const BURST = 100
const BLOCKS = 10

/** CPU time for each event that arrives, in turn with as many streams that have no projection. */
export async function projections (stage: Stage, { connections, isQuick }: Effort): Promise<Finding[]> {
  const server = await stage.serve('projections')
  const crowd = stage.crowd(server)
  await crowd.open(connections, '/shaped')
  await crowd.open(connections, '/plain')
  const findings: Finding[] = []
  for (const { name, count } of [{ name: 'lone events', count: 1 }, { name: 'bursts of 100', count: BURST }]) {
    const repeats = isQuick ? 5 : count === 1 ? 60 : 20
    for (const feed of ['shaped', 'plain']) await cost({ server, crowd, feed, count, repeats: repeats * (isQuick ? 1 : 4) })
    const blocks: Array<{ shaped: number, plain: number }> = []
    for (let block = 0; block < (isQuick ? 2 : BLOCKS); block++) {
      blocks.push({ shaped: await cost({ server, crowd, feed: 'shaped', count, repeats }), plain: await cost({ server, crowd, feed: 'plain', count, repeats }) })
    }
    findings.push(
      { label: `${name}, two projections`, value: median(blocks.map(({ shaped }) => shaped)), unit: 'µs/event' },
      { label: `${name}, as published`, value: median(blocks.map(({ plain }) => plain)), unit: 'µs/event' },
      { label: `${name}, ratio`, value: median(blocks.map(({ shaped, plain }) => shaped / plain)), unit: '×' }
    )
  }
  const [before] = await server.ask('calls')
  await cost({ server, crowd, feed: 'shaped', count: BURST, repeats: 1 })
  const [after] = await server.ask('calls')
  return [...findings, { label: 'calls of projections for each entry', value: (Number(after) - Number(before)) / BURST, unit: '', most: SHAPES, isStrict: true, note: `shared by ${connections} streams` }]
}

interface Run { readonly server: FeedServer, readonly crowd: Crowd, readonly feed: string, readonly count: number, readonly repeats: number }

async function cost ({ server, crowd, feed, count, repeats }: Run): Promise<number> {
  const due = count * crowd.readers / 2
  const before = server.cpuMicroseconds()
  for (let left = repeats; left > 0; left--) {
    crowd.expect(due)
    server.say(`${feed} ${count}`)
    await crowd.reached()
  }
  return (server.cpuMicroseconds() - before) / due / repeats
}
