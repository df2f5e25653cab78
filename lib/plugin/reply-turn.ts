/**
 * A reply whose response waits for its turn on its socket: what may happen to it until then. How its stream begins,
 * and what becomes of its source, is the affair of whoever holds it.
 */
import type { FastifyReply } from 'fastify'
import { logPassed, routeOf } from './log.ts'
import type { StreamFacts } from './presence.ts'
import { refuseDraining, refuseNotBegun, refuseOverLimit } from './refusals.ts'
import type { Returned } from './returned.ts'
import type { Streams } from './streams.ts'
import type { NoTurn } from './turns.ts'

/** Whoever holds a reply. */
export interface Holder {
  readonly returned: Returned
  /** The turn has come. May throw. */
  begin (): void
  /** There will be no stream. */
  letGo (): void
  /** `begin`, or the answer in place of the stream, has thrown. */
  failed (error: unknown): void
}

/**
 * Holds a reply until its turn comes. If it takes too long, its connection key is kicked, or the server closes, the
 * client learns to come back. If something else answers meanwhile, that is sent in its order.
 */
export function holdReply (reply: FastifyReply, streams: Streams, stream: StreamFacts, holder: Holder): void {
  const { request, send } = reply
  const attempt = (step: () => void): void => {
    reply.send = send
    try {
      step()
    } catch (error) {
      holder.failed(error)
    }
  }
  const pass = (why: NoTurn): void => {
    holder.letGo()
    logPassed(request.log, routeOf(request), why)
    if (why === 'too-many') streams.refusals.add('too-many-pipelined', request, stream.key)
    if (why === 'gone' || why === 'too-many') reply.send = send
    else if (why === 'full') attempt(() => { refuseOverLimit(reply, why, streams, stream.key) })
    else if (why === 'drain') attempt(() => { refuseDraining(reply, streams, stream.key) })
    else attempt(() => { refuseNotBegun(reply, streams, stream.key) })
  }
  let stop = (): void => {}
  // the handler answers, by mistake, or a hook or a time-out was faster
  const intercept = (payload: unknown): FastifyReply => {
    stop()
    reply.send = send
    holder.letGo()
    return reply.send(holder.returned.answerFor(payload))
  }
  // `send` takes any payload here: that of the route's schema is not known
  reply.send = intercept as FastifyReply['send']
  stop = streams.turns.wait({ stream, response: reply.raw, begin: () => { attempt(() => { holder.begin() }) }, pass })
}
