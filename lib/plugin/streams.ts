/** All open streams of one plugin: what they share, who may enter, and how they are ended. */
import type { ServerResponse } from 'node:http'
import { IDLE_INTERVALS, PARKED_AFTER_MS } from '../defaults.ts'
import { BadOption, describe } from '../errors.ts'
import { guarded, guardedEach, type Report } from '../guarded.ts'
import { Roster, type RosterMember } from '../roster.ts'
import type { Connection } from '../stream/connection.ts'
import { Deadlines } from '../deadlines.ts'
import type { EndSummary } from '../stream/end.ts'
import { Heartbeats } from '../stream/heartbeat.ts'
import type { ConnectionTools } from '../stream/host.ts'
import { Admissions } from './admission.ts'
import { overrideStreamOptions, type EventStreamOptions, type Settings } from './options.ts'
import { checkPredicate, isChosen, viewOf, type Sent, type StreamFacts, type StreamPredicate, type StreamView } from './presence.ts'
import { Refusals } from './refused.ts'
import type { RouteCodecs } from './route-events.ts'
import { StreamCounts, type StreamStats } from './stats.ts'
import { Turns } from './turns.ts'

/** One open stream, as its plugin knows it. */
export interface OpenStream extends RosterMember, StreamFacts {
  readonly connection: Connection
  readonly response: ServerResponse
}

/** Whether a stream is meant, and what it has sent. */
type IsMeant = (stream: StreamFacts, sent: Sent) => boolean

const NOTHING_SENT: Sent = { events: 0, bytes: 0 }

/** Where a response keeps its stream: a `Map` would keep those that have ended (see `Roster`). */
const STREAM = Symbol('event stream')

/** What a response is to this plugin. */
type Streaming = ServerResponse & { [STREAM]?: OpenStream | undefined }

/** The options of a stream, read. */
export type ReadOptions = ReturnType<typeof overrideStreamOptions>

/** The open streams of one plugin. */
export class Streams {
  readonly settings: Settings
  readonly codecs: RouteCodecs
  readonly admissions: Admissions
  /** Pipelined streams that have not begun. */
  readonly turns: Turns
  readonly refusals: Refusals
  /** True from the beginning of the drain on: nobody is admitted any more. */
  isDraining = false
  /** The listener for the `close` of each response: one for all, because thousands of closures are memory. */
  readonly onResponseClose: (this: ServerResponse) => void
  /** The options of a stream that brings none of its own. */
  readonly #defaults: ReadOptions
  readonly #deadlines: Deadlines
  /** By the interval of their heartbeats. Thousands of streams share one. */
  readonly #tools = new Map<number, ConnectionTools>()
  /** At how many intervals those are dropped that no open stream has: a handler may take them from requests. */
  #mostIntervals = IDLE_INTERVALS
  readonly #open = new Roster<OpenStream>()
  readonly #counts = new StreamCounts()
  readonly #parked = new Set<() => void>()
  #onEmpty: (() => void) | undefined

  /** Tells of one among many that has thrown. */
  readonly #report: (what: string) => Report

  /** @param fault tells the application's log what was thrown, and where */
  constructor (settings: Settings, codecs: RouteCodecs, fault: (error: unknown, what: string) => void) {
    this.#report = (what) => (error) => { fault(error, what) }
    this.settings = settings
    this.codecs = codecs
    this.admissions = new Admissions(settings.maxConnections, settings.maxConnectionsPerKey)
    this.#deadlines = new Deadlines(settings.clock, this.#report('what was due for an event stream failed'))
    this.refusals = new Refusals(settings.clock)
    this.turns = new Turns(this.#deadlines, settings.maxConnections)
    this.#defaults = overrideStreamOptions(settings, {})
    // a response that has ended, though its stream has not, is another answer: with no body, or by somebody else's `end`
    this.onResponseClose = function (this: Streaming) { this[STREAM]?.connection.end(this.writableEnded ? 'superseded' : 'client') }
  }

  /** The streams that are open now. */
  get open (): Iterable<OpenStream> { return this.#open }

  /** True while a response is an event stream, or is to become one. */
  isStreaming (response: Streaming): boolean { return response[STREAM] !== undefined || this.turns.has(response) }

  /**
   * The plugin's options with those of one call over them. The same object for all calls that bring none. Throws
   * `FST_EVENTFEED_BAD_OPTION`.
   */
  optionsOf (options: EventStreamOptions<never> | undefined): ReadOptions {
    return options === undefined ? this.#defaults : overrideStreamOptions(this.settings, options)
  }

  /** What streams with the same interval of heartbeats share. */
  toolsFor (heartbeatIntervalMs: number): ConnectionTools {
    let tools = this.#tools.get(heartbeatIntervalMs)
    if (tools === undefined) {
      const { clock } = this.settings
      if (this.#tools.size >= this.#mostIntervals) this.#dropIdle()
      const heartbeats = heartbeatIntervalMs === Infinity
        ? undefined
        : new Heartbeats(clock, heartbeatIntervalMs, this.#report('the heartbeat of an event stream failed'))
      tools = { clock, deadlines: this.#deadlines, heartbeats }
      this.#tools.set(heartbeatIntervalMs, tools)
    }
    return tools
  }

  /** The figures of all streams since the start, and of those that are open. */
  stats (): StreamStats {
    return this.#counts.stats(this.open)
  }

  /** A stream that was admitted has begun. */
  enter (stream: OpenStream): void {
    const response: Streaming = stream.response
    response[STREAM] = stream
    this.#open.add(stream)
    this.#counts.begun()
  }

  /** A stream that has entered has ended. */
  leave (stream: OpenStream, summary: EndSummary): void {
    const response: Streaming = stream.response
    response[STREAM] = undefined
    this.#open.delete(stream)
    this.#counts.ended(summary)
    this.admissions.release(stream.key)
    if (this.#open.size === 0) this.#onEmpty?.()
  }

  /**
   * Ends all streams of a connection key, or those that a function chooses, and keeps those from beginning that wait for
   * their turn. Returns how many were open. Where the function throws, that is thrown, and none is ended.
   */
  kick (whose: unknown, detail: unknown): number {
    if (detail !== undefined && typeof detail !== 'string') throw new BadOption(`app.eventfeed.kick(…, reason): the reason must be a string, not ${describe(detail)}`)
    const isKicked = typeof whose === 'string' ? ofKey(whose) : chosenBy(checkPredicate(whose, 'kick'))
    const kicked = [...this.open].filter((stream) => isKicked(stream, stream.connection))
    this.turns.passEach('kick', this.turns.waiting.filter(({ stream }) => isKicked(stream, NOTHING_SENT)))
    // the function may have ended some itself
    const open = kicked.filter((stream) => this.#open.has(stream))
    this.endEach(open, ({ connection }) => { connection.end('kick', detail === undefined ? {} : { detail }) })
    return open.length
  }

  /** The open streams, or those of them that a function chooses. Throws what the function throws. */
  list (given: unknown): readonly StreamView[] {
    const predicate = given === undefined ? undefined : checkPredicate(given, 'streams')
    const views = Array.from(this.#open, (stream) => viewOf(stream, stream.connection))
    return predicate === undefined ? views : views.filter((view) => isChosen(predicate, view, 'streams'))
  }

  /** Ends streams in some way. One that throws keeps no other from its end. */
  endEach (streams: Iterable<OpenStream>, end: (stream: OpenStream) => void): void {
    guardedEach(streams, end, this.#report('an event stream could not be ended'))
  }

  /**
   * Calls `report` where a source still runs in a while; at once, where the plugin closes before. Returns the
   * function that says it has stopped.
   */
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
    for (const report of [...this.#parked]) guarded(report, this.#report('a source that still runs could not be reported'))
    this.#deadlines.clear()
  }

  /** Forgets the intervals that no open stream has. Those that are about to open keep what they were given. */
  #dropIdle (): void {
    for (const [interval, { heartbeats }] of this.#tools) {
      if (heartbeats?.isIdle === true && interval !== this.settings.heartbeatIntervalMs) this.#tools.delete(interval)
    }
    // a walk over all, for as many that come: each costs a walk over two
    this.#mostIntervals = Math.max(IDLE_INTERVALS, this.#tools.size * 2)
  }
}

function ofKey (wanted: string): IsMeant {
  return ({ key }) => key === wanted
}

function chosenBy (predicate: StreamPredicate): IsMeant {
  return (stream, sent) => isChosen(predicate, viewOf(stream, sent), 'kick')
}
