/** From samples to what is said about them: medians, and ratios of figures of the same round. */
import type { Sample } from './rounds.ts'
import { OURS } from './servers.ts'

export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

/** One server in one workload. */
export interface Summary {
  readonly server: string
  readonly value: Spread
  /** Ours divided by its, for each round; `undefined` for ours, and where ours was not measured. */
  readonly oursToIts: Spread | undefined
  readonly bytesEach: number | undefined
  readonly note: string | undefined
}

/** Summarizes the samples of one workload, in the order in which `servers` are given. */
export function summarize (samples: readonly Sample[], servers: readonly string[]): Summary[] {
  const ours = new Map(samples.filter(({ server }) => server === OURS).map(({ round, value }) => [round, value]))
  return servers.flatMap((server) => {
    const its = samples.filter((sample) => sample.server === server)
    const last = its.at(-1)
    if (last === undefined) return []
    const ratios = server === OURS ? [] : its.flatMap(({ round, value }) => (ours.get(round) ?? NaN) / value || [])
    return [{ server, value: spreadOf(its.map(({ value }) => value)), oursToIts: ratios.length === 0 ? undefined : spreadOf(ratios), bytesEach: last.bytesEach, note: last.note }]
  })
}

/** Of an even number of values, the median is the mean of the two in the middle. */
function spreadOf (values: readonly number[]): Spread {
  const sorted = [...values].sort((one, other) => one - other)
  const lower = sorted[(sorted.length - 1) >> 1] ?? NaN
  const upper = sorted[sorted.length >> 1] ?? NaN
  return { median: (lower + upper) / 2, least: sorted[0] ?? NaN, most: sorted.at(-1) ?? NaN }
}
