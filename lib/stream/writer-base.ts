/**
 * What all writers share: the watch over a response's socket, whose time-outs are for requests and not for a stream.
 */
import type { ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Deadline } from '../deadlines.ts'
import { LAST_WORD_MS } from '../defaults.ts'
import { asError } from '../errors.ts'
import type { Batch } from '../wire/batch.ts'
import { cutBehind, cutNow, http2StreamOf } from './cut.ts'
import { StallWatch, type StallTools, type Watched } from './stall-watch.ts'
import type { Writer, WriterOwner } from './writer.ts'

/** What all writers share. */
export abstract class WriterBase implements Writer, Watched {
  abstract readonly kind: Writer['kind']
  abstract readonly isBusy: boolean
  protected readonly response: ServerResponse
  protected hasEnded = false
  protected owner: WriterOwner | undefined
  #timeoutMs = 0
  #ownTimeoutMs = 0
  #tools: StallTools | undefined
  /** True where the line is cut a little after its last bytes. */
  #hasLastWord = false
  #cutDeadline: Deadline | undefined
  /**
   * Made when the time is counted first: most streams are never busy, and an idle one should hold little. So is the
   * next.
   */
  #onTimeout: (() => void) | undefined
  /** Where the client has no socket of its own. */
  #stallWatch: StallWatch | undefined

  constructor (response: ServerResponse) {
    this.response = response
  }

  /** Hands a batch over. May throw what Node, or another plugin in its place, throws. */
  protected abstract put (batch: Batch): void
  protected abstract finish (): void
  /** Lets what was written leave, then calls `cutResponse`. */
  protected abstract finishCut (): void

  write (batch: Batch): void {
    try {
      this.put(batch)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Of writers to clients without a socket of their own. */
  get taken (): number { return 0 }

  get isWaiting (): boolean {
    return this.isBusy || this.hasEnded || this.response.writableLength > 0
  }

  get isGone (): boolean {
    const { response } = this
    if (response.req.httpVersionMajor === 1) return response.destroyed || this.#socket()?.destroyed === true
    const { closed, destroyed } = http2StreamOf(response)
    return closed || destroyed
  }

  end (): void {
    if (this.hasEnded) return
    this.hasEnded = true
    try {
      this.#finishFreed()
    } catch (error) {
      this.fail(error)
    }
  }

  cut (hasLastWord: boolean): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.#hasLastWord = hasLastWord
    try {
      this.finishCut()
    } catch (error) {
      this.fail(error)
    }
  }

  destroy (): void {
    this.hasEnded = true
    try {
      cutNow(this.response)
    } catch (error) {
      this.fail(error)
    }
  }

  /** Whoever's stack this is, only this client is cut off: it cannot be reached any more. */
  protected fail (error: unknown): void {
    this.hasEnded = true
    const { owner } = this
    this.owner = undefined
    owner?.onGone(asError(error, 'writing to the client failed'))
    // the owner has cut the line, as far as that can be done: what is left of it is Node's own
    const { req: request } = this.response
    if (request.httpVersionMajor === 1 && request.socket instanceof Socket) request.socket.destroy()
  }

  #finishFreed (): void {
    // before Node's own listener, which takes the socket away and gives it the keep-alive time-out, if there is one
    this.response.prependOnceListener('finish', () => { this.#socket()?.setTimeout(this.#ownTimeoutMs) })
    this.finish()
  }

  /** Cuts the line when all that the response was given has left. */
  protected cutResponse (): void {
    this.count(true)
    const { deadlines } = this.#tools ?? {}
    if (deadlines === undefined) return
    const isInjected = this.response.req.httpVersionMajor === 1 && this.#socket() === undefined
    if (!this.#hasLastWord || isInjected) return cutBehind(this.response, deadlines)
    // a browser's fetch drops what it has not read when the line is cut
    this.#cutDeadline = deadlines.set(LAST_WORD_MS, () => {
      try { cutBehind(this.response, deadlines) } catch (error) { this.fail(error) }
    })
  }

  /**
   * The server's time-outs are for requests, not for a stream: it is exempt, and Node gives the next request its own
   * again.
   */
  watch (owner: WriterOwner, timeoutMs: number, tools: StallTools): void {
    this.owner = owner
    this.#timeoutMs = timeoutMs
    this.#tools = tools
    this.#ownTimeoutMs = this.#socket()?.timeout ?? 0
    this.count(this.isBusy || this.hasEnded)
  }

  release (): void {
    this.owner = undefined
    this.#cutDeadline?.cancel()
    this.#stallWatch?.stop()
    if (this.#onTimeout !== undefined) this.response.off('timeout', this.#onTimeout)
  }

  /**
   * Begins or ends to count the time without progress. `Socket` itself sees the progress within one large write.
   * Where the client has no socket of its own, the end of the count shows by itself.
   */
  protected count (isCounting: boolean): void {
    const socket = this.#socket()
    if (socket === undefined) {
      if (isCounting) this.#watchStall()
      return
    }
    if (isCounting && this.#onTimeout === undefined) {
      this.#onTimeout = () => { if (this.isBusy || this.hasEnded) this.owner?.onStalled() }
      // Node destroys a socket that times out, unless somebody listens
      this.response.on('timeout', this.#onTimeout)
    }
    socket.setTimeout(isCounting ? this.#timeoutMs : 0)
  }

  /**
   * Something was written. A client without a socket of its own is watched from now on: Node may never say that it is
   * full.
   */
  protected written (): void {
    if (this.isBusy || this.#socket() === undefined) this.count(true)
  }

  #watchStall (): void {
    if (this.owner === undefined || this.#tools === undefined) return
    this.#stallWatch ??= new StallWatch(this, this.owner, this.#timeoutMs, this.#tools)
    this.#stallWatch.begin()
  }

  #socket (): Socket | undefined {
    const { socket } = this.response
    // HTTP/2 shares one socket between streams, and an injected request has none
    return this.response.req.httpVersionMajor === 1 && socket instanceof Socket ? socket : undefined
  }
}
