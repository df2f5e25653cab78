/** Workload `runs`: what an event costs that several clients follow one run for, beside a generator for each client. */
import type { Crowd } from '../crowd.ts'
import { median, type Finding } from './finding.ts'
import type { Effort, FeedServer, Stage } from './stage.ts'

/** By how many clients each run is followed, and what an event may cost, as a share of that with a generator for each. */
const CASES = [{ followers: 2, most: 0.85 }, { followers: 10, most: 0.65 }]
const BLOCKS = 10

/** CPU time for each event that arrives, in turn with as many clients of generators, in the same process. */
export async function runs (stage: Stage, { connections, isQuick }: Effort): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const { followers, most } of CASES) {
    const clients = Math.ceil(connections / followers) * followers
    const server = await stage.serve('runs', { runs: clients / followers })
    const crowd = stage.crowd(server)
    await crowd.open(clients, '/follow')
    await crowd.open(clients, '/generator')
    await crowd.open(clients, '/bare')
    const ticks = isQuick ? 3 : 30
    const cost = (kind: string, count = ticks): Promise<number> => costOf({ server, crowd, kind, clients, ticks: count })
    for (const kind of ['runs', 'generators', 'bare']) await cost(kind, ticks * (isQuick ? 1 : 3))
    const blocks: Array<{ run: number, generator: number, bare: number }> = []
    for (let block = 0; block < (isQuick ? 2 : BLOCKS); block++) {
      blocks.push({ run: await cost('runs'), generator: await cost('generators'), bare: await cost('bare') })
    }
    findings.push(
      { label: `runs, ${followers} clients each`, value: median(blocks.map(({ run }) => run)), unit: 'µs/event' },
      { label: `a generator for each client, beside ${followers} each`, value: median(blocks.map(({ generator }) => generator)), unit: 'µs/event' },
      { label: `the least for ${followers} clients each`, value: median(blocks.map(({ bare }) => bare)), unit: 'µs/event', note: 'each event made once, kept, and written to bare sockets' },
      { label: `the least ÷ a generator for each, ${followers} clients`, value: median(blocks.map(({ bare, generator }) => bare / generator)), unit: '×' },
      { label: `ratio, ${followers} clients each`, value: median(blocks.map(({ run, generator }) => run / generator)), unit: '×', most }
    )
  }
  return findings
}

interface Ticks { readonly server: FeedServer, readonly crowd: Crowd, readonly kind: string, readonly clients: number, readonly ticks: number }

/** Each client gets one event at a time, the next when all have it. */
async function costOf ({ server, crowd, kind, clients, ticks }: Ticks): Promise<number> {
  const before = server.cpuMicroseconds()
  for (let left = ticks; left > 0; left--) {
    crowd.expect(clients)
    server.say(kind)
    await crowd.reached()
  }
  return (server.cpuMicroseconds() - before) / clients / ticks
}
