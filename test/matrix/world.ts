/**
 * The application that all clients meet: a feed, streams that end and streams that fail, a gap. It listens on an
 * address of its own, so that another one can come up in its place, as after a restart.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { createServer } from 'node:net'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { systemClock } from '../../lib/clock.ts'
import eventfeed, { type EventStreamOptions, type Feed, type Publication, type Runs, type ServerSentEvent } from '../../lib/index.ts'
import { History } from '../contract/history.ts'
import { SynchronousLog } from '../contract/memory-reference.ts'
import type { Facts } from './facts.ts'
import { addPages } from './pages.ts'

/** How many events there are. */
export const EVENTS = 3
/** After how many of them a failure, a drain or a cut comes. */
export const MIDDLE = 2

/** The reconnection time of all streams, in milliseconds: half of it more at most. */
const RETRY_MS = 20
/**
 * Also how long clients stay away after a drain, at least: a restart must be over by then, also on a busy machine. A
 * quarter of it is left for streams to hear that their run was stopped. Until then they are silent, and
 * launchdarkly-eventsource gives up a line that is silent for five seconds.
 */
const DRAIN_TIMEOUT_MS = 3_000
/** The id of the only run. */
const RUN = 'run'

/** What an event of the application says. */
export type ApplicationEvent = Pick<Publication<Record<string, unknown>>, 'event' | 'data'>

export interface WorldOptions {
  /**
   * An event by its number, from 1 to `EVENTS`, in the words of a client's protocol; an unnamed one by default. `method`
   * is that of the request.
   */
  readonly event?: (number: number, method: string) => ApplicationEvent
  /** Options of all streams. */
  readonly stream?: EventStreamOptions
  /** Routes of a protocol, beside those that there are. */
  readonly routes?: (app: FastifyInstance, world: World) => void
}

/** A request that a client has made. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly lastEventId: string | undefined
  /** The status of its answer; 0 while there is none. */
  readonly status: number
}

/**
 * An address of this machine that no other process uses. Its ports, which nobody gets by chance, are ours alone: an
 * application that comes up again finds its port free. To a browser all of them are one site, for which it starts one
 * process.
 */
export const HOST = `127.${process.pid >> 8 & 63 | 64}.${process.pid & 255}.1`
const FIRST_PORT = 20_000
let ports = 0

/** A port of it that no other application has. */
export function ownPort (): number { return FIRST_PORT + ports++ }

/** The application. */
export class World {
  readonly #options: WorldOptions
  readonly #facts: Facts
  readonly #requests: Array<{ request: FastifyRequest, reply: FastifyReply }> = []
  /** What outlives a restart: the history of the feed, and what has happened. */
  readonly #history = new History({}, systemClock)
  #published = 0
  #hasRun = false
  #leaveMiddle: (how: 'go on' | 'fail') => void = () => {}
  readonly #middle = new Promise<'go on' | 'fail'>((resolve) => { this.#leaveMiddle = resolve })
  #hasFailed = false
  #app: FastifyInstance | undefined
  #feed: Feed | undefined
  #runs: Runs | undefined
  readonly #port = ownPort()

  private constructor (facts: Facts, options: WorldOptions) {
    this.#facts = facts
    this.#options = options
  }

  /** Listens. */
  static async open (facts: Facts, options: WorldOptions = {}): Promise<World> {
    const world = new World(facts, options)
    await world.#listen()
    return world
  }

  get origin (): string { return `http://${HOST}:${this.#port}` }

  /** The application that listens at present. */
  get app (): FastifyInstance {
    if (this.#app === undefined) throw new Error('no application listens')
    return this.#app
  }

  /** The requests for a path so far, whatever their query. */
  requests (path: string): Seen[] {
    return this.#requests.filter(({ request: { url } }) => url.split('?')[0] === path).map(({ request, reply }) => ({
      method: request.method,
      path: request.url,
      lastEventId: request.headers['last-event-id']?.toString() ?? new URL(request.url, this.origin).searchParams.get('lastEventId') ?? undefined,
      status: reply.raw.headersSent ? reply.raw.statusCode : 0
    }))
  }

  /** An event by its number. */
  event (number: number, method = 'GET'): ApplicationEvent {
    return this.#options.event?.(number, method) ?? { data: { n: number } }
  }

  /** Publishes the next event of the feed. */
  async publish (): Promise<void> {
    await this.#feed?.publish(this.event(++this.#published))
  }

  /** Ends the feed: its clients need not come back. */
  end (): void { this.#feed?.end() }

  /** Lets the source fail that stands in the middle. */
  fail (): void { this.#leaveMiddle('fail') }

  /** Lets the run go on that stands in the middle. */
  goOn (): void { this.#leaveMiddle('go on') }

  /** Starts the run, unless it has been started, for a request by `method`. */
  startRun (method: string): void {
    if (this.#hasRun) return
    this.#hasRun = true
    this.#runs?.start((source) => this.#work(source, method), { id: RUN })
  }

  /** Stops the run. */
  async stopRun (): Promise<void> { await this.#runs?.stop(RUN, 'user') }

  /** Cuts the lines of a path after what was written to them, as a network that fails. Gives how many there were. */
  cut (path: string): number {
    const open = this.#requests.filter(({ request, reply }) => request.url.split('?')[0] === path && !reply.raw.closed)
    for (const { request } of open) request.raw.socket.destroySoon()
    return open.length
  }

  /** Closes the application, as at a restart, and starts another one in its place. */
  async restart (): Promise<void> {
    await this.close()
    await this.#listen()
  }

  /**
   * Closes the application, and starts another one when somebody was turned away. `isAwaited` is asked whenever
   * something has changed: nobody may come.
   */
  async restartLate (isAwaited: () => boolean): Promise<void> {
    await this.close()
    let isTurnedAway = false
    const closed = createServer((socket) => {
      socket.on('error', () => {}) // a client that is turned away may still be sending its request
      socket.resetAndDestroy()
      isTurnedAway = true
      this.#facts.changed()
    })
    await new Promise<void>((resolve) => { closed.listen(this.#port, HOST, resolve) })
    await this.#facts.until(() => isTurnedAway || !isAwaited(), 'that somebody comes back', () => this.#requests.length)
    await new Promise((resolve) => { closed.close(resolve) })
    await this.#listen()
  }

  /** Closes the application. */
  async close (): Promise<void> {
    const app = this.#app
    this.#app = undefined
    await app?.close()
  }

  async #listen (): Promise<void> {
    const app = await this.#build()
    await app.listen({ host: HOST, port: this.#port })
  }

  async #build (): Promise<FastifyInstance> {
    const app = this.#app = Fastify({ forceCloseConnections: true })
    await app.register(eventfeed, { retryMs: RETRY_MS, drainTimeoutMs: DRAIN_TIMEOUT_MS, ...this.#options.stream })
    app.addHook('onRequest', async (request, reply) => {
      this.#requests.push({ request, reply })
      for (const name of ['finish', 'close']) reply.raw.once(name, this.#facts.changed)
      this.#facts.changed()
    })
    const feed = this.#feed = app.feed('world', { log: new SynchronousLog(this.#history) })
    // whatever a client posts is of no interest
    app.addContentTypeParser('*', (_request, _payload, done) => { done(null) })
    const runs = this.#runs = app.runs('world')
    addPages(app)
    this.#options.routes?.(app, this)
    app.get('/feed', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
    app.get('/latest', (_request, reply) => reply.sse(feed.subscribe()))
    app.get('/gap', (_request, reply) => reply.sse(feed.subscribe({ after: 'of-another-server' })))
    app.get('/run', (_request, reply) => reply.sse(runs.follow(RUN)))
    app.post('/run', (_request, reply) => {
      this.startRun('POST')
      return reply.sse(runs.follow(RUN))
    })
    for (const method of ['GET', 'POST'] as const) {
      app.route({ method, url: '/finite', handler: (_request, reply) => reply.sse((source) => this.#count(source, method)) })
      app.route({ method, url: '/failing', handler: (_request, reply) => reply.sse((source) => this.#failOnce(source, method)) })
    }
    return app
  }

  /** All events that the client has not seen. */
  async * #count ({ lastEventId = '' }: { lastEventId?: string | undefined }, method: string): AsyncGenerator<ServerSentEvent> {
    for (let number = Number(lastEventId) + 1; number <= EVENTS; number++) {
      await nextTurn()
      yield { ...this.event(number, method), id: number }
    }
  }

  /** The work of the run: all events, with a pause in the middle. */
  async * #work ({ until }: { until: <Value>(promise: Promise<Value>) => Promise<Value> }, method: string): AsyncGenerator<ApplicationEvent> {
    for (let number = 1; number <= EVENTS; number++) {
      if (number === MIDDLE + 1 && await until(this.#middle) === 'fail') throw new Error('this run fails')
      yield this.event(number, method)
    }
  }

  /** All events that the client has not seen, with a failure in the middle. A client that comes back gets the rest. */
  async * #failOnce (source: { lastEventId?: string | undefined }, method: string): AsyncGenerator<ServerSentEvent> {
    for await (const event of this.#count(source, method)) {
      if (event.id === MIDDLE + 1 && !this.#hasFailed) {
        await this.#middle
        this.#hasFailed = true
        throw new Error('this fails once')
      }
      yield event
    }
  }
}
