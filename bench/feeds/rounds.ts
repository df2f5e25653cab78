/** Plays the workloads of feeds, and prints what they find. */
import { loadavg } from 'node:os'
import type { BenchOptions } from '../options.ts'
import type { Workshop } from '../workshop.ts'
import { gather, tableOf, type Finding, type Found } from './finding.ts'
import { Stage } from './stage.ts'
import type { FeedWorkload } from './workloads.ts'

export interface FeedRoundsOptions {
  readonly options: BenchOptions
  readonly workshop: Workshop
  readonly usesNodeClient: boolean
}

/** Returns what was found, by workload. */
export async function playFeeds ({ options, workshop, usesNodeClient }: FeedRoundsOptions): Promise<Map<string, Found[]>> {
  const all = new Map<string, Found[]>()
  for (const workload of options.feeds) {
    if (workload.needsC === true && usesNodeClient) {
      console.log(`\n${workload.name}: skipped, because only the load client in C can read its events' times`)
      continue
    }
    const connections = connectionsOf(workload, options)
    const rounds = Math.min(options.rounds, workload.mostRounds)
    const findings: Finding[][] = []
    for (let round = 0; round < rounds; round++) {
      findings.push(await Stage.run({ workshop, usesNodeClient }, (stage) => workload.play(stage, { connections, isQuick: options.isQuick })))
    }
    const found = gather(findings)
    all.set(workload.name, found)
    const extent = `${workload.connections === undefined ? '' : `${connections.toLocaleString('en')} connections, `}${rounds} round${rounds === 1 ? '' : 's'}, load ${loadavg()[0]?.toFixed(1)}`
    console.log(tableOf(`${workload.name}: ${workload.title} (${extent})\n  ${workload.reason}`, found))
  }
  return all
}

function connectionsOf (workload: FeedWorkload, { isQuick, connections }: BenchOptions): number {
  if (workload.connections === undefined) return workload.quickConnections
  return connections ?? (isQuick ? workload.quickConnections : workload.connections)
}
