/**
 * Rounds: each server in turn, on fresh processes, in another order each round. A machine's speed drifts by more than servers
 * differ, so figures are only ever compared within one round.
 */
import type { Figure } from './measure.ts'
import type { ServerKind } from './servers.ts'
import { Trial } from './trial.ts'
import { effortOf, type Workload } from './workloads.ts'
import type { Workshop } from './workshop.ts'

/** One server's figure in one round of one workload. */
export interface Sample extends Figure {
  readonly workload: string
  readonly server: string
  /** From 1. */
  readonly round: number
  readonly connections: number
}

export interface RoundsOptions {
  readonly workload: Workload
  readonly servers: readonly ServerKind[]
  readonly rounds: number
  readonly connections: number | undefined
  readonly isQuick: boolean
  readonly usesNodeClient: boolean
  readonly workshop: Workshop
  readonly onSample: (sample: Sample) => void
}

/** Measures one workload on all servers that can play it. */
export async function playRounds ({ workload, servers, rounds, workshop, usesNodeClient, onSample, ...wish }: RoundsOptions): Promise<Sample[]> {
  const players = servers.filter(({ workloads }) => workloads.includes(workload.name))
  const effort = effortOf(workload, wish)
  const samples: Sample[] = []
  for (let round = 1; round <= Math.min(rounds, workload.mostRounds ?? Infinity); round++) {
    for (const kind of rotated(players, round)) {
      const options = { kind, workshop, usesNodeClient, heartbeatMs: workload.heartbeatMs }
      const figure = await Trial.run(options, (trial) => workload.measure(trial, effort))
      const sample = { workload: workload.name, server: kind.name, round, connections: effort.connections, ...figure }
      samples.push(sample)
      onSample(sample)
    }
  }
  return samples
}

function rotated<Item> (items: readonly Item[], by: number): Item[] {
  const from = items.length === 0 ? 0 : by % items.length
  return [...items.slice(from), ...items.slice(0, from)]
}
