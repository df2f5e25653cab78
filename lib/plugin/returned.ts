/**
 * Whether a handler has returned what `reply.sse` gave it. Fastify awaits a reply that a handler returns, and so calls
 * its `then`. A head that leaves earlier would hide the mistakes of a handler: Fastify looks at no answer after it.
 */
import type { FastifyReply } from 'fastify'
import { AnsweredBeside, describe, NotReturned } from '../errors.ts'
import { routeOf } from './log.ts'

/** The return of one reply. */
export class Returned {
  readonly #reply: FastifyReply
  #isReturned = false
  #due: (() => void) | undefined
  #turn: NodeJS.Immediate | undefined

  constructor (reply: FastifyReply) {
    this.#reply = reply
    const { then } = reply
    reply.then = (...handlers) => {
      // deleting the property would make a slow object of the reply
      reply.then = then
      this.#isReturned = true
      this.#run()
      Reflect.apply(then, reply, handlers)
    }
  }

  /**
   * Calls `run` once: when the handler has returned the reply, now if it has, or after this turn of the event loop. A
   * handler that is not async need not return it, and an async one that goes on is not waited for.
   */
  whenReturned (run: () => void): void {
    if (this.#isReturned) return run()
    this.#due = run
    this.#turn = setImmediate(() => { this.#run() })
  }

  /**
   * What is answered where something is sent before the head: that itself if it is an error, or if the handler has
   * returned the stream and so a hook or a time-out has sent it. Everything else is a mistake of the handler.
   */
  answerFor (payload: unknown): unknown {
    if (payload === undefined) return new NotReturned(routeOf(this.#reply.request))
    if (this.#isReturned || isError(payload)) return payload
    return new AnsweredBeside(routeOf(this.#reply.request), describe(payload))
  }

  #run (): void {
    const due = this.#due
    this.#due = undefined
    clearImmediate(this.#turn)
    due?.()
  }
}

/** As Fastify looks at it. What throws when it is looked at is no error. */
function isError (payload: unknown): boolean {
  try {
    return payload instanceof Error || Object.prototype.toString.call(payload) === '[object Error]'
  } catch {
    return false
  }
}
