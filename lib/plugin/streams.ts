/** All open streams of one plugin: what they share, who may enter, and how they are ended. */
import type { ServerResponse } from 'node:http'
import { PARKED_AFTER_MS } from '../defaults.ts'
import { merge } from '../feed/merge.ts'
import type { Connection } from '../stream/connection.ts'
import { Deadlines } from '../stream/deadlines.ts'
import type { EndSummary } from '../stream/end.ts'
import { Heartbeats } from '../stream/heartbeat.ts'
import type { ConnectionTools } from '../stream/host.ts'
import { Admissions } from './admission.ts'
import type { Settings } from './options.ts'
import type { RouteCodecs } from './route-events.ts'
import { StreamCounts, type StreamStats } from './stats.ts'

/** One open stream, as its plugin knows it. */
export interface OpenStream {
  readonly connection: Connection
  readonly key: string
  /** Its route, as `GET /chat`. */
  readonly route: string
  readonly response: ServerResponse
}

/** The open streams of one plugin. */
export class Streams {
  readonly settings: Settings
  readonly codecs: RouteCodecs
  readonly admissions: Admissions
  readonly tools: Omit<ConnectionTools, 'heartbeats'>
  /** True from the beginning of the drain on: nobody is admitted any more. */
  isDraining = false
  readonly #deadlines: Deadlines
  readonly #heartbeats = new Map<number, Heartbeats>()
  readonly #open = new Set<OpenStream>()
  readonly #counts = new StreamCounts()
  readonly #parked = new Set<() => void>()
  #onEmpty: (() => void) | undefined

  constructor (settings: Settings, codecs: RouteCodecs) {
    this.settings = settings
    this.codecs = codecs
    this.admissions = new Admissions(settings.maxConnections, settings.maxConnectionsPerKey)
    this.#deadlines = new Deadlines(settings.clock)
    this.tools = { clock: settings.clock, deadlines: this.#deadlines, merge }
  }

  /** The streams that are open now. */
  get open (): ReadonlySet<OpenStream> { return this.#open }

  /** The heartbeats of an interval; `undefined` for none. */
  heartbeatsOf (intervalMs: number): Heartbeats | undefined {
    if (intervalMs === Infinity) return undefined
    let heartbeats = this.#heartbeats.get(intervalMs)
    if (heartbeats === undefined) {
      heartbeats = new Heartbeats(this.settings.clock, intervalMs)
      this.#heartbeats.set(intervalMs, heartbeats)
    }
    return heartbeats
  }

  /** The figures of all streams since the start, and of those that are open. */
  stats (): StreamStats {
    return this.#counts.stats(this.#open)
  }

  /** A stream that was admitted has begun. Returns the function that says it has ended. */
  enter (stream: OpenStream): (summary: EndSummary) => void {
    this.#open.add(stream)
    this.#counts.begun()
    return (summary) => {
      this.#open.delete(stream)
      this.#counts.ended(summary)
      this.admissions.release(stream.key)
      if (this.#open.size === 0) this.#onEmpty?.()
    }
  }

  /** Ends all streams of a connection key. Returns how many. */
  kick (key: string, detail: string | undefined): number {
    const kicked = [...this.#open].filter((stream) => stream.key === key)
    for (const { connection } of kicked) connection.end('kick', detail === undefined ? {} : { detail })
    return kicked.length
  }

  /** Calls `report` where a source still runs in a while; at once, where the plugin closes before. Returns the function that says it has stopped. */
  watchParked (report: () => void): () => void {
    const reportOnce = (): void => {
      if (!this.#parked.delete(reportOnce)) return
      deadline.cancel()
      report()
    }
    const deadline = this.#deadlines.set(PARKED_AFTER_MS, reportOnce)
    this.#parked.add(reportOnce)
    return () => {
      this.#parked.delete(reportOnce)
      deadline.cancel()
    }
  }

  /** Is fulfilled when no stream is open any more, or after `timeoutMs`. */
  async allEnded (timeoutMs: number): Promise<void> {
    if (this.#open.size === 0) return
    await new Promise<void>((resolve) => {
      const deadline = this.#deadlines.set(timeoutMs, resolve)
      this.#onEmpty = () => {
        deadline.cancel()
        resolve()
      }
    })
    this.#onEmpty = undefined
  }

  /** The last: no timer is left. */
  close (): void {
    for (const report of [...this.#parked]) report()
    this.#deadlines.clear()
  }
}
