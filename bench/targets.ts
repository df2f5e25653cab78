/** The targets that `--check` holds the figures against. */
import { STALLED_CONNECTIONS, STALLED_WARM_UP_BYTES } from './measure.ts'
import { ratio, titleOf } from './report.ts'
import { BEFORE, CONNECTS, OURS } from './servers.ts'
import type { Summary } from './summary.ts'
import type { WorkloadName } from './workloads.ts'

interface Target {
  readonly workload: WorkloadName
  /** Ours divided by this server's is bounded; `undefined`: ours itself, in the workload's unit. */
  readonly against: string | undefined
  /** The median may be so much, inclusive. */
  readonly most: number
}

/** The default of `retain.bytes`: what the log of the measured feed may hold. */
const LOG_BOUND_MEBIBYTES = 64
/** The log may grow by what it does not hold yet. */
const LOG_GROWTH_MEBIBYTES = LOG_BOUND_MEBIBYTES - STALLED_WARM_UP_BYTES / 1024 ** 2
/** A stalled client costs at most one batch of 256 KiB. */
const BATCH_MEBIBYTES = 0.25

const TARGETS: readonly Target[] = [
  { workload: 'lone', against: 'fastify-sse', most: 0.5 },
  { workload: 'lone', against: 'c-floor', most: 1.6 },
  { workload: 'lone', against: 'nchan', most: 1 },
  { workload: 'burst', against: 'fastify-sse', most: 1 / 50 },
  { workload: 'generator', against: 'fastify-sse', most: 1 / 3 },
  { workload: 'heartbeats', against: 'fastify-sse', most: 0.7 },
  { workload: 'idle', against: 'hijack', most: 1.3 },
  { workload: 'stalled', against: undefined, most: LOG_GROWTH_MEBIBYTES + STALLED_CONNECTIONS * BATCH_MEBIBYTES },
  ...CONNECTS.flatMap((workload) => [
    { workload, against: 'fastify-sse', most: 1.35 },
    { workload, against: 'hijack', most: 1.6 }
  ]),
  { workload: 'generator-objects', against: 'bare-loop', most: 1.15 },
  { workload: 'generator-small-objects', against: 'bare-loop', most: 1.15 },
  { workload: 'publish', against: BEFORE, most: 0.3 },
  { workload: 'lone', against: BEFORE, most: 1.05 },
  { workload: 'burst', against: BEFORE, most: 1.05 },
  { workload: 'heartbeats', against: BEFORE, most: 1.05 }
]

export interface Verdict {
  readonly line: string
  /** `undefined` where it was not measured. */
  readonly holds: boolean | undefined
}

/** What can be said of each target, by the summaries of the workloads that were played. */
export function judge (summaries: ReadonlyMap<string, readonly Summary[]>): Verdict[] {
  return TARGETS.map((target) => {
    const played = summaries.get(target.workload) ?? []
    const found = target.against === undefined
      ? played.find(({ server }) => server === OURS)?.value.median
      : played.find(({ server }) => server === target.against)?.oursToIts?.median
    const holds = found === undefined ? undefined : found <= target.most
    const what = target.against === undefined ? `${target.workload}: MiB grown` : `${target.workload}: ours ÷ ${titleOf(target.against)}`
    const mark = holds === undefined ? 'not measured' : holds ? 'holds' : 'MISSED'
    return { holds, line: `  ${mark.padEnd(13)} ${what} ${found === undefined ? '–' : ratio(found)}, at most ${ratio(target.most)}` }
  })
}
