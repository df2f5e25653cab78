/** A server whose readers get a flood, some of whom may have stopped reading. */
import type { SlowConsumerMode } from '../continuity.ts'
import type { Crowd } from '../crowd.ts'
import type { Program } from '../program.ts'
import type { FeedServer, Memory, Stage } from './stage.ts'

export const EVENT_BYTES = 16 * 1024
export const EVENTS_AT_ONCE = 16

export interface FloodOptions {
  readonly readers: number
  readonly stalled: number
  readonly mode: SlowConsumerMode
  /** `undefined`: the default. */
  readonly retainBytes?: number | undefined
  /** Bursts before the stalled ones come: a heap grows to what its garbage needs, and that is no cost of theirs. */
  readonly warmUpBursts: number
}

/** What those who had stalled got when they read on. */
export interface ReadOn {
  readonly complete: number
  readonly reconnects: number
  readonly gaps: number
  readonly missing: number
  readonly problems: number
  readonly problem: string
}

export class Flood {
  readonly server: FeedServer
  readonly crowd: Crowd
  /** The most resident memory behind a burst. */
  peakBytes = 0
  memoryBefore: Memory = { resident: 0, heap: 0 }
  logBytesBefore = 0
  readonly #pages: Program
  #last = 0

  private constructor (server: FeedServer, crowd: Crowd, pages: Program) {
    this.server = server
    this.crowd = crowd
    this.#pages = pages
  }

  /** Opens all, and lets those who are to stall stop reading. */
  static async begin (stage: Stage, { readers, stalled, mode, retainBytes, warmUpBursts }: FloodOptions, isStamped: boolean): Promise<Flood> {
    const server = await stage.serve('stalled', { mode, retainBytes })
    const flood = new Flood(server, stage.crowd(server), stage.pages(server))
    if (isStamped) flood.crowd.readStamps()
    await flood.crowd.open(readers, '/prices')
    for (let burst = 0; burst < warmUpBursts; burst++) await flood.burst()
    if (stalled > 0) {
      flood.#pages.say(`open ${stalled} /prices ${flood.#last} ${mode}`)
      await flood.#pages.hear('opened')
      flood.#pages.say('pause')
      await flood.#pages.hear('paused')
    }
    if (isStamped) await flood.crowd.delays()
    flood.memoryBefore = await server.memory()
    flood.logBytesBefore = await flood.logBytes()
    flood.peakBytes = 0
    return flood
  }

  /** Publishes a burst, and waits until all who read have it; gives the milliseconds that took. */
  async burst (): Promise<number> {
    const began = performance.now()
    this.crowd.expect(EVENTS_AT_ONCE * this.crowd.readers)
    const [last] = await this.server.ask('flood', EVENTS_AT_ONCE)
    this.#last = Number(last)
    await this.crowd.reached()
    const took = performance.now() - began
    this.peakBytes = Math.max(this.peakBytes, this.server.residentBytes())
    return took
  }

  async logBytes (): Promise<number> {
    return Number((await this.server.ask('log'))[0])
  }

  /** Those who had stalled read on, until they have all, or what is left of it. */
  async readOn (): Promise<ReadOn> {
    this.#pages.say(`read ${this.#last}`)
    const [complete, reconnects, gaps, missing, problems, ...problem] = await this.#pages.hear('read')
    return { complete: Number(complete), reconnects: Number(reconnects), gaps: Number(gaps), missing: Number(missing), problems: Number(problems), problem: problem.join(' ') }
  }
}

/** How many bursts so many megabytes are. */
export function burstsOf (megabytes: number): number {
  return Math.ceil(megabytes * 1e6 / EVENT_BYTES / EVENTS_AT_ONCE)
}
