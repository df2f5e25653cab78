/**
 * The sockets of open event streams, by the random id that a page gave its stream, so that the page can have its own line cut.
 * It holds nothing of a stream that has ended.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Socket } from 'node:net'

/** Sockets of open streams by stream id. */
export class OpenLines {
  readonly #sockets = new Map<string, Socket>()

  /** How many streams could be cut now. */
  get size (): number {
    return this.#sockets.size
  }

  /** Remembers the socket of this request under `stream` until its response has closed. A newer stream of the same id takes over. */
  add (stream: string | undefined, request: FastifyRequest, reply: FastifyReply): void {
    if (stream === undefined) return
    const { socket } = request.raw
    this.#sockets.set(stream, socket)
    reply.raw.once('close', () => {
      if (this.#sockets.get(stream) === socket) this.#sockets.delete(stream)
    })
  }

  /** Destroys the socket of that stream, as a failing network would: without a last word. False where no such stream is open. */
  cut (stream: string): boolean {
    const socket = this.#sockets.get(stream)
    if (socket === undefined) return false
    this.#sockets.delete(stream)
    socket.destroy()
    return true
  }
}
