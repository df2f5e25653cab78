/**
 * A writer through a carrier, a stream that is piped: where an `onSend` hook has wrapped the payload, over HTTP/2,
 * and for injected requests. It knows Node's streams, not Fastify.
 */
import type { ServerResponse } from 'node:http'
import { Stream } from 'node:stream'
import { SLICE_BYTES } from '../defaults.ts'
import type { Batch } from '../wire/batch.ts'
import { WriterBase } from './writer-base.ts'

/**
 * The smallest thing that Fastify takes for a stream. It goes to `reply.send`, so that `onSend` hooks run, and learns
 * in `pipe` where it would flow: to the response, or into a stream of a hook's.
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
  /** True where a response over HTTP/2 gets the carrier's bytes as they are: it tells when a slice has left. */
  readonly #tellsOfSlices: boolean
  /** Bytes that were handed to the response. */
  #handed = 0
  #resumed = 0
  /** Batches that go out in slices, and those that came meanwhile. */
  #sliced: Buffer[] | undefined
  /** Of the first of them, how many bytes are out. */
  #slicedBytes = 0
  /** What ends the response, where that was called meanwhile. */
  #endsLater: (() => void) | undefined
  /** True where a hook has made a stream of its own of the payload. */
  readonly #isWrapped: boolean

  /** @param wrapping what a hook has made of the payload, if it has: that flows into the response */
  constructor (response: ServerResponse, carrier: Carrier, wrapping?: NodeJS.ReadableStream) {
    super(response)
    this.#carrier = carrier
    this.#isWrapped = wrapping !== undefined
    const isHttp2 = response.req.httpVersionMajor === 2
    this.#tellsOfSlices = isHttp2 && wrapping === undefined
    if (isHttp2) wrapping?.on('data', (chunk: Buffer | string) => { this.#handed += chunk.length })
    carrier.onResume = () => { this.#resume() }
  }

  get isBusy (): boolean {
    return this.#carrier.isPaused || this.#sliced !== undefined
  }

  override get taken (): number {
    // for injected requests, and where a hook's stream asks to wait, only the pauses tell
    return this.#handed - this.response.writableLength + this.#resumed
  }

  protected put (batch: Batch): void {
    const { bytes } = batch
    if (this.hasEnded || bytes.length === 0) return
    if (this.#sliced !== undefined) {
      this.#sliced.push(bytes)
    } else if (bytes.length > SLICE_BYTES) {
      this.#sliced = [bytes]
      this.#slicedBytes = 0
      if (this.#tellsOfSlices) this.#writeSlice(this.#sliced)
      else this.#emitSlices(this.#sliced)
    } else {
      this.#emit(bytes)
    }
    this.written()
  }

  protected finish (): void {
    if (this.#sliced !== undefined) {
      this.#endsLater = () => { this.finish() }
      return
    }
    this.#emitEnd()
    this.count(!this.response.writableFinished)
  }

  protected finishCut (): void {
    if (this.#sliced !== undefined) {
      this.#endsLater = () => { this.finishCut() }
      return
    }
    if (!this.#isWrapped) return this.cutResponse()
    const { response } = this
    // what a hook's stream holds back, such as a compressor, it gives at its end: then it would end the response
    response.end = () => {
      this.#cutSafely()
      return response
    }
    this.#emitEnd()
    this.count(true)
  }

  override release (): void {
    this.#carrier.onResume = ignore
    this.#sliced = undefined
    super.release()
  }

  #emitEnd (): void {
    this.#carrier.emit('end')
    this.#carrier.emit('close')
  }

  /** On the stack of whoever ends the response. */
  #cutSafely (): void {
    try {
      this.cutResponse()
    } catch (error) {
      this.fail(error)
    }
  }

  #emit (bytes: Buffer): void {
    if (this.#tellsOfSlices) this.#handed += bytes.length
    this.#carrier.emit('data', bytes)
  }

  #resume (): void {
    this.#resumed++
    if (this.#sliced === undefined) return this.#free()
    if (this.#tellsOfSlices) return
    this.#emitSlices(this.#sliced)
    if (!this.isBusy) this.#free()
  }

  /** Emits as many slices as whoever is piped takes. */
  #emitSlices (batches: Buffer[]): void {
    for (let slice = this.#nextSlice(batches); slice !== undefined; slice = this.#nextSlice(batches)) {
      this.#emit(slice)
      if (this.#carrier.isPaused) break
    }
    if (batches.length === 0) this.#sliced = undefined
  }

  /** Writes one slice, and the next when that has left. */
  #writeSlice (batches: Buffer[]): void {
    const slice = this.#nextSlice(batches)
    if (slice === undefined) {
      this.#sliced = undefined
      if (!this.#carrier.isPaused) this.#free()
      return
    }
    this.#handed += slice.length
    this.response.write(slice, (error) => {
      if ((error === undefined || error === null) && this.#sliced === batches) this.#writeSlice(batches)
    })
  }

  #nextSlice (batches: Buffer[]): Buffer | undefined {
    const [batch] = batches
    if (batch === undefined) return undefined
    const start = this.#slicedBytes
    const end = Math.min(start + SLICE_BYTES, batch.length)
    this.#slicedBytes = end === batch.length ? 0 : end
    if (end === batch.length) batches.shift()
    return batch.subarray(start, end)
  }

  #free (): void {
    const endsLater = this.#endsLater
    this.#endsLater = undefined
    endsLater?.()
    if (this.hasEnded) return
    this.count(false)
    this.owner?.onFree()
  }
}

function ignore (): void {}
