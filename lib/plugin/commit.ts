/**
 * Committing a stream: the head goes out through `reply.send`, so that `onSend` hooks run and the headers of other
 * plugins count; then the reply is hijacked, so that Fastify's time-outs and its own end of the response do not touch
 * the stream.
 */
import type { FastifyReply } from 'fastify'
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Carrier, CarrierWriter } from '../stream/carrier-writer.ts'
import { ResponseWriter } from '../stream/response-writer.ts'
import { canWriteToSocket, SocketWriter } from '../stream/socket-writer.ts'
import type { Writer } from '../stream/writer.ts'
import { logError, routeOf } from './log.ts'
import { setHead } from './stream-head.ts'

const NONE: readonly never[] = []

/**
 * A status without a body: such a response is over with its head, as any other with this status. Fastify itself sees
 * to 1xx and 204.
 */
const NOT_MODIFIED = 304

/**
 * What Fastify hears of a response that it watches: `stream.finished` of Node, which watches for it, asks for these.
 */
const WATCHED = ['end', 'close', 'finish', 'error'] as const

/** Whoever commits a stream. */
export interface Committing {
  /** False once the stream has ended, or was opened: then the head is no longer its affair. */
  readonly isCommitting: boolean
  /** True where the client has asked for control events by a parameter of the type, and gets them. */
  readonly saysControl: boolean
  /** The head is out: `writer` is the way to the client. What is in `atEnd` is to be called when the stream is over. */
  opened (writer: Writer, atEnd: ReadonlyArray<() => void>): void
  /** The head cannot be sent. May come within the call of `commit`, and later. */
  failed (error: unknown): void
}

/**
 * Sends the head of a stream, and calls `opened` with the way to the client when it is out. If a hook answers
 * instead, or the client leaves, that never happens; the response closes then. What Node and Fastify throw goes to
 * `failed`: nothing is thrown here.
 *
 * @param send the reply's own `send`
 */
export function commit (reply: FastifyReply, send: FastifyReply['send'], stream: Committing): void {
  const response = reply.raw
  const attempt = (step: () => void): void => {
    try {
      if (stream.isCommitting) step()
    } catch (error) {
      stream.failed(error)
    }
  }
  const open = (writer: Writer): void => {
    if (!response.headersSent) response.flushHeaders()
    if (writer.kind === 'carrier' && response.hasHeader('trailer')) surviveTrailers(reply)
    stream.opened(writer, hijack(reply))
  }
  const carrier = new Carrier((destination, flow) => {
    // while hooks were waiting, another answer was sent
    if (response.headersSent) return
    attempt(() => {
      if (destination !== response) {
        // a hook has wrapped the payload in a stream of its own, which Fastify pipes on when all hooks have run
        flow()
        response.once('pipe', (wrapping: NodeJS.ReadableStream) => {
          process.nextTick(attempt, () => { open(new CarrierWriter(response, carrier, wrapping)) })
        })
        return
      }
      watch.throwRefused()
      if (response.statusCode === NOT_MODIFIED) {
        response.end()
        return
      }
      // over HTTP/2 and for injected requests the response is not Node's own, and trailers come with the payload's end
      if (reply.request.raw.httpVersionMajor === 1 && reply.request.raw.socket instanceof Socket && !response.hasHeader('trailer')) {
        // the head is made, and leaves with the first bytes, which are written at once
        response.writeHead(response.statusCode)
        watch.end()
        open(writerOf(response))
      } else {
        response.flushHeaders()
        flow()
        open(new CarrierWriter(response, carrier))
      }
    })
  })
  const watch = new Watch(carrier, reply)
  attempt(() => {
    // the documented opt-out of @fastify/compress: a compressor holds back what it has not filled a block with
    if ('compress' in reply) reply.request.raw.headers['x-no-compression'] = '1'
    setHead(reply, stream.saysControl)
    Reflect.apply(send, reply, [carrier])
  })
  watch.isAlone = true
}

/**
 * Ends Fastify's part in a reply. Gives the listeners for the request's `close` that go with it: they abort
 * `request.signal`, so whoever waits on that would wait for ever. The `close` itself would not do: after a body was
 * read it comes at once.
 */
function hijack (reply: FastifyReply): ReadonlyArray<() => void> {
  const { raw } = reply.request
  const before = raw.listenerCount('close') === 0 ? NONE : raw.listeners('close')
  reply.hijack()
  if (before.length === raw.listenerCount('close')) return NONE
  const kept = new Set(raw.listeners('close'))
  // listeners for `close` take nothing
  return before.filter((listener) => !kept.has(listener)) as Array<() => void>
}

/**
 * Fastify sets trailers in a tick of its own, where what Node refuses would end the process: such a response ends
 * without them.
 */
function surviveTrailers ({ raw: response, log, request }: FastifyReply): void {
  const route = routeOf(request)
  const { addTrailers } = response
  response.addTrailers = (trailers) => {
    try {
      Reflect.apply(addTrailers, response, [trailers])
    } catch (error) {
      logError(log, error, `the trailers of an event stream of ${route} could not be sent`)
    }
  }
}

/** How to reach the client of a response whose head is made. */
function writerOf (response: ServerResponse): Writer {
  if (canWriteToSocket(response)) return new SocketWriter(response, response.socket)
  response.flushHeaders()
  return new ResponseWriter(response)
}

/**
 * Fastify's watch over a payload and its response, which ends the one with the other. Once the stream flows past the
 * payload it has nothing to do, and would hold a kilobyte for each stream.
 */
class Watch {
  /** True when hooks have taken their time: nobody catches what Fastify throws now. */
  isAlone = false
  readonly #carrier: Carrier
  readonly #response: ServerResponse
  /** What Node refused of the head. */
  #refused: unknown
  /**
   * How many listeners the response had of each of `WATCHED` when Fastify came to watch it: it watches the payload
   * first.
   */
  #listenersBefore: readonly number[] = []

  constructor (carrier: Carrier, reply: FastifyReply) {
    const response = reply.raw
    this.#carrier = carrier
    this.#response = response
    carrier.on('newListener', (event) => {
      // hooks may watch the payload too; Fastify is the last, just before it sets the headers and pipes
      if (event !== 'close') return
      this.#listenersBefore = WATCHED.map((name) => response.listenerCount(name))
      if (this.isAlone && !response.headersSent) this.#takeRefused(reply)
    })
  }

  /** Throws what Node refused of the head while hooks took their time. */
  throwRefused (): void {
    if (this.#refused !== undefined) throw this.#refused
  }

  /** The payload has said all that Fastify need hear; what is added to the response since then goes. */
  end (): void {
    this.#carrier.emit('end')
    this.#carrier.removeAllListeners()
    const response = this.#response
    for (const [index, name] of WATCHED.entries()) {
      const before = this.#listenersBefore[index] ?? 0
      if (before === 0) response.removeAllListeners(name)
      // what Node calls a listener takes any arguments
      else for (const listener of response.listeners(name).slice(before)) response.off(name, listener as () => void)
    }
    // a write that fails is heard of by 'close'
    response.on('error', ignore)
  }

  /**
   * Sets the headers as Fastify is about to, and takes away those that Node refuses: on the stack of a hook's
   * callback they would end the process.
   */
  #takeRefused (reply: FastifyReply): void {
    for (const [name, value] of Object.entries(reply.getHeaders())) {
      try {
        if (value !== undefined) this.#response.setHeader(name, value)
      } catch (error) {
        this.#refused ??= error
        reply.removeHeader(name)
      }
    }
  }
}

function ignore (): void {}
