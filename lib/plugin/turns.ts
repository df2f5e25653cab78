/**
 * Pipelined requests: HTTP/1.1 answers in order, so the response to one has no socket until those before it have
 * ended. A stream begins when its turn has come; until then it takes no slot, and what waits is bounded. It does not
 * know what a stream is.
 */
import { AsyncResource } from 'node:async_hooks'
import type { ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { TURN_TIMEOUT_MS, TURNS_PER_SOCKET } from '../defaults.ts'
import type { Deadline, Deadlines } from '../deadlines.ts'
import type { StreamFacts } from './presence.ts'

/** Why a turn does not come. */
export type NoTurn =
  /** The socket is closed: nothing can be answered. */
  | 'gone'
  /**
   * Too many wait on the socket, so it was destroyed: no answer could reach its client before the responses ahead
   * have ended.
   */
  | 'too-many'
  /** Too many wait on all sockets together. */
  | 'full'
  /** It took longer than `TURN_TIMEOUT_MS`. */
  | 'late'
  /** The server closes. */
  | 'drain'
  /** The connection key was kicked. */
  | 'kick'

/** Who waits. Either `begin` or `pass` is called, once, unless the wait is ended before. Neither may throw. */
export interface Turn {
  /** The stream that is to begin. */
  readonly stream: StreamFacts
  readonly response: ServerResponse
  /** The response has its socket. */
  begin (): void
  /** The turn is over before it has come. */
  pass (why: NoTurn): void
}

/** What waits on one socket. */
interface Queue {
  readonly socket: Duplex
  readonly waiting: Map<Turn, Deadline>
  /**
   * Turns that have not come, also those for which nobody waits any more: each holds a request and a response of
   * Node's.
   */
  due: number
  readonly onClose: () => void
}

/** All that wait. */
export class Turns {
  readonly #deadlines: Deadlines
  /** How many may wait in all. */
  readonly #most: number
  readonly #queues = new Map<Duplex, Queue>()
  readonly #waiting = new Set<ServerResponse>()

  constructor (deadlines: Deadlines, most: number) {
    this.#deadlines = deadlines
    this.#most = most
  }

  /** True for a response that has to wait. */
  static isDue ({ req: request, socket }: ServerResponse): boolean {
    return request.httpVersionMajor === 1 && socket === null
  }

  /** True while a response waits. */
  has (response: ServerResponse): boolean { return this.#waiting.has(response) }

  /**
   * Waits for the turn of a response. Returns the function that ends the wait without a word; a second call does
   * nothing.
   */
  wait (turn: Turn): () => void {
    const { response } = turn
    const { socket } = response.req
    if (socket.destroyed) {
      turn.pass('gone')
      return () => {}
    }
    const queue = this.#queueOf(socket)
    // the turn comes on the stack and in the context of the response ahead, when Node has yet to put socket and response together
    const begin = AsyncResource.bind(() => { if (this.#leave(queue, turn)) turn.begin() }, 'fastify-eventfeed:turn')
    queue.due++
    response.once('socket', () => {
      queue.due--
      if (queue.waiting.has(turn)) process.nextTick(begin)
      else this.#forgetIfEmpty(queue)
    })
    queue.waiting.set(turn, this.#deadlines.set(TURN_TIMEOUT_MS, () => { this.#pass(queue, turn, 'late') }))
    this.#waiting.add(response)
    if (queue.due > TURNS_PER_SOCKET) {
      this.#pass(queue, turn, 'too-many')
      // its 'close' ends the wait of the others
      socket.destroy()
    } else if (this.#waiting.size > this.#most) {
      this.#pass(queue, turn, 'full')
    }
    return () => { this.#leave(queue, turn) }
  }

  /** All who wait now. */
  get waiting (): Turn[] { return Array.from(this.#queues.values(), ({ waiting }) => [...waiting.keys()]).flat() }

  /** Ends the wait of these. */
  passEach (why: NoTurn, turns: Iterable<Turn>): void {
    for (const turn of turns) {
      const queue = this.#queues.get(turn.response.req.socket)
      if (queue !== undefined) this.#pass(queue, turn, why)
    }
  }

  #queueOf (socket: Duplex): Queue {
    const found = this.#queues.get(socket)
    if (found !== undefined) return found
    const onClose = (): void => {
      queue.due = 0
      for (const turn of [...queue.waiting.keys()]) this.#pass(queue, turn, 'gone')
      this.#forgetIfEmpty(queue)
    }
    const queue: Queue = { socket, waiting: new Map(), due: 0, onClose }
    this.#queues.set(socket, queue)
    socket.once('close', onClose)
    return queue
  }

  #pass (queue: Queue, turn: Turn, why: NoTurn): void {
    if (this.#leave(queue, turn)) turn.pass(why)
  }

  /** False where it did not wait any more. */
  #leave (queue: Queue, turn: Turn): boolean {
    const deadline = queue.waiting.get(turn)
    if (deadline === undefined) return false
    deadline.cancel()
    queue.waiting.delete(turn)
    this.#waiting.delete(turn.response)
    this.#forgetIfEmpty(queue)
    return true
  }

  #forgetIfEmpty ({ socket, waiting, due, onClose }: Queue): void {
    if (due > 0 || waiting.size > 0) return
    this.#queues.delete(socket)
    socket.off('close', onClose)
  }
}
