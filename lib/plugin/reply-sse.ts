/**
 * `reply.sse`: binds one connection to one request. It negotiates, admits, starts, and hears of the end; how a stream flows is
 * the connection's affair.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { jittered } from '../clock.ts'
import { REFUSED_RETRY_MS, RETRY_JITTER } from '../defaults.ts'
import { AlreadyStreaming, NotAcceptable, NotReturned, ReplySent, shown, TooManyConnections, TooManyConnectionsPerKey } from '../errors.ts'
import { Connection } from '../stream/connection.ts'
import type { ConnectionHost } from '../stream/host.ts'
import { isDone } from '../wire/control-event.ts'
import { retryLine } from '../wire/encode.ts'
import { commit, STREAM_HEADERS } from './commit.ts'
import type { Admission } from './admission.ts'
import { streamEnded, streamOpened } from './diagnostics.ts'
import { logEnd, logParked } from './log.ts'
import { acceptsEventStream, namesEventStream } from './negotiation.ts'
import { overrideStreamOptions, type EventStreamOptions, type Recheck } from './options.ts'
import { answerDone, codecOf, lastEventIdOf } from './route-events.ts'
import type { Streams } from './streams.ts'

/** The methods of a reply that this file calls itself, whatever the instance has in their place. */
type Send = (payload: unknown) => unknown

const streaming = new WeakSet<FastifyRequest>()

/** Streams a source as the answer of a reply. Errors of the request and of the source are sent; only misuse throws. */
export function sendEventStream (reply: FastifyReply, streams: Streams, source: unknown, options: EventStreamOptions<FastifyRequest>): FastifyReply {
  const { request } = reply
  if (streaming.has(request)) throw new AlreadyStreaming(routeOf(request))
  if (reply.sent || reply.raw.headersSent) throw new ReplySent(routeOf(request))
  if (!acceptsEventStream(request)) return reply.send(new NotAcceptable(shown(request.headers.accept)))
  const { stream, heartbeatIntervalMs, recheck } = overrideStreamOptions(streams.settings, options)
  // HEAD asks for the headers alone: the source does not run
  if (request.method === 'HEAD') return reply.headers(STREAM_HEADERS).send()
  const lastEventId = lastEventIdOf(request)
  if (lastEventId !== undefined && isDone(lastEventId)) return answerDone(reply)
  if (streams.isDraining) return refuse(reply, streams.settings.drainTimeoutMs)
  const key = streams.settings.connectionKey(request)
  const admission = streams.admissions.admit(key)
  if (admission !== 'admitted') return answerRefused(reply, admission, streams)

  streaming.add(request)
  const host = new ReplyHost(reply, streams, { key, recheck })
  const tools = { ...streams.tools, heartbeats: streams.heartbeatsOf(heartbeatIntervalMs) }
  const connection = new Connection(host, stream, tools, lastEventId)
  host.start(connection)
  // while the handler waited the client may have left: then its source is let go of, and does not begin
  if (reply.raw.destroyed || request.raw.socket?.destroyed) connection.end('client')
  connection.start(source, codecOf(request, streams.codecs))
  return reply
}

/** What a connection needs of its reply. */
class ReplyHost implements ConnectionHost {
  readonly #streams: Streams
  readonly #key: string
  #send: Send
  #reply: FastifyReply | undefined
  #connection: Connection | undefined
  #leave: ReturnType<Streams['enter']> | undefined
  #isCommitting = false
  #wasRefused = false
  readonly recheck: (() => unknown) | undefined

  constructor (reply: FastifyReply, streams: Streams, { key, recheck }: { key: string, recheck: Recheck | undefined }) {
    this.#reply = reply
    this.#streams = streams
    this.#key = key
    // over `this`, which lets go of the request at the end
    if (recheck !== undefined) this.recheck = () => this.#reply !== undefined && recheck(this.#reply.request)
    // bound now: while the set-up runs, another function stands in its place
    this.#send = reply.send.bind(reply) as Send
  }

  start (connection: Connection): void {
    this.#connection = connection
    const reply = this.#reply
    if (reply === undefined) return
    // before anything else runs: a client may leave during the set-up
    reply.raw.on('close', this.#onClose)
    // a pipelined response has no socket yet, and does not hear of its end
    reply.request.raw.on('aborted', this.#onClose)
    reply.send = ((payload: unknown) => this.#intercept(payload)) as typeof reply.send
    const { request } = reply
    const route = routeOf(request)
    this.#leave = this.#streams.enter({ connection, key: this.#key, route, response: reply.raw })
    streamOpened({ route, connectionKey: this.#key, request })
  }

  commit (): void {
    const reply = this.#reply
    if (reply === undefined) return
    this.#isCommitting = true
    commit(reply, this.#send, (writer) => {
      this.#restoreSend()
      this.#connection?.opened(writer)
    })
  }

  refuse (error: unknown): void {
    this.#wasRefused = true
    this.#restoreSend()
    this.#send(error instanceof Error ? error : new Error(`the source of an event stream failed with ${shown(error)}`))
  }

  ended (summary: Parameters<ConnectionHost['ended']>[0]): void {
    const reply = this.#reply
    if (reply === undefined) return
    this.#restoreSend()
    reply.raw.off('close', this.#onClose)
    const { request } = reply
    request.raw.off('aborted', this.#onClose)
    this.#leave?.(summary)
    const route = routeOf(request)
    // where an error was sent in the stream's place, Fastify has logged it
    logEnd(request.log, route, summary, reply.raw.headersSent && !this.#wasRefused)
    streamEnded({ route, connectionKey: this.#key, request }, summary)
    // a generator that is parked holds neither socket nor reply
    this.#reply = undefined
    this.#connection = undefined
    this.#leave = undefined
    this.#send = () => undefined
  }

  stillRunning (stopped: Promise<void>): void {
    const reply = this.#reply
    if (reply === undefined) {
      // it was opened when all was over
      stopped.catch(() => {})
      return
    }
    const { log } = reply.server
    const reqId = reply.request.id
    const route = routeOf(reply.request)
    const isOver = this.#streams.watchParked(() => { logParked(log, route, reqId) })
    stopped.catch((error: unknown) => {
      log.error({ err: error, reqId }, `the source of an event stream of ${route} failed while it was cleaning up`)
    }).finally(isOver)
  }

  readonly #onClose = (): void => { this.#connection?.end('client') }

  /** Something answers before the head is out: the handler forgot to return the stream, or a hook or a time-out was faster. */
  #intercept (payload: unknown): unknown {
    const reply = this.#reply
    // the head is on its way through hooks that wait: that the handler forgot to return does no harm any more
    if (this.#isCommitting && payload === undefined) return reply
    const send = this.#send
    this.#restoreSend()
    this.#connection?.end('superseded')
    const isForgotten = payload === undefined && reply !== undefined
    return send(isForgotten ? new NotReturned(routeOf(reply.request)) : payload)
  }

  #restoreSend (): void {
    // the method of the prototype comes to light again
    if (this.#reply !== undefined && Object.hasOwn(this.#reply, 'send')) Reflect.deleteProperty(this.#reply, 'send')
  }
}

/** The route of a request, for errors and the log: its method and its pattern, which holds no secrets. */
function routeOf (request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'an unknown route'}`
}

function answerRefused (reply: FastifyReply, admission: Exclude<Admission, 'admitted'>, { settings }: Streams): FastifyReply {
  const by = settings.refuse ?? (namesEventStream(reply.request) ? 'retry' : 'status')
  if (by === 'retry') return refuse(reply, REFUSED_RETRY_MS)
  reply.header('retry-after', Math.ceil(jittered(REFUSED_RETRY_MS, RETRY_JITTER) / 1000))
  return reply.send(admission === 'full' ? new TooManyConnections() : new TooManyConnectionsPerKey())
}

/** A browser's `EventSource` gives up for good on a status, and comes back after a stream that ends. */
function refuse (reply: FastifyReply, retryMs: number): FastifyReply {
  return reply.headers(STREAM_HEADERS).send(`${retryLine(jittered(retryMs, RETRY_JITTER))}\n`)
}
