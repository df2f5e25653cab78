/** Workload `storm`: all clients are cut at once, and come back. */
import { setTimeout } from 'node:timers/promises'
import { checkDescriptors } from '../crowd.ts'
import type { Finding } from './finding.ts'
import type { Effort, Stage } from './stage.ts'

const EVENTS_BEFORE = 20
/** Published meanwhile, in steps, so that some come while a client is away, and some while it catches up. */
const STEPS = 60
const EVENTS_OF_STEP = 5
const STEP_MS = 50
const TENTHS = 10
/** A tenth of the time has a tenth of the clients; twice as many would be a second storm. */
const MOST_OF_TENTH = 0.2
/** The default of `retryMs`, and of its jitter. */
const LEAST_RETRY_MS = 3_000
const RETRY_SPREAD_MS = 1_500

export async function storm (stage: Stage, { connections }: Effort): Promise<Finding[]> {
  checkDescriptors(connections)
  const server = await stage.serve('log')
  const pages = stage.pages(server)
  const [before] = await server.ask('number', EVENTS_BEFORE)
  pages.say(`open ${connections} /prices ${before} disconnect`)
  await pages.hear('opened')
  await server.ask('number', EVENTS_BEFORE)
  const cpuBefore = server.cpuMicroseconds()
  const began = performance.now()
  const [cut] = await server.ask('cut')
  if (Number(cut) !== connections) throw new Error(`${cut} connections were cut, not ${connections}`)
  let last = 0
  for (let step = 0; step < STEPS; step++) {
    last = Number((await server.ask('number', EVENTS_OF_STEP))[0])
    await setTimeout(STEP_MS)
  }
  pages.say(`read ${last}`)
  const [complete, reconnects, gaps, missing, problems, ...problem] = await pages.hear('read')
  const seconds = (performance.now() - began) / 1000
  const cpu = server.cpuMicroseconds() - cpuBefore
  const [open] = await server.ask('streams')
  pages.say('retries')
  const spread = spreadOf((await pages.hear('retries')).map(Number))
  return [
    { label: 'left behind', value: connections - Number(complete), unit: '', most: 0, isStrict: true, note: `${reconnects} reconnects; ${open} streams are open` },
    { label: 'silent holes and gaps', value: Number(problems) + Number(gaps) + Number(missing), unit: '', most: 0, isStrict: true, note: problem.join(' ') },
    { label: 'until all have all', value: seconds, unit: 's' },
    { label: 'server', value: cpu / connections, unit: 'µs/client', note: `${STEPS * EVENTS_OF_STEP} events to each, and its connection` },
    { label: 'retry, least', value: spread.least, unit: 'ms' },
    { label: 'retry, most', value: spread.most, unit: 'ms' },
    { label: 'share of the fullest tenth of the retries', value: Math.max(...spread.shares), unit: '', most: MOST_OF_TENTH, isStrict: true, note: spread.shares.map((share) => `${(share * 100).toFixed(1)} %`).join(' ') }
  ]
}

/** How many clients were told to come back in each tenth of the time in which they may. */
function spreadOf (retries: readonly number[]): { least: number, most: number, shares: number[] } {
  const tenthOf = (retry: number): number => Math.min(TENTHS - 1, Math.floor((retry - LEAST_RETRY_MS) / RETRY_SPREAD_MS * TENTHS))
  const shares = Array.from({ length: TENTHS }, (_, tenth) => retries.filter((retry) => tenthOf(retry) === tenth).length / retries.length)
  return { least: Math.min(...retries), most: Math.max(...retries), shares }
}
