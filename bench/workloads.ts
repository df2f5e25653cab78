/** The workloads: each with its reason, its unit, and how much of it there is. */
import {
  connecting, fanOut, heartbeats, idleMemory, manyGenerators, oneGenerator, publishing, stalledReaders, STALLED_CONNECTIONS,
  type Effort, type Measure
} from './measure.ts'

export type WorkloadName =
  | 'lone' | 'burst' | 'generator' | 'generator-objects' | 'generator-small-objects' | 'generators'
  | 'heartbeats' | 'idle' | 'stalled'
  | 'connect' | 'connect-query' | 'connect-beside' | 'connect-query-beside' | 'publish'

export interface Workload {
  readonly name: WorkloadName
  readonly title: string
  readonly reason: string
  readonly unit: string
  readonly decimals: number
  /** How many connections, unless `--connections` says otherwise; `undefined` where that is the workload's own. */
  readonly connections: number | undefined
  readonly quickConnections: number
  /** At most so many rounds; unlimited where it is absent. */
  readonly mostRounds?: number
  readonly heartbeatMs?: number
  readonly measure: Measure
}

const LEAST_REPEATS = 10
/** To more than so many, one burst is a million events: of others it takes half a minute. */
const MANY_CONNECTIONS = 5_000
const LEAST_REPEATS_TO_MANY = 3
/** Events in one tick. */
const BURST = 100
const STALLED_AND_OTHERS = 100
/** The data of a small event, as JSON. */
const SMALL_BYTES = 95
const MANY_BESIDE = 10_000

export const WORKLOADS: readonly Workload[] = [
  {
    name: 'lone',
    title: 'one event at a time, the next when all have it',
    reason: 'what a chat or a price costs at the least: nothing can be put together, each connection is written to once for each event',
    unit: 'µs/event',
    decimals: 2,
    connections: 1_000,
    quickConnections: 300,
    measure: fanOut(1)
  },
  {
    name: 'burst',
    title: `${BURST} events in one tick`,
    reason: 'what a server under load gains by putting together what is ready: a page of changes after a poll or a transaction',
    unit: 'µs/event',
    decimals: 3,
    connections: 1_000,
    quickConnections: 300,
    measure: fanOut(BURST)
  },
  {
    name: 'generator',
    title: 'one stream, an async generator of text as fast as it goes',
    reason: 'exports, logs and model output: how much the library puts on top of a generator that is always ready',
    unit: 'µs/event',
    decimals: 2,
    connections: undefined,
    quickConnections: 1,
    measure: oneGenerator('text')
  },
  {
    name: 'generator-objects',
    title: 'the same with objects',
    reason: 'each is written as JSON, by the same function of V8 in all, which is two fifths of ours',
    unit: 'µs/event',
    decimals: 2,
    connections: undefined,
    quickConnections: 1,
    measure: oneGenerator('objects')
  },
  {
    name: 'generator-small-objects',
    title: `the same with objects of ${SMALL_BYTES} bytes`,
    reason: 'tokens and progress: the smaller an event, the more of its cost is the library\'s',
    unit: 'µs/event',
    decimals: 2,
    connections: undefined,
    quickConnections: 1,
    measure: oneGenerator('objects', SMALL_BYTES)
  },
  {
    name: 'generators',
    title: 'a generator for each stream, ten events a second each',
    reason: 'the other extreme: nothing is shared, each event has a timer, a promise and a write of its own',
    unit: 'µs/event',
    decimals: 2,
    connections: 1_000,
    quickConnections: 300,
    measure: manyGenerators
  },
  {
    name: 'heartbeats',
    title: 'a heartbeat each second to quiet streams',
    reason: 'what a crowd costs that only listens',
    unit: '% of a core',
    decimals: 1,
    connections: 10_000,
    quickConnections: 2_000,
    heartbeatMs: 1_000,
    measure: heartbeats
  },
  {
    name: 'idle',
    title: 'memory of a quiet stream',
    reason: 'what bounds how many can be open; the least within Fastify is a hijacked reply that has only sent its head',
    unit: 'KiB/connection',
    decimals: 1,
    connections: 5_000,
    quickConnections: 1_000,
    measure: idleMemory
  },
  {
    name: 'stalled',
    title: `${STALLED_CONNECTIONS} of ${STALLED_AND_OTHERS} connections are never read, events of 16 KiB`,
    reason: 'how much memory clients can take that stop reading, and whether the others suffer; the kernel alone takes 4 MB for each, so less shows nothing',
    unit: 'MiB grown',
    decimals: 1,
    connections: undefined,
    quickConnections: STALLED_AND_OTHERS,
    mostRounds: 2,
    measure: stalledReaders
  },
  {
    name: 'connect',
    title: 'open a stream, get its first event, leave',
    reason: 'what reconnects cost, after a deploy or a lost line',
    unit: 'µs/stream',
    decimals: 0,
    connections: undefined,
    quickConnections: 0,
    measure: connecting('/connect')
  },
  {
    name: 'connect-query',
    title: 'the same on a route with a schema of its query',
    reason: 'a stream that is asked for in the query is validated first',
    unit: 'µs/stream',
    decimals: 0,
    connections: undefined,
    quickConnections: 0,
    measure: connecting('/connect-query?room=lobby')
  },
  {
    name: 'connect-beside',
    title: 'the same as connect, while others are open',
    reason: 'nothing in opening and leaving may grow with the number of streams',
    unit: 'µs/stream',
    decimals: 0,
    connections: MANY_BESIDE,
    quickConnections: 1_000,
    measure: connecting('/connect')
  },
  {
    name: 'connect-query-beside',
    title: 'the same as connect-query, while others are open',
    reason: 'both of these',
    unit: 'µs/stream',
    decimals: 0,
    connections: MANY_BESIDE,
    quickConnections: 1_000,
    measure: connecting('/connect-query?room=lobby')
  },
  {
    name: 'publish',
    title: 'one event of 1.6 KB in each tick, to a feed that nobody follows',
    reason: 'what publishing itself costs: checking, writing and keeping an event',
    unit: 'µs/event',
    decimals: 2,
    connections: undefined,
    quickConnections: 0,
    measure: publishing
  }
]

const QUICK_EFFORT = {
  warmUpDeliveries: 5_000,
  cpuMs: 50,
  leastRepeats: 5,
  mostRepeats: 100,
  windowMs: 1_500,
  settleMs: 500,
  generatorEvents: 40_000,
  stalledMegabytes: 12,
  visits: 300,
  publishes: 2_000
}
const FULL_EFFORT = {
  warmUpDeliveries: 300_000,
  cpuMs: 600,
  mostRepeats: 2_000,
  windowMs: 5_000,
  settleMs: 1_500,
  generatorEvents: 600_000,
  stalledMegabytes: 100,
  visits: 4_000,
  publishes: 50_000
}

/** How much of a workload there is. `connections` is what the user wants, if anything. */
export function effortOf (workload: Workload, { isQuick, connections }: { isQuick: boolean, connections: number | undefined }): Effort {
  const own = workload.connections ?? workload.quickConnections
  const count = workload.connections === undefined ? own : connections ?? (isQuick ? workload.quickConnections : own)
  if (isQuick) return { connections: count, ...QUICK_EFFORT }
  return { connections: count, leastRepeats: count > MANY_CONNECTIONS ? LEAST_REPEATS_TO_MANY : LEAST_REPEATS, ...FULL_EFFORT }
}
