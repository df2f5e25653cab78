/**
 * What all writers share: the watch over a response's socket, whose time-outs are for requests and not for a stream.
 */
import type { ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import { Socket } from 'node:net'
import type { Batch } from '../wire/batch.ts'
import type { Writer, WriterOwner } from './writer.ts'

/** What all writers share. */
export abstract class WriterBase implements Writer {
  abstract readonly kind: Writer['kind']
  abstract readonly isBusy: boolean
  protected readonly response: ServerResponse
  protected hasEnded = false
  protected owner: WriterOwner | undefined
  #timeoutMs = 0
  #ownTimeoutMs = 0
  /** Made when the time is counted first: most streams are never busy, and an idle one is to hold little. */
  #onTimeout: (() => void) | undefined

  constructor (response: ServerResponse) {
    this.response = response
  }

  abstract write (batch: Batch): void
  protected abstract finish (): void

  end (): void {
    if (this.hasEnded) return
    this.hasEnded = true
    // before Node's own listener, which takes the socket away and gives it the keep-alive time-out, if there is one
    this.response.prependOnceListener('finish', () => { this.#socket()?.setTimeout(this.#ownTimeoutMs) })
    this.finish()
  }

  destroy (): void {
    this.hasEnded = true
    const { response } = this
    // over HTTP/2 the socket is that of other streams too; a pipelined response has no socket of its own yet, but its request has one
    if (response.req.httpVersionMajor === 2) {
      const { stream } = response as unknown as Http2ServerResponse
      stream.close(constants.NGHTTP2_CANCEL)
      return
    }
    const socket = response.socket ?? response.req.socket
    if (socket instanceof Socket) socket.destroy()
    else response.destroy()
  }

  watch (owner: WriterOwner, timeoutMs: number): void {
    this.owner = owner
    this.#timeoutMs = timeoutMs
    // a pipelined response gets its socket when those before it have ended
    if (this.response.socket === null) this.response.once('socket', () => { this.#exempt() })
    else this.#exempt()
  }

  release (): void {
    this.owner = undefined
    if (this.#onTimeout !== undefined) this.response.off('timeout', this.#onTimeout)
  }

  /** Begins or ends to count the time without progress. `Socket` itself sees the progress within one large write. */
  protected count (isCounting: boolean): void {
    const timeoutMs = isCounting ? this.#timeoutMs : 0
    if (isCounting && this.#onTimeout === undefined) {
      this.#onTimeout = () => { if (this.isBusy || this.hasEnded) this.owner?.onStalled() }
      // Node destroys a socket that times out, unless somebody listens
      this.response.on('timeout', this.#onTimeout)
    }
    if (this.response.req.httpVersionMajor === 2) this.response.setTimeout(timeoutMs)
    else this.#socket()?.setTimeout(timeoutMs)
  }

  /** The server's time-outs are for requests, not for a stream: it is exempt, and Node gives the next request its own again. */
  #exempt (): void {
    this.#ownTimeoutMs = this.#socket()?.timeout ?? 0
    this.count(this.isBusy || this.hasEnded)
  }

  #socket (): Socket | undefined {
    const { socket } = this.response
    // HTTP/2 shares one socket between streams, and an injected request has none
    return socket instanceof Socket && this.response.req.httpVersionMajor === 1 ? socket : undefined
  }
}
