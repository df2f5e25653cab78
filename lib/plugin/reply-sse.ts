/**
 * `reply.sse`: binds one connection to one request. It negotiates, admits, starts, and hears of the end; how a stream
 * flows is the connection's affair.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import { AlreadyStreaming, asError, LOG_FAILED, NotReturned, ReplySent } from '../errors.ts'
import { inContext } from '../own-context.ts'
import { Connection } from '../stream/connection.ts'
import { EventStreamEnded } from '../stream/end.ts'
import type { ConnectionHost } from '../stream/host.ts'
import { closeSource, holdSource } from '../stream/source.ts'
import type { Writer } from '../stream/writer.ts'
import type { EventCodec } from '../wire/codec.ts'
import { commit, type Committing } from './commit.ts'
import { streamEnded, streamOpened } from './diagnostics.ts'
import { dropStream, hasLeft } from './http2-streams.ts'
import { lastEventIdOf } from './last-event-id.ts'
import { logEnd, logError, logParked, routeOf } from './log.ts'
import type { EventStreamOptions, Recheck } from './options.ts'
import { answerInstead, refuseFailing, refuseOverLimit } from './refusals.ts'
import { holdReply } from './reply-turn.ts'
import { takeBackHead } from './stream-head.ts'
import type { OpenStream, ReadOptions, Streams } from './streams.ts'
import { Turns } from './turns.ts'

/**
 * What streams failed with before their heads were out, by response: where an error handler answers by another
 * stream, nobody else logs it.
 */
const failures = new WeakMap<ServerResponse, Error>()

/** `reply.send`. */
type Send = FastifyReply['send']

/** A stream that a client is to get. */
interface Asked {
  readonly reply: FastifyReply
  readonly streams: Streams
  readonly source: unknown
  readonly options: ReadOptions
  readonly lastEventId: string | undefined
  readonly codec: EventCodec | undefined
  /** Whose it is. */
  readonly key: string
}

/**
 * Streams a source as the answer of a reply. Errors of the request and of the source are sent; only misuse throws. A
 * source that is not started, for whatever reason, is closed.
 */
export function sendEventStream (reply: FastifyReply, streams: Streams, source: unknown, options: EventStreamOptions<FastifyRequest> | undefined): FastifyReply {
  let asked: Asked | undefined
  try {
    asked = negotiate(reply, streams, source, options)
  } finally {
    if (asked === undefined) letGo(source, reply.request, streams)
  }
  if (asked !== undefined && Turns.isDue(reply.raw)) waitForTurn(asked)
  else if (asked !== undefined) begin(asked)
  return reply
}

/** `undefined` if something else was answered. */
function negotiate (reply: FastifyReply, streams: Streams, source: unknown, options: EventStreamOptions<FastifyRequest> | undefined): Asked | undefined {
  const { request } = reply
  if (streams.isStreaming(reply.raw)) throw new AlreadyStreaming(routeOf(request))
  logFailureBefore(reply)
  if (reply.sent || reply.raw.headersSent) throw new ReplySent(routeOf(request))
  const read = streams.optionsOf(options)
  const lastEventId = lastEventIdOf(request)
  if (answerInstead(reply, lastEventId, streams)) return undefined
  try {
    const codec = streams.codecs.of(reply)
    return { reply, streams, source, options: read, lastEventId, codec, key: streams.settings.connectionKey(request) }
  } catch (error) {
    // of a client that has left while the handler waited, not even the address is known: that is no mistake
    if (!hasLeft(reply.raw)) reply.send(error)
    return undefined
  }
}

/** Starts the source when the responses ahead on its socket have ended. */
function waitForTurn (asked: Asked): void {
  const { reply, streams, source, key } = asked
  const { request } = reply
  holdSource(source)
  holdReply(reply, streams, key, {
    begin: () => { begin(asked) },
    letGo: () => { letGo(source, request, streams) },
    failed: (error) => { sendError(reply, asError(error, 'an event stream could not begin'), streams) }
  })
}

/** Starts the source, if there is room for it. */
function begin (asked: Asked): void {
  const { source, codec, reply: { request }, streams } = asked
  let connection: Connection | undefined
  try {
    connection = admit(asked)
  } finally {
    if (connection === undefined) letGo(source, request, streams)
  }
  connection?.start(source, codec)
}

/** Binds a connection to the reply; `undefined` if there is no room, or nobody is there any more. */
function admit ({ reply, streams, options, lastEventId, key }: Asked): Connection | undefined {
  const admission = streams.admissions.admit(key)
  if (admission !== 'admitted') {
    refuseOverLimit(reply, admission, streams.settings)
    return undefined
  }

  const host = new ReplyHost(reply, streams, options.recheck)
  const connection = new Connection(host, options.stream, streams.toolsFor(options.heartbeatIntervalMs), lastEventId)
  host.start(connection, key)
  if (!hasLeft(reply.raw)) return connection
  // while the handler waited the client has left: its source does not begin
  connection.end('client')
  return undefined
}

/** Lets go of a source that is not started. */
function letGo (source: unknown, request: FastifyRequest, streams: Streams): void {
  const stopped = closeSource(source, new EventStreamEnded('superseded'))
  if (stopped !== undefined) watchStopping(stopped, request, streams)
}

/** Tells of a source that does not stop, or fails while it does. It holds neither the request nor the reply. */
function watchStopping (stopped: Promise<void>, request: FastifyRequest, streams: Streams): void {
  const { id: reqId, server: { log } } = request
  const route = routeOf(request)
  const isOver = streams.watchParked(() => { logParked(log, route, reqId) })
  stopped.catch((error: unknown) => {
    logError(log, error, `the source of an event stream of ${route} failed while it was cleaning up`, reqId)
  }).finally(isOver)
}

/** What a connection needs of its reply; and the stream, as the plugin knows it. */
class ReplyHost implements ConnectionHost, Committing {
  readonly recheck: (() => unknown) | undefined
  readonly #streams: Streams
  /** What stands in the reply while the set-up does not. */
  readonly #send: Send
  /** Until the head is out: an open stream needs no reply, and is to hold little. */
  #reply: FastifyReply | undefined
  /** Until the end: a generator that is parked holds neither request nor socket. */
  #request: FastifyRequest | undefined
  #stream: OpenStream | undefined
  /** Over HTTP/2. */
  #onAborted: (() => void) | undefined
  /** What else is to be called at the end. */
  #atEnd: ReadonlyArray<() => void> | undefined
  #isCommitting = false
  /** What the source failed with before anything was committed. */
  #refusal: Error | undefined

  constructor (reply: FastifyReply, streams: Streams, recheck: Recheck | undefined) {
    this.#reply = reply
    this.#request = reply.request
    this.#streams = streams
    if (recheck !== undefined) {
      // a timer asks; over `this`, which lets go of the request at the end
      const ask = inContext(recheck)
      this.recheck = () => this.#request !== undefined && ask(this.#request)
    }
    this.#send = reply.send
  }

  start (connection: Connection, key: string): void {
    const reply = this.#reply
    if (reply === undefined) return
    const { request, raw: response } = reply
    const stream = { connection, key, route: routeOf(request), response, rosterPlace: -1 }
    this.#stream = stream
    // before anything else runs: a client may leave during the set-up
    response.on('close', this.#streams.onResponseClose)
    if (request.raw.httpVersionMajor === 2) {
      // until Node 24, the response does not hear of a client that resets it with NO_ERROR while bytes wait
      this.#onAborted = () => {
        connection.end('client')
        dropStream(response)
      }
      request.raw.on('aborted', this.#onAborted)
    }
    reply.send = ((payload: unknown) => this.#intercept(payload)) as Send
    this.#streams.enter(stream)
    streamOpened({ route: stream.route, connectionKey: stream.key, request })
  }

  get isCommitting (): boolean { return this.#isCommitting && this.#reply !== undefined }

  commit (): void {
    const reply = this.#reply
    if (reply === undefined) return
    this.#isCommitting = true
    commit(reply, this.#send, this)
  }

  opened (writer: Writer, atEnd: ReadonlyArray<() => void>): void {
    this.#restoreSend()
    this.#reply = undefined
    this.#atEnd = atEnd
    this.#stream?.connection.opened(writer)
  }

  failed (error: unknown): void {
    // what cannot be sent is answered by an error, as on any route
    this.#supersede(asError(error, 'the head of an event stream could not be sent'))
  }

  refuse (error: unknown): void {
    this.#refusal = asError(error, 'the source of an event stream failed')
  }

  ended (summary: Parameters<ConnectionHost['ended']>[0]): void {
    const request = this.#request
    const stream = this.#stream
    if (request === undefined || stream === undefined) return
    this.#restoreSend()
    const { response } = stream
    const reply = this.#reply
    response.off('close', this.#streams.onResponseClose)
    if (this.#onAborted !== undefined) request.raw.off('aborted', this.#onAborted)
    this.#streams.leave(stream, summary)
    // where an error was sent in the stream's place, Fastify has logged it
    logEnd(request.log, stream.route, summary, response.headersSent && this.#refusal === undefined)
    streamEnded({ route: stream.route, connectionKey: stream.key, request }, summary)
    this.#reply = undefined
    this.#request = undefined
    this.#stream = undefined
    for (const listener of this.#atEnd ?? []) listener.call(request.raw)
    this.#atEnd = undefined
    // the last: an error handler may answer by another stream
    if (reply !== undefined && this.#refusal !== undefined) sendError(reply, this.#refusal, this.#streams)
  }

  stillRunning (stopped: Promise<void>): void {
    const request = this.#request
    if (request === undefined) {
      // it was opened when all was over
      stopped.catch(() => {})
      return
    }
    watchStopping(stopped, request, this.#streams)
  }

  /** Something answers before the head is out: the handler forgot to return the stream, or a hook was faster. */
  #intercept (payload: unknown): unknown {
    const reply = this.#reply
    // the head is on its way through hooks that wait: that the handler forgot to return does no harm any more
    if (reply === undefined || (this.#isCommitting && payload === undefined)) return reply
    this.#restoreSend()
    this.#stream?.connection.end('superseded')
    if (this.#isCommitting) takeBackHead(reply)
    return reply.send(payload === undefined ? new NotReturned(routeOf(reply.request)) : payload)
  }

  #supersede (error: Error): void {
    const reply = this.#reply
    const stream = this.#stream
    this.#restoreSend()
    if (reply === undefined) {
      // the head is out
      stream?.connection.destroy()
      return
    }
    stream?.connection.end('superseded')
    takeBackHead(reply)
    sendError(reply, error, this.#streams)
  }

  #restoreSend (): void {
    // deleting the property would make a slow object of the reply
    if (this.#reply !== undefined && this.#reply.send !== this.#send) this.#reply.send = this.#send
  }
}

/** Answers with an error, as on any route. If not even that can be sent, the connection is cut. */
function sendError (reply: FastifyReply, error: Error, { settings }: Streams): void {
  failures.set(reply.raw, error)
  try {
    // by its code: another copy of this package may have made it
    if ('code' in error && error.code === LOG_FAILED) refuseFailing(reply, error, settings)
    else reply.send(error)
  } catch (failure) {
    logError(reply.log, failure, `the error response of ${routeOf(reply.request)} could not be sent, so the connection is cut`)
    reply.raw.destroy()
  }
}

function logFailureBefore ({ raw, log, request }: FastifyReply): void {
  const error = failures.get(raw)
  if (error === undefined) return
  failures.delete(raw)
  logError(log, error, `an event stream of ${routeOf(request)} failed before its first event, and an error handler answered by another one`)
}
