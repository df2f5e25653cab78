/** What the plugin writes into the log. Fastify itself says nothing when a client leaves a stream, so each end is told here, once. */
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { PARKED_AFTER_MS, TURN_TIMEOUT_MS } from '../defaults.ts'
import type { EndReason, EndSummary } from '../stream/end.ts'
import type { NoTurn } from './turns.ts'

/** Ends that are nothing to look at. */
const ORDINARY: ReadonlySet<EndReason> = new Set(['client', 'done', 'drain', 'max-age', 'expired', 'idle', 'superseded'])

/** The route of a request, for errors and the log: its method and its pattern, which holds no secrets. */
export function routeOf (request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'an unknown route'}`
}

/** Tells the end of a stream: its reason, its duration, what was sent; a failure of the source or of `recheck` with its stack. */
export function logEnd (log: FastifyBaseLogger, route: string, { error, ...summary }: EndSummary, wasCommitted: boolean): void {
  if (summary.reason === 'failed') {
    // before the head was sent Fastify logs the error itself, as it does for every error response
    if (wasCommitted) log.error({ err: error, stream: summary }, `the source of an event stream of ${route} failed`)
    else log.debug({ stream: summary }, `the source of an event stream of ${route} failed before its first event`)
  } else if (error !== undefined) {
    log.error({ err: error, stream: summary }, `whether an event stream of ${route} may go on could not be asked, so it ended: recheck failed`)
  } else if (ORDINARY.has(summary.reason)) {
    log.debug({ stream: summary }, `an event stream of ${route} ended: ${summary.reason}`)
  } else {
    log.info({ stream: summary }, `an event stream of ${route} ended: ${summary.reason}`)
  }
}

/** Tells of a source that still runs though its client has left. */
export function logParked (log: FastifyBaseLogger, route: string, reqId: string): void {
  log.warn({ reqId, route }, `the source of an event stream of ${route} still runs ${PARKED_AFTER_MS} ms after the stream has ended: it waits for something that ignores the signal. ` +
    'Give the signal to what it waits for, or wait by until(promise); both are among the arguments of a function source: reply.sse(async function * ({ signal, until }) { … })')
}

/** Tells of a pipelined stream that does not begin. */
export function logPassed (log: FastifyBaseLogger, route: string, why: NoTurn): void {
  if (why === 'too-many') log.info(`too many pipelined requests wait on a socket, so it is closed: ${route} was one too many`)
  else if (why === 'late') log.info(`a pipelined request of ${route} gets no stream: for ${TURN_TIMEOUT_MS} ms it has waited for the responses ahead of it`)
  else log.debug(`a pipelined request of ${route} gets no stream: ${why}`)
}
