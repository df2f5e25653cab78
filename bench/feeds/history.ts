/** Workload `history`: what it costs to keep the newest entries of very many keys. */
import { median, type Finding } from './finding.ts'
import type { Effort, Stage } from './stage.ts'

const BLOCKS = 8
const WARM_UP_BLOCKS = 2
const MOST_RATIO = 1.3
/** A whole number of rounds over all keys. */
const ENTRIES = 100_000
const QUICK_ENTRIES = 20_000

/** The server takes its own CPU time, by `process.cpuUsage`: nothing is sent. */
export async function history (stage: Stage, { isQuick }: Effort): Promise<Finding[]> {
  const server = await stage.serve('history')
  const [kept = NaN, bytes = NaN, heap = NaN] = (await server.ask('fill')).map(Number)
  const entries = isQuick ? QUICK_ENTRIES : ENTRIES
  const blocks: Array<{ ours: number, plain: number }> = []
  for (let block = -WARM_UP_BLOCKS; block < (isQuick ? 2 : BLOCKS); block++) {
    const [ours = NaN, plain = NaN] = (await server.ask('compare', entries)).map(Number)
    if (block >= 0) blocks.push({ ours: ours / entries, plain: plain / entries })
  }
  return [
    { label: 'kept by key', value: kept, unit: 'entries', note: '10,000 keys, 20 of each' },
    { label: 'counted toward retain.bytes', value: bytes / 2 ** 20, unit: 'MiB', most: 128, note: 'of 256 MiB' },
    { label: 'grown by that, after a collection', value: heap / 2 ** 20, unit: 'MiB heap' },
    { label: 'publish without histories', value: median(blocks.map(({ plain }) => plain)), unit: 'µs' },
    { label: 'publish with histories', value: median(blocks.map(({ ours }) => ours)), unit: 'µs' },
    { label: 'with histories ÷ without', value: median(blocks.map(({ ours, plain }) => ours / plain)), unit: '×', most: MOST_RATIO }
  ]
}
