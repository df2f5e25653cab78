/** Workload `where`: what it costs to ask very many predicates that all refuse. */
import { median, type Finding } from './finding.ts'
import type { Effort, Stage } from './stage.ts'

const BLOCKS = 8
const WARM_UP_BLOCKS = 3
const MOST_RATIO = 3

/** The server takes its own CPU time, by `process.cpuUsage`: nothing is sent, so there is nobody outside to wait for. */
export async function where (stage: Stage, { connections, isQuick }: Effort): Promise<Finding[]> {
  const server = await stage.serve('where')
  await stage.crowd(server).open(connections, '/messages')
  const entries = isQuick ? 50 : 300
  const blocks: Array<{ ours: number, bare: number }> = []
  for (let block = -WARM_UP_BLOCKS; block < BLOCKS; block++) {
    const [feedCpu = NaN, bareCpu = NaN, calls = NaN] = (await server.ask('compare', entries)).map(Number)
    if (calls !== entries * connections) throw new Error(`${calls} calls were made, not ${entries * connections}`)
    if (block >= 0) blocks.push({ ours: feedCpu / calls * 1000, bare: bareCpu / calls * 1000 })
  }
  return [
    { label: 'where', value: median(blocks.map(({ ours }) => ours)), unit: 'ns/call' },
    { label: 'bare loop', value: median(blocks.map(({ bare }) => bare)), unit: 'ns/call' },
    { label: 'where ÷ bare loop', value: median(blocks.map(({ ours, bare }) => ours / bare)), unit: '×', most: MOST_RATIO }
  ]
}
