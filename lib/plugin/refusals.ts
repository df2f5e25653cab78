/**
 * What is answered in place of a stream: to a client that accepts none, asks for the headers alone, or has seen the
 * end; where there is no room for it, and where its source or its log fails. It knows nothing of the source.
 */
import type { FastifyReply } from 'fastify'
import type { ServerResponse } from 'node:http'
import { jittered } from '../clock.ts'
import { FAILED_RETRY_MS, REFUSED_RETRY_MS, RETRY_JITTER } from '../defaults.ts'
import {
  Draining, FEED_FREED, LOG_FAILED, NotAcceptable, NotBegun, ROOM_TIMED_OUT, ROOMS_CLOSED, shown, TOO_MANY_FEEDS, TooManyConnections, TooManyConnectionsPerKey
} from '../errors.ts'
import { encodeBody } from '../wire/encode.ts'
import { isDone } from '../wire/protocol.ts'
import type { Admission } from './admission.ts'
import { answerDone } from './last-event-id.ts'
import { logError, routeOf } from './log.ts'
import { acceptsEventStream, asksForControlEvents, readsControlEvents } from './negotiation.ts'
import type { Settings } from './options.ts'
import { TOLD } from './refusal-reasons.ts'
import { setHead, varyByAccept } from './stream-head.ts'
import type { Streams } from './streams.ts'

/** What an `EventSource` is told where a log cannot be read. */
const UNREADABLE = 'this stream cannot be read now: come back later'

/**
 * What streams failed with before their heads were out, by response: where an error handler answers by another
 * stream, nobody else logs it.
 */
const failures = new WeakMap<ServerResponse, Error>()

/** Answers a request that gets no stream, whoever is connected. False for one that is to get one. */
export function answerInstead (reply: FastifyReply, lastEventId: string | undefined, streams: Streams): boolean {
  const { request } = reply
  varyByAccept(reply)
  // other methods do something: the clients of AI services POST, accept JSON alone, and read an event stream
  if ((request.method === 'GET' || request.method === 'HEAD') && !acceptsEventStream(request)) {
    streams.refusals.add('not-acceptable', request, undefined)
    reply.send(new NotAcceptable(shown(request.headers.accept)))
  } else if (request.method === 'HEAD') {
    // asks for the headers alone
    setHead(reply).send()
  } else if (lastEventId !== undefined && isDone(lastEventId)) {
    answerDone(reply)
  } else if (streams.isDraining) {
    refuseDraining(reply, streams, undefined)
  } else {
    return false
  }
  return true
}

/** Refuses a stream for which there is no room. */
export function refuseOverLimit (reply: FastifyReply, admission: Exclude<Admission, 'admitted'>, streams: Streams, key: string): void {
  const reason = admission === 'full' ? 'max-connections' : 'max-connections-per-key'
  streams.refusals.add(reason, reply.request, key)
  if (refusesByRetry(reply, streams.settings)) comeBack(reply, REFUSED_RETRY_MS, TOLD[reason])
  else sendForNow(reply, admission === 'full' ? new TooManyConnections() : new TooManyConnectionsPerKey(), REFUSED_RETRY_MS)
}

/** Refuses a stream because the application closes. */
export function refuseDraining (reply: FastifyReply, streams: Streams, key: string | undefined): void {
  refuseNow(reply, streams, { reason: 'drain', error: new Draining(), retryMs: streams.settings.drainTimeoutMs, key })
}

/** Refuses a pipelined stream that was kicked, or whose turn did not come in time. */
export function refuseNotBegun (reply: FastifyReply, streams: Streams, key: string): void {
  refuseNow(reply, streams, { reason: 'not-begun', error: new NotBegun(), retryMs: REFUSED_RETRY_MS, key })
}

/**
 * Refuses a stream for now: an `EventSource` comes back, and all others, who would take an empty stream for an
 * answer, get the error.
 */
function refuseNow (
  reply: FastifyReply, streams: Streams,
  { reason, error, retryMs, key }: { reason: 'drain' | 'not-begun', error: Error, retryMs: number, key: string | undefined }
): void {
  streams.refusals.add(reason, reply.request, key)
  if (readsControlEvents(reply.request)) comeBack(reply, retryMs, TOLD[reason])
  else sendForNow(reply, error, retryMs)
}

/** The codes of failures that are over soon. */
const FOR_NOW: ReadonlySet<unknown> = new Set([LOG_FAILED, FEED_FREED, TOO_MANY_FEEDS, ROOM_TIMED_OUT, ROOMS_CLOSED])

/**
 * Refuses a stream whose log fails, or whose room cannot be opened. An ordinary error would stop browsers for good,
 * though it may soon be otherwise.
 */
function refuseFailing (reply: FastifyReply, error: Error, settings: Settings): void {
  if (refusesByRetry(reply, settings)) {
    // no error response is sent that Fastify would log
    const what = 'code' in error && error.code === LOG_FAILED ? 'the log' : 'the room'
    logError(reply.log, error, `${what} of an event stream of ${routeOf(reply.request)} failed before the first event`)
    comeBack(reply, FAILED_RETRY_MS, UNREADABLE)
  } else {
    sendForNow(reply, error, FAILED_RETRY_MS)
  }
}

function refusesByRetry ({ request }: FastifyReply, { refuse }: Settings): boolean {
  return refuse === undefined ? readsControlEvents(request) : refuse === 'retry'
}

function sendForNow (reply: FastifyReply, error: Error, retryMs: number): void {
  reply.header('retry-after', Math.ceil(jittered(retryMs, RETRY_JITTER) / 1000))
  reply.send(error)
}

/**
 * A stream that says why in a comment, and when to come back, and ends: after a status, a browser's `EventSource` gives
 * up for good. Only people see the comment, in the network view of their browser.
 */
function comeBack (reply: FastifyReply, retryMs: number, why: string): void {
  const fields = { comment: why, event: undefined, data: undefined, retry: jittered(retryMs, RETRY_JITTER) }
  setHead(reply, asksForControlEvents(reply.request)).send(`${encodeBody(fields)}\n`)
}

/** Answers with an error, as on any route. If not even that can be sent, the connection is cut. */
export function sendError (reply: FastifyReply, error: Error, { settings }: Streams): void {
  failures.set(reply.raw, error)
  try {
    // by its code: another copy of this package may have made it
    if ('code' in error && FOR_NOW.has(error.code)) refuseFailing(reply, error, settings)
    else reply.send(error)
  } catch (failure) {
    logError(reply.log, failure, `the error response of ${routeOf(reply.request)} could not be sent, so the connection is cut`)
    reply.raw.destroy()
  }
}

/** Logs what an earlier stream of the same reply failed with. */
export function logFailureBefore ({ raw, log, request }: FastifyReply): void {
  const error = failures.get(raw)
  if (error === undefined) return
  failures.delete(raw)
  logError(log, error, `an event stream of ${routeOf(request)} failed before its first event, and an error handler answered by another one`)
}
