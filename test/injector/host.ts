/**
 * The application that worlds share, one after the other: its clock is moved by hand, its hooks and its plugin's
 * functions ask the world that is
 * played whether they are to be honest.
 */
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import fastify, {
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions
} from 'fastify'
import { Type } from 'typebox'
import eventfeed from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'

/** Where foreign code runs in the application and not in a stream of it. */
export type Place = 'connectionKey' | 'onRequest' | 'preHandler' | 'onSend' | 'onError' | 'errorHandler' |
  'onResponse' | 'serializer of a feed' | 'serializer of a route' | 'logger'

/** What the application asks of the world that is played. */
export interface Played {
  /** What happens at a place: what `honest` does, or a fault. `request` is `undefined` where none is known. */
  at (place: Place, honest: () => unknown, request?: FastifyRequest): unknown
  /** Answers a request. */
  handle (request: FastifyRequest, reply: FastifyReply): unknown
  /** True for a request of its own. */
  owns (request: FastifyRequest): boolean
  /** A stream was opened, and has ended. */
  opened (request: FastifyRequest): void
  ended (request: FastifyRequest, reason: string): void
}

/** In what applications differ. */
export interface HostKind {
  readonly isHttp2: boolean
  readonly validates: boolean
  /** True: the application brings its own serializer compiler. */
  readonly ownsSerializer: boolean
  /** True: it has asynchronous hooks, and so Fastify goes on with a reply by promises. */
  readonly hasHooks: boolean
}

/** The events of all feeds and routes. `note` takes whatever is given: hostile data stands there. */
export const EVENTS = {
  message: Type.Object({ n: Type.Number(), hidden: Type.Boolean(), note: Type.Optional(Type.Unknown()) })
}

/** A route of the application: `/run/<number>/<stream>`. */
export const VICTIM = 'victim'

type Compile = (route: { schema: unknown }) => (data: unknown) => string

/** One application. */
export class Host {
  readonly kind: HostKind
  readonly app: FastifyInstance
  readonly clock = new ManualClock()
  /** The lines of its log. */
  readonly log: string[] = []
  world: Played | undefined
  /** How many were played here. */
  worlds = 0
  /** True while a feed is defined whose serializer is to be faulty: the others are honest. */
  isFaultyFeed = false
  /** True when the application has closed, or has failed to. */
  isClosed = false
  #closing: Promise<void> | undefined

  private constructor (kind: HostKind) {
    this.kind = kind
    const logger = { level: 'debug', stream: { write: (line: string) => { this.#write(line) } } }
    // that it speaks HTTP/2 changes nothing of what is used here
    const options = {
      logger,
      ...kind.isHttp2 ? { http2: true } : {},
      forceCloseConnections: false
    } as FastifyServerOptions
    this.app = fastify(options)
  }

  static async start (kind: HostKind): Promise<Host> {
    const host = new Host(kind)
    const { app } = host
    if (kind.ownsSerializer) app.setSerializerCompiler(host.#compiler('serializer of a feed'))
    await app.register(eventfeed, {
      clock: host.clock,
      validateEvents: kind.validates,
      drainTimeoutMs: 1_000,
      connectionKey: (request: FastifyRequest) => host.#ask('connectionKey', () => keyOf(request), request) as string
    })
    if (kind.hasHooks) host.#addHooks()
    app.setErrorHandler((error, request, reply) => host.#ask('errorHandler', () => reply.send(error), request))
    app.get('/run/:run/:stream', { schema: { events: EVENTS } }, (request, reply) => host.#handle(request, reply))
    app.get(`/run/:run/${VICTIM}`, {
      schema: { events: EVENTS },
      ...kind.ownsSerializer ? { serializerCompiler: host.#compiler('serializer of a route') } : {}
    }, (request, reply) => host.#handle(request, reply))
    await app.listen({ port: 0, host: '127.0.0.1' })
    return host
  }

  get isClosing (): boolean { return this.#closing !== undefined }

  /** Closes the application. Settles when that has settled; time passes meanwhile. */
  close (): Promise<void> {
    this.#closing ??= this.app.close().finally(() => { this.isClosed = true })
    return this.#closing
  }

  #addHooks (): void {
    const { app } = this
    app.addHook('onRequest', async (request) => { await this.#ask('onRequest', () => {}, request) })
    app.addHook('preHandler', async (request) => { await this.#ask('preHandler', () => {}, request) })
    app.addHook('onSend', async (request, _reply, payload) => await this.#ask('onSend', () => payload, request))
    app.addHook('onError', async (request) => { await this.#ask('onError', () => {}, request) })
    app.addHook('onResponse', async (request) => { await this.#ask('onResponse', () => {}, request) })
  }

  #handle (request: FastifyRequest, reply: FastifyReply): unknown {
    return this.world?.handle(request, reply) ?? reply.callNotFound()
  }

  #ask (place: Place, honest: () => unknown, request?: FastifyRequest): unknown {
    return this.world === undefined ? honest() : this.world.at(place, honest, request)
  }

  /** Fastify's own serializers, with a place where they may fail. */
  #compiler (place: Place): Compile {
    return (route) => {
      // the compiler is Fastify's, which also wants to know of which part of which route
      const honest = (SerializerSelector()({}) as Compile)(route)
      if (place === 'serializer of a feed' && !this.isFaultyFeed) return honest
      return (data) => this.#ask(place, () => honest(data)) as string
    }
  }

  #write (line: string): void {
    this.log.push(line)
    if (line.includes('event stream')) this.#ask('logger', () => {})
  }
}

/** The connection key of a request: the neighbour has the victim's. */
export function keyOf ({ url }: { url: string }): string {
  return url.replace('/neighbour', `/${VICTIM}`)
}
