/**
 * The fast writer: the chunk of HTTP/1.1 around a batch is made once, and the same bytes go straight to the socket of
 * each connection. Where that is safe is said by `canWriteToSocket`.
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-7.1 chunked transfer coding
 */
import { OutgoingMessage, type ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { SLICE_BYTES } from '../defaults.ts'
import type { Batch } from '../wire/batch.ts'
import { WriterBase } from './writer-base.ts'

/** Written behind what waits in a socket, to hear when that has left. */
const NOTHING = Buffer.alloc(0)

/**
 * True where the head of a response is written, and a chunk that goes to its socket continues it: HTTP/1.1 with
 * chunks, on a socket that the response has, with nothing held back in the response, and nobody but Node between the
 * two.
 */
export function canWriteToSocket (response: ServerResponse): response is ServerResponse & { socket: Socket } {
  const { socket } = response
  return response.req.httpVersionMajor === 1 && socket instanceof Socket && response.headersSent && response.chunkedEncoding &&
    // what is counted beyond the socket's own bytes waits in the response
    response.writableLength === socket.writableLength && response.writableCorked === 0 &&
    // middleware in Express's manner puts its own function here, and encodes what passes
    response.write === OutgoingMessage.prototype.write && !response.hasHeader('content-encoding')
}

/**
 * Writes past the response, straight to its socket. The end goes through the response, which knows what comes next on
 * the socket.
 */
export class SocketWriter extends WriterBase {
  isBusy = false
  readonly #socket: Socket
  /** Such a socket always takes its time, so that bytes in it say nothing yet. */
  readonly #isEncrypted: boolean
  /**
   * True while the head has not left: it goes with the first bytes, because each write of its own costs as much as a
   * small event.
   */
  #isHeadDue = true
  /** Chunks that are written in slices, and those that came meanwhile. */
  #sliced: Buffer[] | undefined
  /** What ends the response, where that was called meanwhile. */
  #endsLater: (() => void) | undefined

  /**
   * @param response one for which `canWriteToSocket` is true, and whose head `writeHead` has made. The first `write`
   *   sends that too.
   */
  constructor (response: ServerResponse, socket: Socket) {
    super(response)
    this.#socket = socket
    this.#isEncrypted = socket instanceof TLSSocket
  }

  get kind (): 'socket' { return 'socket' }

  protected put (batch: Batch): void {
    // a response that somebody else has ended has given its socket to the next; an empty chunk would end it
    if (this.hasEnded || this.response.writableEnded || batch.length === 0) return
    const socket = this.#socket
    const chunk = batch.memo ?? framed(batch)
    if (this.#sliced !== undefined) {
      this.#sliced.push(chunk)
      return
    }
    if (this.#isEncrypted && chunk.length > SLICE_BYTES) {
      this.#sendHead()
      this.#sliced = [chunk]
      this.#writeSlice(this.#sliced, 0)
      return
    }
    const isTaken = this.#send(chunk)
    if (socket.writableLength === 0 || (isTaken && this.#isEncrypted)) return
    this.#wait()
    // below its high-water mark a socket that is full does not say 'drain' when it is free
    socket.write(NOTHING, (error) => { if (!isFailure(error)) this.#free() })
  }

  protected finish (): void {
    if (this.#sliced !== undefined) {
      this.#endsLater = () => { this.finish() }
      return
    }
    this.response.end()
    this.count(!this.response.writableFinished)
  }

  protected finishCut (): void {
    if (this.#sliced !== undefined) {
      this.#endsLater = () => { this.finishCut() }
      return
    }
    this.#sendHead()
    this.cutResponse()
  }

  /** The first chunk leaves in one write with the head, and in its wake: what waits in a socket keeps its order. */
  #send (chunk: Buffer): boolean {
    if (!this.#isHeadDue) return this.#socket.write(chunk)
    this.#socket.cork()
    try {
      this.#sendHead()
      return this.#socket.write(chunk)
    } finally {
      this.#socket.uncork()
    }
  }

  #sendHead (): void {
    if (!this.#isHeadDue) return
    this.#isHeadDue = false
    this.response.flushHeaders()
  }

  #wait (): void {
    this.isBusy = true
    this.count(true)
  }

  /**
   * An encrypted socket says nothing of its progress within one write, so a large chunk goes in slices, one when the
   * last has left.
   */
  #writeSlice (chunks: Buffer[], start: number): void {
    const [chunk] = chunks
    if (chunk === undefined) {
      this.#sliced = undefined
      this.#free()
      this.#endsLater?.()
      return
    }
    this.#wait()
    const end = Math.min(start + SLICE_BYTES, chunk.length)
    this.#socket.write(chunk.subarray(start, end), (error) => {
      if (isFailure(error)) return
      if (end === chunk.length) chunks.shift()
      try {
        this.#writeSlice(chunks, end === chunk.length ? 0 : end)
      } catch (thrown) {
        this.fail(thrown)
      }
    })
  }

  #free (): void {
    this.isBusy = false
    if (this.hasEnded) return
    this.count(false)
    this.owner?.onFree()
  }
}

/** A socket that was closed says so by its response. */
function isFailure (error: Error | null | undefined): boolean {
  return error !== undefined && error !== null
}

/** The batch as one chunk: `hex CRLF bytes CRLF`, in the room around its bytes. */
function framed (batch: Batch): Buffer {
  const head = `${batch.length.toString(16)}\r\n`
  const chunk = batch.withRoom(head.length, 2)
  chunk.write(head, 'latin1')
  chunk.write('\r\n', chunk.length - 2, 'latin1')
  batch.memo = chunk
  return chunk
}
