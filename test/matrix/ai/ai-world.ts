/**
 * The application that AI clients meet: answers that are runs, and the same answers as plain streams. Its events come
 * when a test lets them come. It listens on an address of its own, so that another one can come up in its place.
 */
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import eventfeed, { type Feed, type Runs, type ServerSentEvent, type SourceArguments } from '../../../lib/index.ts'
import { Facts } from '../facts.ts'
import { HOST, ownPort } from '../world.ts'
import { EVENTS, type Protocol } from './protocols.ts'

/** Bounds for tests, in milliseconds. The drain gives runs three quarters of its time. */
const RETRY_MS = 20
const DRAIN_TIMEOUT_MS = 200

/** What a client asks for: the first part of a path. */
export type AnswerKind = 'run' | 'plain' | 'feed' | 'gap'

/** A request that a client has made. */
export interface Seen {
  readonly method: string
  readonly url: string
  readonly lastEventId: string | undefined
  /** The status of its answer; 0 while there is none. */
  readonly status: number
}

/** The application, for one client. */
export class AiWorld {
  readonly #facts: Facts
  readonly #protocol: Protocol
  readonly #port = ownPort()
  readonly #requests: Array<{ request: FastifyRequest, reply: FastifyReply }> = []
  #app: FastifyInstance | undefined
  #runs: Runs | undefined
  #runId: string | undefined
  #released = 0
  #isFailing = false

  private constructor (facts: Facts, protocol: Protocol) {
    this.#facts = facts
    this.#protocol = protocol
  }

  /** Listens on a free port. */
  static async open (facts: Facts, protocol: Protocol): Promise<AiWorld> {
    const world = new AiWorld(facts, protocol)
    await world.#listen()
    return world
  }

  get origin (): string { return `http://${HOST}:${this.#port}` }

  get requests (): Seen[] {
    return this.#requests.map(({ request, reply }) => ({
      method: request.method,
      url: request.url,
      lastEventId: request.headers['last-event-id']?.toString(),
      status: reply.raw.headersSent ? reply.raw.statusCode : 0
    }))
  }

  /** Lets events come, up to this number. */
  release (number: number): void {
    this.#released = number
    this.#facts.changed()
  }

  /** The answer fails where its next event would come. */
  fail (): void {
    this.#isFailing = true
    this.#facts.changed()
  }

  /** Somebody stops the run. */
  async stop (): Promise<void> {
    if (this.#runs === undefined || this.#runId === undefined) throw new Error('there is no run')
    await this.#runs.stop(this.#runId, 'user')
  }

  /** Cuts all lines after what was written to them, as a network that fails. */
  cut (): void {
    for (const { request, reply } of this.#requests) if (!reply.raw.closed) request.raw.socket.destroySoon()
  }

  /** Closes the application, as at a restart, and starts another one in its place, which knows nothing of its runs. */
  async restart (): Promise<void> {
    await this.close()
    await this.#listen()
  }

  /** Closes the application. */
  async close (): Promise<void> {
    const app = this.#app
    this.#app = undefined
    await app?.close()
  }

  async #listen (): Promise<void> {
    const app = this.#app = Fastify({ forceCloseConnections: true })
    // the transports of workflows send JSON by the wrong name
    app.addContentTypeParser('text/plain', { parseAs: 'string' }, (_request, _body, done) => { done(null) })
    await app.register(eventfeed, { retryMs: RETRY_MS, drainTimeoutMs: DRAIN_TIMEOUT_MS, ...this.#protocol.stream })
    app.addHook('onRequest', async (request, reply) => {
      this.#requests.push({ request, reply })
      for (const name of ['finish', 'close']) reply.raw.once(name, this.#facts.changed)
      this.#facts.changed()
    })
    this.#addRoutes(app)
    await app.listen({ host: HOST, port: this.#port })
  }

  #addRoutes (app: FastifyInstance): void {
    const { suffix } = this.#protocol
    const runs = this.#runs = app.runs('answers')
    const short = app.runs('short', { retain: { entries: 1 }, whenFull: 'trim' })
    const feed = app.feed('feed')

    const follow = (of: Runs, reply: FastifyReply, id: string, skip = 0) => reply
      .header('x-workflow-run-id', id)
      .header('location', `/runs/${id}/stream`)
      .sse(of.follow(id, { skip }))

    app.post(`/run${suffix}`, (request, reply) => {
      // TanStack repeats its POST to go on: it names the run, and what it has
      const isBack = request.headers['last-event-id'] !== undefined
      if (!isBack) this.#runId = runs.start((source) => this.#answer(source)).id
      return follow(runs, reply, this.#runId ?? 'none')
    })
    for (const path of ['/run/:id/stream', '/run/runs/:id/stream']) {
      app.get<{ Params: { id: string }, Querystring: { startIndex?: string } }>(path, ({ params, query }, reply) => {
        return follow(runs, reply, params.id, Number(query.startIndex ?? 0))
      })
    }
    // a transport of workflows reads no stream without the name of its run
    app.post(`/plain${suffix}`, (_request, reply) => {
      return reply.header('x-workflow-run-id', 'none').sse((source) => this.#answer(source))
    })
    app.post(`/feed${suffix}`, async (_request, reply) => {
      this.#publish(feed).catch(() => {}) // whoever waits for its events says what is missing
      return reply.header('x-workflow-run-id', 'none').sse(feed.subscribe({ from: 'earliest' }))
    })
    app.post(`/gap${suffix}`, async (_request, reply) => {
      const run = short.start((source) => this.#answer(source))
      const events = short.follow(run.id)[Symbol.asyncIterator]()
      while ((await events.next()).done !== true); // until its end
      return follow(short, reply, run.id)
    })
  }

  /** An answer: its events come as they are released. */
  async * #answer ({ until }: SourceArguments): AsyncGenerator<ServerSentEvent> {
    for (let number = 1; number <= EVENTS; number++) {
      await until(this.#isDue(number))
      if (this.#isFailing) throw new Error('the answer fails')
      yield this.#protocol.event(number)
    }
  }

  async #publish (feed: Feed): Promise<void> {
    for (let number = 1; number <= EVENTS; number++) {
      await this.#isDue(number)
      const { event, data } = this.#protocol.event(number)
      await feed.publish({ event, data })
    }
    feed.end()
  }

  async #isDue (number: number): Promise<void> {
    const isDue = () => this.#released >= number || this.#isFailing
    await this.#facts.until(isDue, `event ${number} is released`, () => this.#released)
  }
}
