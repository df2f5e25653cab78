/**
 * Committing a stream: the head goes out through `reply.send`, so that `onSend` hooks run and the headers of other plugins
 * count; then the reply is hijacked, so that Fastify's time-outs and its own end of the response do not touch the stream.
 */
import type { FastifyReply } from 'fastify'
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Carrier, CarrierWriter } from '../stream/carrier-writer.ts'
import { ResponseWriter } from '../stream/response-writer.ts'
import { canWriteToSocket, SocketWriter } from '../stream/socket-writer.ts'
import type { Writer } from '../stream/writer.ts'

/** The headers of every event stream. `no-transform` and `x-accel-buffering` keep proxies from holding events back. */
export const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no'
} as const

/**
 * Sends the head of a stream, and calls `opened` with the way to the client when it is out. Where a hook answers in its place,
 * or the client leaves, that never comes; the response closes then.
 *
 * @param send the reply's own `send`
 */
export function commit (reply: FastifyReply, send: FastifyReply['send'], opened: (writer: Writer) => void): void {
  const response = reply.raw
  // the documented opt-out of @fastify/compress: a compressor holds back what it has not filled a block with
  if ('compress' in reply) reply.request.raw.headers['x-no-compression'] = '1'
  reply.headers(STREAM_HEADERS)
  const open = (writer: Writer): void => {
    if (!response.headersSent) response.flushHeaders()
    reply.hijack()
    opened(writer)
  }
  const carrier = new Carrier((destination, flow) => {
    // while hooks were waiting, another answer was sent
    if (response.headersSent) return
    if (destination !== response) {
      // a hook has wrapped the payload in a stream of its own, which Fastify pipes on when all hooks have run
      flow()
      response.once('pipe', () => { process.nextTick(open, new CarrierWriter(response, carrier)) })
      return
    }
    response.flushHeaders()
    // over HTTP/2 and for injected requests the response is not Node's own, and trailers come with the payload's end
    if (reply.request.raw.httpVersionMajor === 1 && reply.request.raw.socket instanceof Socket && !response.hasHeader('trailer')) {
      watch.end()
      open(canWriteToSocket(response) ? new SocketWriter(response, response.socket) : new ResponseWriter(response))
    } else {
      flow()
      open(new CarrierWriter(response, carrier))
    }
  })
  const watch = new Watch(carrier, response)
  Reflect.apply(send, reply, [carrier])
}

/**
 * Fastify's watch over a payload and its response, which ends the one with the other. Once the stream flows past the payload it
 * has nothing to do, and would hold a kilobyte for each stream.
 */
class Watch {
  readonly #carrier: Carrier
  readonly #response: ServerResponse
  /** How many listeners the response had of each event when Fastify had come to watch it: it watches the payload first. */
  readonly #listenersBefore = new Map<string | symbol, number>()

  constructor (carrier: Carrier, response: ServerResponse) {
    this.#carrier = carrier
    this.#response = response
    carrier.on('newListener', (event) => {
      // hooks may watch the payload too; Fastify is the last, just before it pipes
      if (event === 'close') for (const name of response.eventNames()) this.#listenersBefore.set(name, response.listenerCount(name))
    })
  }

  /** The payload has said all that Fastify need hear; what is added to the response since then goes. */
  end (): void {
    this.#carrier.emit('end')
    this.#carrier.removeAllListeners()
    const response = this.#response
    for (const name of response.eventNames()) {
      for (const listener of response.listeners(name).slice(this.#listenersBefore.get(name) ?? 0)) response.off(name, listener as () => void)
    }
    // a write that fails is heard of by 'close'
    response.on('error', ignore)
  }
}

function ignore (): void {}
