/**
 * A writer through a carrier, a stream that is piped: where an `onSend` hook has wrapped the payload, over HTTP/2, and for
 * injected requests. It knows Node's streams, not Fastify.
 */
import type { ServerResponse } from 'node:http'
import { Stream } from 'node:stream'
import type { Batch } from '../wire/batch.ts'
import { WriterBase } from './writer-base.ts'

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
  #onPipe: (destination: NodeJS.WritableStream, flow: () => void) => void

  /** @param onPipe gets where the carrier is to flow, and the function that lets it flow there */
  constructor (onPipe: (destination: NodeJS.WritableStream, flow: () => void) => void) {
    super()
    this.#onPipe = onPipe
    // who is piped here may fail; that ends the response, and the response's end ends the stream
    this.on('error', ignore)
  }

  override pipe<Destination extends NodeJS.WritableStream> (destination: Destination, options?: { end?: boolean }): Destination {
    const onPipe = this.#onPipe
    // Fastify holds a payload for as long as its response is open: it must hold nothing else
    this.#onPipe = ignore
    onPipe(destination, () => { super.pipe(destination, options) })
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
      this.owner?.onFree()
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

  protected finish (): void {
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
