/**
 * What the plugin writes into the log. Fastify itself logs nothing when a client leaves a stream, so each end is
 * logged here, once.
 */
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { PARKED_AFTER_MS, TURN_TIMEOUT_MS } from '../defaults.ts'
import { asError } from '../errors.ts'
import type { EndReason, EndSummary } from '../stream/end.ts'
import type { RefusalReason } from './refusal-reasons.ts'
import type { NoTurn } from './turns.ts'

/** Ends that are nothing to look at. */
const ORDINARY: ReadonlySet<EndReason> = new Set(['client', 'done', 'drain', 'max-age', 'expired', 'idle', 'superseded'])

/** The route of a request, for errors and the log: its method and its pattern, which holds no secrets. */
export function routeOf (request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? 'an unknown route'}`
}

/**
 * Tells the end of a stream: its reason, its duration, what was sent; a failure of the source or of `recheck` with
 * its stack.
 */
export function logEnd (log: FastifyBaseLogger, route: string, { error, ...summary }: EndSummary, wasCommitted: boolean): void {
  if (summary.reason === 'failed' && !wasCommitted) {
    // Fastify logs the error itself, as it does for every error response
    quietly(() => { log.debug({ stream: summary }, `the source of an event stream of ${route} failed before its first event`) })
  } else if (summary.reason === 'failed' && error !== undefined) {
    logError(log, error, `the source of an event stream of ${route} failed`, undefined, summary)
  } else if (error !== undefined) {
    logError(log, error, `whether an event stream of ${route} may go on could not be asked, so it ended: recheck failed`, undefined, summary)
  } else if (ORDINARY.has(summary.reason)) {
    quietly(() => { log.debug({ stream: summary }, `an event stream of ${route} ended: ${summary.reason}`) })
  } else {
    quietly(() => { log.info({ stream: summary }, `an event stream of ${route} ended: ${summary.reason}`) })
  }
}

/** Tells of a source that still runs though its client has left. */
export function logParked (log: FastifyBaseLogger, route: string, reqId: string): void {
  quietly(() => {
    log.warn({ reqId, route }, `the source of an event stream of ${route} still runs ${PARKED_AFTER_MS} ms after the stream has ended: it waits for something that ignores the signal. ` +
      'Give the signal to what it waits for, or wait by until(promise); both are among the arguments of a function source: reply.sse(async function * ({ signal, until }) { … })')
  })
}

/** Logs a failure, with its stack. A value that throws when it is read is reported as such. */
export function logError (log: FastifyBaseLogger, thrown: unknown, message: string, reqId?: string, stream?: object): void {
  const err = asError(thrown, 'it failed')
  quietly(() => { log.error({ err, ...reqId === undefined ? {} : { reqId }, ...stream === undefined ? {} : { stream } }, message) })
}

/** A logger may throw: that is not to hurt a stream, nor whoever's stack this is. There is nobody left to tell. */
function quietly (write: () => void): void {
  try {
    write()
  } catch {}
}

/** Limits that an operator has set, and may have to raise. */
const LIMITS: ReadonlySet<RefusalReason> = new Set(['max-connections', 'max-connections-per-key'])

/** What the log says of a refused stream. */
export interface LoggedRefusal {
  readonly reason: RefusalReason
  readonly route: string
  readonly connectionKey: string | undefined
  /** How many were refused since the last line that operators see; `undefined` for a line that they do not. */
  readonly since?: number
}

/** Tells of a refused stream: at `debug` without `since`, else at `warn` for a limit and `info` for all else. */
export function logRefused (log: FastifyBaseLogger, refused: LoggedRefusal): void {
  quietly(() => {
    const message = `an event stream of ${refused.route} was refused: ${refused.reason}`
    if (refused.since === undefined) log.debug({ refused }, message)
    else log[LIMITS.has(refused.reason) ? 'warn' : 'info']({ refused }, `${message}${refused.since === 0 ? '' : `, as ${refused.since} others were since the last such line`}`)
  })
}

/** Tells of an event type that an `EventSource` takes for news of its connection. */
export function logMisheard (log: FastifyBaseLogger, whose: string, type: string): void {
  quietly(() => {
    log.warn(`${whose} has events of the type ${type}: for each of them an EventSource also calls its on${type}, as if its connection had ${type === 'error' ? 'failed' : 'opened'}. ` +
      'Give the type another name, or let pages tell the two apart: an event of yours has data, one of the connection has none')
  })
}

/** Tells of a pipelined stream that does not begin. */
export function logPassed (log: FastifyBaseLogger, route: string, why: NoTurn): void {
  quietly(() => {
    if (why === 'too-many') log.info(`too many pipelined requests wait on a socket, so it is closed: ${route} was one too many`)
    else if (why === 'late') log.info(`a pipelined request of ${route} gets no stream: for ${TURN_TIMEOUT_MS} ms it has waited for the responses ahead of it`)
    else log.debug(`a pipelined request of ${route} gets no stream: ${why}`)
  })
}
