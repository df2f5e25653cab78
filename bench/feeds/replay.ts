/** Workload `replay`: all come back at once, and each gets the whole history. */
import type { Finding } from './finding.ts'
import type { Effort, Stage } from './stage.ts'

/** The default of `retain.entries`. */
const HISTORY = 10_000
const MEBIBYTE = 1024 ** 2
const WARM_UP_SHARE = 20

/** CPU time for each event that is replayed; the next that is published then reaches all. */
export async function replay (stage: Stage, { connections, isQuick }: Effort): Promise<Finding[]> {
  const history = isQuick ? HISTORY / 5 : HISTORY
  const server = await stage.serve('log')
  const crowd = stage.crowd(server)
  // what is asked for is behind the first event, which the log has just dropped: a full replay, and no gap
  const [, first] = await server.ask('number', history + 1)
  const path = `/prices?lastEventId=${first}`
  crowd.expect(history * Math.ceil(connections / WARM_UP_SHARE))
  await crowd.open(Math.ceil(connections / WARM_UP_SHARE), path)
  await crowd.reached()
  const { resident } = await server.memory()
  const cpuBefore = server.cpuMicroseconds()
  const began = performance.now()
  crowd.expect(history * connections)
  await crowd.open(connections, path)
  await crowd.reached()
  const seconds = (performance.now() - began) / 1000
  const cpu = server.cpuMicroseconds() - cpuBefore
  const peak = server.peakResidentBytes()
  crowd.expect(crowd.readers)
  await server.ask('number', 1)
  await crowd.reached()
  const { least, most } = await crowd.counts()
  if (least !== history + 1 || most !== history + 1) throw new Error(`clients have got ${least} to ${most} events, not ${history + 1}`)
  return [
    { label: 'server', value: cpu / history / connections, unit: 'µs/event', note: `${history.toLocaleString('en')} events to each` },
    { label: 'until all have all', value: seconds, unit: 's' },
    { label: 'peak of resident memory, grown by', value: (peak - resident) / MEBIBYTE, unit: 'MiB', note: `from ${(resident / MEBIBYTE).toFixed(0)} MiB` }
  ]
}
