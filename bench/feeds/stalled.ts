/** Workload `stalled-feed`: one in ten readers stops reading. What do they cost, do the others suffer, and what do they get in the end? */
import type { SlowConsumerMode } from '../continuity.ts'
import { median, type Finding } from './finding.ts'
import { burstsOf, Flood, type ReadOn } from './flood.ts'
import type { Effort, Stage } from './stage.ts'

const MEBIBYTE = 1024 ** 2
/** The default of `retain.bytes`. */
const LOG_BYTES = 64 * MEBIBYTE
/** What a stalled reader may cost beside the log. */
const BATCH_BYTES = 256 * 1024
/** So little that a reader that stalls falls off the log, though the kernel holds some megabytes for it. */
const SMALL_RETAIN_BYTES = 2 * MEBIBYTE
const MOST_DELAY_RATIO = 1.2
const MODES: readonly SlowConsumerMode[] = ['disconnect', 'skip', 'latest']

export async function stalled (stage: Stage, { connections, isQuick }: Effort): Promise<Finding[]> {
  const bursts = burstsOf(isQuick ? 6 : 20)
  const count = Math.round(connections / 10)
  const findings = await comparison(stage, { readers: connections - count, stalled: count, bursts })
  for (const mode of MODES) {
    for (const retainBytes of [undefined, SMALL_RETAIN_BYTES]) {
      await stage.clear()
      const flood = await Flood.begin(stage, { readers: count, stalled: count, mode, retainBytes, warmUpBursts: 2 }, false)
      for (let burst = 0; burst < bursts; burst++) await flood.burst()
      findings.push(problems(`${mode}, log of ${(retainBytes ?? LOG_BYTES) / MEBIBYTE} MiB`, await flood.readOn(), count))
    }
  }
  return findings
}

/** Two servers at the same time, the one with stalled readers and the other without, burst by burst in turn. */
async function comparison (stage: Stage, { readers, stalled, bursts }: { readers: number, stalled: number, bursts: number }): Promise<Finding[]> {
  const options = { readers, mode: 'disconnect', warmUpBursts: Math.ceil(bursts / 5) } as const
  const alone = await Flood.begin(stage, { ...options, stalled: 0 }, true)
  const beside = await Flood.begin(stage, { ...options, stalled }, true)
  const ratios: number[] = []
  for (let burst = 0; burst < bursts; burst++) {
    const isAloneFirst = burst % 2 === 0
    const first = await (isAloneFirst ? alone : beside).burst()
    const second = await (isAloneFirst ? beside : alone).burst()
    ratios.push(isAloneFirst ? second / first : first / second)
  }
  const [delaysAlone, delaysBeside] = [await alone.crowd.delays(), await beside.crowd.delays()]
  const [growthAlone, growth] = [await growthOf(alone), await growthOf(beside)]
  const bound = (LOG_BYTES - beside.logBytesBefore + stalled * BATCH_BYTES) / MEBIBYTE
  const boundNote = `the log may grow by ${((LOG_BYTES - beside.logBytesBefore) / MEBIBYTE).toFixed(0)} MiB, and did by ${growth.log.toFixed(0)}`
  const readOn = await beside.readOn()
  return [
    { label: 'resident memory grown', value: growth.resident, unit: 'MiB', most: bound, note: `${boundNote}; without stalled ones ${growthAlone.resident.toFixed(0)} MiB` },
    { label: 'heap and buffers grown', value: growth.heap, unit: 'MiB', most: bound, note: `without stalled ones ${growthAlone.heap.toFixed(0)} MiB` },
    { label: 'peak of resident memory', value: growth.peak, unit: 'MiB', note: `garbage included; without stalled ones ${growthAlone.peak.toFixed(0)} MiB` },
    { label: 'each stalled one, beside the others\' growth', value: (growth.heap - growthAlone.heap) * 1024 / stalled, unit: 'KiB', most: BATCH_BYTES / 1024, note: 'heap and buffers' },
    { label: 'p50 of the delay of the others', value: delaysBeside.p50 / 1000, unit: 'ms', note: `without stalled ones ${(delaysAlone.p50 / 1000).toFixed(1)} ms` },
    { label: 'p99 of the delay of the others', value: delaysBeside.p99 / 1000, unit: 'ms', note: `without stalled ones ${(delaysAlone.p99 / 1000).toFixed(1)} ms` },
    { label: 'p99, with ÷ without stalled ones', value: delaysBeside.p99 / delaysAlone.p99, unit: '×', most: MOST_DELAY_RATIO },
    { label: 'a burst to the others, with ÷ without', value: median(ratios), unit: '×', most: MOST_DELAY_RATIO, note: 'until all have it; the median of bursts in turn, which one disturbance does not move' },
    problems('beside the flood', readOn, stalled)
  ]
}

async function growthOf (flood: Flood): Promise<{ resident: number, heap: number, peak: number, log: number }> {
  const { resident, heap } = await flood.server.memory()
  return {
    resident: (resident - flood.memoryBefore.resident) / MEBIBYTE,
    heap: (heap - flood.memoryBefore.heap) / MEBIBYTE,
    peak: (flood.peakBytes - flood.memoryBefore.resident) / MEBIBYTE,
    log: (await flood.logBytes() - flood.logBytesBefore) / MEBIBYTE
  }
}

function problems (what: string, { complete, reconnects, gaps, missing, problems, problem }: ReadOn, stalled: number): Finding {
  const note = `${complete} of ${stalled} have the newest; ${gaps} gaps that leave out ${missing} events, ${reconnects} reconnects${problem === '' ? '' : `; ${problem}`}`
  return { label: `silent holes and false gaps: ${what}`, value: problems, unit: '', most: 0, isStrict: true, note }
}
