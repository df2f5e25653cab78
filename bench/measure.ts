/** How each workload is measured on one server: what is warmed up, what is counted, and over what the time is divided. */
import { setTimeout } from 'node:timers/promises'
import type { Counts } from './crowd.ts'
import { ORDINARY_BYTES, type GeneratorData } from './servers/event.ts'
import type { Trial } from './trial.ts'

/** How much is done for one figure. */
export interface Effort {
  readonly connections: number
  /** Lone events that are delivered before a fan-out is measured. */
  readonly warmUpDeliveries: number
  /** A fan-out is repeated until the server has used so much CPU time, but within `leastRepeats` and `mostRepeats`. */
  readonly cpuMs: number
  readonly leastRepeats: number
  readonly mostRepeats: number
  /** How long a workload that timers drive is watched. */
  readonly windowMs: number
  /** How long it runs before that. */
  readonly settleMs: number
  readonly generatorEvents: number
  /** What is published to each connection where some stall. */
  readonly stalledMegabytes: number
  /** Streams that are opened and left again. */
  readonly visits: number
  /** Events that are published one by one where nobody listens. */
  readonly publishes: number
}

/** What one measurement gave. */
export interface Figure {
  /** In the workload's unit. */
  readonly value: number
  /** Events that arrived in the measured part. */
  readonly delivered: number
  /** Events that were published or generated, times the connections that were to get them; `undefined` where timers decide. */
  readonly due?: number
  /** Bytes on the wire for each of them. */
  readonly bytesEach?: number
  readonly note?: string
}

export type Measure = (trial: Trial, effort: Effort) => Promise<Figure>

export const STALLED_CONNECTIONS = 10
const STALLED_EVENT_BYTES = 16 * 1024
const STALLED_EVENTS_AT_ONCE = 16
/** A heap grows to what its garbage needs; that is no cost of stalled readers, so it happens before the first look. */
const STALLED_WARM_UP_STEPS = 32
/** What is in the log before the first look. */
export const STALLED_WARM_UP_BYTES = STALLED_WARM_UP_STEPS * STALLED_EVENTS_AT_ONCE * STALLED_EVENT_BYTES
/** A server that has grown by so much does not bound its memory, and is not to fill the machine's. */
const STOP_AT_GROWTH_BYTES = 1024 ** 3
const MEBIBYTE = 1024 ** 2
/** What the first connections load into memory is no cost of the others. */
const IDLE_WARM_UP_CONNECTIONS = 200

/** Two newlines end an event, and stand nowhere else: not in a head, nor in the frame of a chunk. */
const EVENT_END = '\n\n'
/** How many visit at once: after a deploy a server answers several in one turn of its event loop. */
const VISITORS = 20
/** Within this time a server has seen that the last visitors have left. */
const LEAVING_MS = 100

/** CPU time for each event that is published `atOnce` in one tick, the next when all have them. */
export function fanOut (atOnce: number): Measure {
  return async (trial, effort) => {
    await trial.open(effort.connections, '/feed')
    // compilers warm up by calls, and each connection is one; a burst is only one call for a server that puts it together
    for (let delivered = 0; delivered < effort.warmUpDeliveries; delivered += effort.connections) await trial.deliver(1)
    if (atOnce > 1) await repeatDelivery(trial, atOnce, { ...effort, cpuMs: 0 })
    const before = await trial.counts()
    const cpuBefore = trial.server.cpuMicroseconds()
    const repeats = await repeatDelivery(trial, atOnce, effort)
    const cpu = trial.server.cpuMicroseconds() - cpuBefore
    const after = await trial.counts()
    checkSame(after)
    return { ...perEvent(cpu, before, after), due: repeats * atOnce * effort.connections }
  }
}

/** CPU time for each event of one stream, whose generator of such data, of so many bytes each, is always ready. */
export function oneGenerator (data: GeneratorData, bytes = ORDINARY_BYTES): Measure {
  return async (trial, { generatorEvents }) => {
    const generate = async (count: number): Promise<void> => {
      await trial.stream(`/fast?count=${count}&data=${data}&bytes=${bytes}`, count)
    }
    await generate(Math.ceil(generatorEvents / 2))
    const before = await trial.counts()
    const cpuBefore = trial.server.cpuMicroseconds()
    await generate(generatorEvents)
    const cpu = trial.server.cpuMicroseconds() - cpuBefore
    return { ...perEvent(cpu, before, await trial.counts()), due: generatorEvents }
  }
}

/** CPU time for each event of many streams, each with a generator and a timer of its own. */
export const manyGenerators: Measure = async (trial, { connections, settleMs, windowMs }) => {
  await trial.open(connections, '/paced')
  const { cpu, before, after } = await watch(trial, settleMs, windowMs)
  return perEvent(cpu, before, after)
}

/** CPU time for each stream that is opened and left when its first event has come, beside those that stay open. */
export function connecting (path: string): Measure {
  return async (trial, { connections, visits }) => {
    trial.countInstead(EVENT_END)
    if (connections > 0) await trial.open(connections, '/feed')
    await trial.visit({ count: visits, atOnce: VISITORS, path })
    await setTimeout(LEAVING_MS)
    const cpuBefore = trial.server.cpuMicroseconds()
    const bytes = await trial.visit({ count: visits, atOnce: VISITORS, path })
    await setTimeout(LEAVING_MS)
    const cpu = trial.server.cpuMicroseconds() - cpuBefore
    return { value: cpu / visits, delivered: visits, due: visits, bytesEach: bytes / visits }
  }
}

/** CPU time for each event that is published to a feed that nobody follows, each in a tick of its own. */
export const publishing: Measure = async ({ server }, { publishes }) => {
  if (server.publishEach === undefined) throw new Error('it has no feed')
  await server.publishEach(publishes)
  const cpuBefore = server.cpuMicroseconds()
  await server.publishEach(publishes)
  return { value: (server.cpuMicroseconds() - cpuBefore) / publishes, delivered: publishes, due: publishes }
}

/** The share of a core that heartbeats take. A beat is a comment, so a colon; nothing else is sent. */
export const heartbeats: Measure = async (trial, { connections, settleMs, windowMs }) => {
  trial.countInstead(':')
  await trial.open(connections, '/feed')
  const { cpu, before, after } = await watch(trial, settleMs, windowMs)
  const { value, ...rest } = perEvent(cpu, before, after)
  // beats that came late or early in the window would change the share, so it is that of one beat a second
  return { ...rest, value: value * connections / 1e6 * 100, note: `${value.toFixed(2)} µs a beat` }
}

/** Resident memory for each open connection that nothing is sent to. */
export const idleMemory: Measure = async (trial, { connections, settleMs }) => {
  await trial.open(IDLE_WARM_UP_CONNECTIONS, '/feed')
  const before = await settledMemory(trial, settleMs)
  await trial.open(connections, '/feed')
  const after = await settledMemory(trial, settleMs)
  return { value: (after - before) / connections / 1024, delivered: 0 }
}

/** How much the server grows while some of its connections are not read, and what the others cost meanwhile. */
export const stalledReaders: Measure = async (trial, { connections, settleMs, stalledMegabytes }) => {
  await trial.open(connections - STALLED_CONNECTIONS, '/feed')
  for (let step = 0; step < STALLED_WARM_UP_STEPS; step++) await trial.deliver(STALLED_EVENTS_AT_ONCE, STALLED_EVENT_BYTES)
  await trial.open(STALLED_CONNECTIONS, '/feed', STALLED_CONNECTIONS)
  const grownFrom = await settledMemory(trial, settleMs)
  const before = await trial.counts()
  const cpuBefore = trial.server.cpuMicroseconds()
  const steps = Math.ceil(stalledMegabytes * 1e6 / STALLED_EVENT_BYTES / STALLED_EVENTS_AT_ONCE)
  let peak = 0
  let step = 0
  for (; step < steps && peak < STOP_AT_GROWTH_BYTES; step++) {
    await trial.deliver(STALLED_EVENTS_AT_ONCE, STALLED_EVENT_BYTES)
    peak = Math.max(peak, trial.server.residentBytes() - grownFrom)
  }
  const cpu = trial.server.cpuMicroseconds() - cpuBefore
  const after = await trial.counts()
  checkSame(after)
  const growth = await settledMemory(trial, settleMs) - grownFrom
  const stopped = step < steps ? `, stopped at ${Math.round(step * STALLED_EVENTS_AT_ONCE * STALLED_EVENT_BYTES / 1e6)} MB` : ''
  const { value, ...rest } = perEvent(cpu, before, after)
  return { ...rest, value: growth / MEBIBYTE, due: step * STALLED_EVENTS_AT_ONCE * (connections - STALLED_CONNECTIONS), note: `peak ${Math.round(peak / MEBIBYTE)} MiB, ${value.toFixed(1)} µs an event${stopped}` }
}

async function repeatDelivery (trial: Trial, atOnce: number, { cpuMs, leastRepeats, mostRepeats }: Effort): Promise<number> {
  const until = trial.server.cpuMicroseconds() + cpuMs * 1000
  let repeats = 0
  while (repeats < mostRepeats && (repeats < leastRepeats || trial.server.cpuMicroseconds() < until)) {
    await trial.deliver(atOnce)
    repeats++
  }
  return repeats
}

/** What is used and what arrives within `windowMs`, after `settleMs`. */
async function watch (trial: Trial, settleMs: number, windowMs: number): Promise<{ cpu: number, before: Counts, after: Counts }> {
  await setTimeout(settleMs)
  const before = await trial.counts()
  const cpuBefore = trial.server.cpuMicroseconds()
  await setTimeout(windowMs)
  const after = await trial.counts()
  return { cpu: trial.server.cpuMicroseconds() - cpuBefore, before, after }
}

async function settledMemory (trial: Trial, settleMs: number): Promise<number> {
  await setTimeout(settleMs)
  await trial.server.collect()
  return trial.server.residentBytes()
}

function perEvent (cpu: number, before: Counts, after: Counts): Pick<Figure, 'value' | 'delivered' | 'bytesEach'> {
  const delivered = after.events - before.events
  if (delivered === 0) throw new Error('nothing arrived')
  return { value: cpu / delivered, delivered, bytesEach: (after.bytes - before.bytes) / delivered }
}

/** @throws where not every connection got the same number of events */
function checkSame ({ least, most, closed }: Counts): void {
  if (least !== most) throw new Error(`one connection got ${least} events, another ${most}`)
  if (closed > 0) throw new Error(`the server has closed ${closed} connections`)
}
