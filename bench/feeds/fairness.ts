/** Workload `fairness`: how long a fan-out to very many holds the event loop. */
import { setTimeout } from 'node:timers/promises'
import type { Crowd } from '../crowd.ts'
import { ORDINARY_BYTES } from '../servers/event.ts'
import { median, type Finding } from './finding.ts'
import type { Effort, FeedServer, Stage } from './stage.ts'

const BURST = 100
const BLOCKS = 4
const WINDOW_MS = 1_500
const MOST_P99_MS = 10
const MOST_WORST_MS = 30

/** In milliseconds. */
interface Delay { readonly p99: number, readonly worst: number }

/** The delay of the event loop, minus what it has when nothing is published. */
export async function fairness (stage: Stage, { connections, isQuick }: Effort): Promise<Finding[]> {
  const server = await stage.serve('fairness')
  const crowd = stage.crowd(server)
  await crowd.open(connections, '/prices')
  const windowMs = isQuick ? WINDOW_MS / 5 : WINDOW_MS
  const kinds = [0, 1, BURST]
  for (const atOnce of [1, BURST, BURST]) await watch({ server, crowd, windowMs, atOnce })
  const blocks: Delay[][] = []
  for (let block = 0; block < BLOCKS; block++) {
    const delays: Delay[] = []
    for (const atOnce of kinds) delays.push(await watch({ server, crowd, windowMs, atOnce }))
    blocks.push(delays)
  }
  const of = (kind: number, name: keyof Delay): number[] => blocks.map((delays) => delays[kind]?.[name] ?? NaN)
  const idle = { p99: median(of(0, 'p99')), worst: Math.max(...of(0, 'worst')) }
  return [
    { label: 'idle, p99', value: idle.p99, unit: 'ms', note: 'the monitor\'s own millisecond included' },
    { label: 'idle, worst', value: idle.worst, unit: 'ms' },
    ...['lone events', `bursts of ${BURST}`].flatMap((name, index) => [
      { label: `${name}, p99`, value: median(of(index + 1, 'p99')) - idle.p99, unit: 'ms', most: MOST_P99_MS, note: 'above idle' },
      { label: `${name}, worst`, value: Math.max(...of(index + 1, 'worst')) - idle.worst, unit: 'ms', most: MOST_WORST_MS, note: 'above idle' }
    ])
  ]
}

interface Watch { readonly server: FeedServer, readonly crowd: Crowd, readonly windowMs: number, readonly atOnce: number }

/** Publishes so many events at once, again and again; nothing where that is 0. */
async function watch ({ server, crowd, windowMs, atOnce }: Watch): Promise<Delay> {
  await server.ask('watch')
  const until = performance.now() + windowMs
  if (atOnce === 0) await setTimeout(windowMs)
  while (performance.now() < until) {
    crowd.expect(atOnce * crowd.readers)
    server.say(`publish ${atOnce} ${ORDINARY_BYTES}`)
    await crowd.reached()
  }
  const [p99 = NaN, worst = NaN] = (await server.ask('watched')).map(Number)
  return { p99: p99 / 1000, worst: worst / 1000 }
}
