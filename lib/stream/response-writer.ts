/**
 * Writers through the response's ordinary stream, and through a carrier that an `onSend` hook has wrapped. They know Node's
 * HTTP, not Fastify.
 */
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Stream } from 'node:stream'
import type { Batch } from '../wire/batch.ts'
import type { Writer } from './writer.ts'

/** What both writers share: the watch over a response's socket. */
abstract class WriterBase implements Writer {
  abstract readonly kind: 'response' | 'carrier'
  abstract readonly isBusy: boolean
  onFree: () => void = ignore
  onStalled: () => void = ignore
  protected readonly response: ServerResponse
  protected hasEnded = false
  #timeoutMs = 0
  #ownTimeoutMs: number | undefined

  constructor (response: ServerResponse) {
    this.response = response
  }

  abstract write (batch: Batch): void
  abstract end (): void

  destroy (): void {
    this.hasEnded = true
    // a pipelined response has no socket of its own yet, but its request has one
    const socket = this.response.socket ?? this.response.req.socket
    if (socket instanceof Socket) socket.destroy()
    else this.response.destroy()
  }

  watch (timeoutMs: number): void {
    this.#timeoutMs = timeoutMs
    // Node destroys a socket that times out, unless somebody listens
    this.response.on('timeout', this.#stalled)
    // before Node's own listener, which takes the socket away and gives it the keep-alive time-out, if there is one
    this.response.prependListener('finish', this.#restore)
    // a pipelined response gets its socket when those before it have ended
    if (this.response.socket === null) this.response.once('socket', this.#exempt)
    else this.#exempt()
  }

  release (): void {
    const { response } = this
    response.off('timeout', this.#stalled)
    response.off('finish', this.#restore)
    response.off('socket', this.#exempt)
  }

  /** Begins or ends to count the time without progress. `Socket` itself sees the progress within one large write. */
  protected count (isCounting: boolean): void {
    this.#socket()?.setTimeout(isCounting ? this.#timeoutMs : 0)
  }

  /** The server's time-outs are for requests, not for a stream: it is exempt, and Node gives the next request its own again. */
  readonly #exempt = (): void => {
    const socket = this.#socket()
    this.#ownTimeoutMs = socket?.timeout
    this.count(this.isBusy || this.hasEnded)
  }

  readonly #restore = (): void => {
    this.#socket()?.setTimeout(this.#ownTimeoutMs ?? 0)
  }

  readonly #stalled = (): void => {
    if (this.isBusy || this.hasEnded) this.onStalled()
  }

  #socket (): Socket | undefined {
    const { socket } = this.response
    // HTTP/2 shares one socket between streams, and an injected request has none
    return socket instanceof Socket && this.response.req.httpVersionMajor === 1 ? socket : undefined
  }
}

/** Writes into the response itself. */
export class ResponseWriter extends WriterBase {
  readonly kind = 'response'
  #isBusy = false

  constructor (response: ServerResponse) {
    super(response)
    response.on('drain', this.#free)
  }

  get isBusy (): boolean {
    return this.#isBusy
  }

  write (batch: Batch): void {
    if (this.hasEnded || this.response.write(batch.bytes)) return
    this.#isBusy = true
    this.count(true)
  }

  end (): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.response.end()
    this.count(!this.response.writableFinished)
  }

  override release (): void {
    this.response.off('drain', this.#free)
    super.release()
  }

  readonly #free = (): void => {
    this.#isBusy = false
    if (!this.hasEnded) this.count(false)
    this.onFree()
  }
}

/**
 * The smallest thing that Fastify takes for a stream. It goes to `reply.send`, so that `onSend` hooks run, and learns in
 * `pipe` where it would flow: to the response, or into a stream of a hook's.
 */
export class Carrier extends Stream {
  /** What `pipe` of Node's old streams looks at. */
  readable = true
  /** True while the stream behind it has asked to wait. */
  isPaused = false
  /** Called when it need not wait any more. */
  onResume: () => void = ignore
  readonly #onPipe: (destination: NodeJS.WritableStream, flow: () => void) => void

  /** @param onPipe gets where the carrier is to flow, and the function that lets it flow there */
  constructor (onPipe: (destination: NodeJS.WritableStream, flow: () => void) => void) {
    super()
    this.#onPipe = onPipe
    // who is piped here may fail; that ends the response, and the response's end ends the stream
    this.on('error', ignore)
  }

  override pipe<Destination extends NodeJS.WritableStream> (destination: Destination, options?: { end?: boolean }): Destination {
    this.#onPipe(destination, () => { super.pipe(destination, options) })
    return destination
  }

  pause (): this {
    this.isPaused = true
    return this
  }

  resume (): this {
    this.isPaused = false
    this.onResume()
    return this
  }

  destroy (): this {
    this.readable = false
    return this
  }
}

/** Writes into a carrier: where a hook has wrapped the payload, over HTTP/2, and for injected requests. */
export class CarrierWriter extends WriterBase {
  readonly kind = 'carrier'
  readonly #carrier: Carrier

  constructor (response: ServerResponse, carrier: Carrier) {
    super(response)
    this.#carrier = carrier
    carrier.onResume = () => {
      if (!this.hasEnded) this.count(false)
      this.onFree()
    }
  }

  get isBusy (): boolean {
    return this.#carrier.isPaused
  }

  write (batch: Batch): void {
    if (this.hasEnded) return
    this.#carrier.emit('data', batch.bytes)
    if (this.isBusy) this.count(true)
  }

  end (): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.#carrier.emit('end')
    this.#carrier.emit('close')
    this.count(!this.response.writableFinished)
  }

  override release (): void {
    this.#carrier.onResume = ignore
    super.release()
  }
}

function ignore (): void {}
