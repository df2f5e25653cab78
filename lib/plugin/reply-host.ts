/**
 * What a connection needs of its reply: the way to commit, to be refused, and to tell that it has ended. It is the
 * stream as the plugin knows it, and holds the reply and the request no longer than it must.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { asError } from '../errors.ts'
import { inContext } from '../own-context.ts'
import type { Connection } from '../stream/connection.ts'
import type { ConnectionHost } from '../stream/host.ts'
import type { Writer } from '../stream/writer.ts'
import { EVENTS_FORM } from '../wire/control-form.ts'
import { commit, type Committing } from './commit.ts'
import { streamEnded, streamOpened } from './diagnostics.ts'
import { dropStream } from './http2-streams.ts'
import { watchInjected } from './injected.ts'
import { logEnd } from './log.ts'
import { asksForControlEvents } from './negotiation.ts'
import type { Recheck } from './options.ts'
import type { StreamFacts } from './presence.ts'
import { sendError } from './refusals.ts'
import type { Returned } from './returned.ts'
import { watchStopping } from './stopping-sources.ts'
import { takeBackHead } from './stream-head.ts'
import type { OpenStream, Streams } from './streams.ts'

/** `reply.send`. */
type Send = FastifyReply['send']

/** One stream, between its connection and its reply. */
export class ReplyHost implements ConnectionHost, Committing {
  readonly recheck: (() => unknown) | undefined
  readonly #streams: Streams
  readonly #returned: Returned
  /** What stands in the reply while the set-up does not. */
  readonly #send: Send
  /** Until the head is out: an open stream needs no reply, and is to hold little. */
  #reply: FastifyReply | undefined
  /** Until the end: a generator that is parked holds neither request nor socket. */
  #request: FastifyRequest | undefined
  #stream: OpenStream | undefined
  /** Over HTTP/2, and of an injected request. */
  #unwatch: (() => void) | undefined
  /** What else is to be called at the end. */
  #atEnd: ReadonlyArray<() => void> | undefined
  #isCommitting = false
  /** What the source failed with before anything was committed. */
  #refusal: Error | undefined

  constructor (reply: FastifyReply, streams: Streams, recheck: Recheck | undefined, returned: Returned) {
    this.#reply = reply
    this.#request = reply.request
    this.#streams = streams
    this.#returned = returned
    if (recheck !== undefined) {
      // a timer asks; over `this`, which lets go of the request at the end
      const ask = inContext(recheck)
      this.recheck = () => this.#request !== undefined && ask(this.#request)
    }
    this.#send = reply.send
  }

  start (connection: Connection, { key, route, tag, requestId, openedAt }: StreamFacts): void {
    const reply = this.#reply
    if (reply === undefined) return
    const { request, raw: response } = reply
    const stream = { connection, key, route, tag, requestId, openedAt, response, rosterPlace: -1 }
    this.#stream = stream
    // before anything else runs: a client may leave during the set-up
    response.on('close', this.#streams.onResponseClose)
    if (request.raw.httpVersionMajor === 2) {
      // until Node 24, the response does not hear of a client that resets it with NO_ERROR while bytes wait
      const onAborted = (): void => {
        connection.end('client')
        dropStream(response)
      }
      request.raw.on('aborted', onAborted)
      this.#unwatch = () => { request.raw.off('aborted', onAborted) }
    } else {
      this.#unwatch = watchInjected(response)
    }
    reply.send = ((payload: unknown) => this.#intercept(payload)) as Send
    this.#streams.enter(stream)
    streamOpened({ route, connectionKey: key, request, tag })
  }

  get isCommitting (): boolean { return this.#isCommitting && this.#reply !== undefined }

  get saysControl (): boolean {
    return this.#stream?.connection.control === EVENTS_FORM && this.#request !== undefined && asksForControlEvents(this.#request)
  }

  commit (): void {
    this.#returned.whenReturned(() => {
      const reply = this.#reply
      // the stream may have ended, or something else may have answered
      if (reply === undefined) return
      this.#isCommitting = true
      commit(reply, this.#send, this)
    })
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
    this.#unwatch?.()
    this.#streams.leave(stream, summary)
    // where an error was sent in the stream's place, Fastify has logged it
    logEnd(request.log, stream.route, summary, response.headersSent && this.#refusal === undefined)
    streamEnded({ route: stream.route, connectionKey: stream.key, request, tag: stream.tag }, summary)
    this.#reply = undefined
    this.#request = undefined
    this.#stream = undefined
    for (const listener of this.#atEnd ?? []) listener.call(request.raw)
    this.#atEnd = undefined
    // the last: an error handler may answer by another stream
    if (reply !== undefined && this.#refusal !== undefined) sendError(reply, this.#refusal, this.#streams)
  }

  misheard (type: string): void {
    if (this.#stream !== undefined) this.#streams.codecs.misheard.tell(this.#stream.route, type)
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

  /**
   * Something answers before the head is out: the handler, by mistake, or a hook that was faster. Once the head is on its
   * way, an error handler may answer for a hook that failed.
   */
  #intercept (payload: unknown): unknown {
    const reply = this.#reply
    // the head is on its way through hooks that wait: that the handler forgot to return does no harm any more
    if (reply === undefined || (this.#isCommitting && payload === undefined)) return reply
    this.#restoreSend()
    this.#stream?.connection.end('superseded')
    if (this.#isCommitting) takeBackHead(reply)
    return reply.send(this.#isCommitting ? payload : this.#returned.answerFor(payload))
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
