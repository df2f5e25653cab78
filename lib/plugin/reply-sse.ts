/**
 * `reply.sse`: binds one connection to one request. It negotiates, waits for its turn, admits and starts. What happens
 * afterwards goes through the reply's host.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AlreadyStreaming, asError, ReplySent } from '../errors.ts'
import { Connection } from '../stream/connection.ts'
import { holdSource } from '../stream/source.ts'
import type { EventCodec } from '../wire/codec.ts'
import type { ControlForm } from '../wire/control-form.ts'
import { controlFormOf } from './control-option.ts'
import { hasLeft } from './http2-streams.ts'
import { lastEventIdOf } from './last-event-id.ts'
import { logError, routeOf } from './log.ts'
import type { EventStreamOptions } from './options.ts'
import type { StreamFacts } from './presence.ts'
import { answerInstead, logFailureBefore, refuseOverLimit, sendError } from './refusals.ts'
import { ReplyHost } from './reply-host.ts'
import { holdReply } from './reply-turn.ts'
import { Returned } from './returned.ts'
import { letGo } from './stopping-sources.ts'
import type { ReadOptions, Streams } from './streams.ts'
import { Turns } from './turns.ts'

/** A stream that a client is to get. */
interface Asked {
  readonly reply: FastifyReply
  readonly streams: Streams
  readonly source: unknown
  readonly options: ReadOptions
  readonly lastEventId: string | undefined
  readonly codec: EventCodec | undefined
  readonly control: ControlForm
  readonly facts: StreamFacts
  readonly returned: Returned
}

/**
 * Streams a source as the answer of a reply. Errors of the request and of the source are sent; only misuse throws. A
 * source that is not started, for whatever reason, is closed.
 */
export function sendEventStream (reply: FastifyReply, streams: Streams, source: unknown, options: EventStreamOptions<FastifyRequest> | undefined): FastifyReply {
  let asked: Asked | undefined
  try {
    asked = negotiate(reply, streams, source, options)
  } finally {
    if (asked === undefined) letGo(source, reply.request, streams)
  }
  if (asked !== undefined && Turns.isDue(reply.raw)) waitForTurn(asked)
  else if (asked !== undefined) begin(asked)
  return reply
}

/** `undefined` if something else was answered. */
function negotiate (reply: FastifyReply, streams: Streams, source: unknown, options: EventStreamOptions<FastifyRequest> | undefined): Asked | undefined {
  const { request } = reply
  if (streams.isStreaming(reply.raw)) throw new AlreadyStreaming(routeOf(request))
  logFailureBefore(reply)
  if (reply.sent || reply.raw.headersSent) {
    const error = new ReplySent(routeOf(request))
    // of what a handler that is not async throws now, Fastify says only that the reply was sent
    logError(request.log, error, 'an event stream cannot be sent')
    throw error
  }
  const read = streams.optionsOf(options)
  const lastEventId = lastEventIdOf(request)
  if (answerInstead(reply, lastEventId, streams)) return undefined
  try {
    const codec = streams.codecs.of(reply)
    const control = controlFormOf(read.control, request)
    const { connectionKey, clock } = streams.settings
    const facts = { key: connectionKey(request), route: routeOf(request), tag: read.tag, requestId: request.id, openedAt: clock.now() }
    return { reply, streams, source, options: read, lastEventId, codec, control, facts, returned: new Returned(reply) }
  } catch (error) {
    // of a client that has left while the handler waited, not even the address is known: that is no mistake
    if (!hasLeft(reply.raw)) reply.send(error)
    return undefined
  }
}

/** Starts the source when the responses ahead on its socket have ended. */
function waitForTurn (asked: Asked): void {
  const { reply, streams, source, facts, returned } = asked
  const { request } = reply
  holdSource(source)
  holdReply(reply, streams, facts, {
    returned,
    begin: () => { begin(asked) },
    letGo: () => { letGo(source, request, streams) },
    failed: (error) => { sendError(reply, asError(error, 'an event stream could not begin'), streams) }
  })
}

/** Starts the source, if there is room for it. */
function begin (asked: Asked): void {
  const { source, codec, reply: { request }, streams } = asked
  let connection: Connection | undefined
  try {
    connection = admit(asked)
  } finally {
    if (connection === undefined) letGo(source, request, streams)
  }
  connection?.start(source, codec)
}

/** Binds a connection to the reply; `undefined` if there is no room, or nobody is there any more. */
function admit ({ reply, streams, options, lastEventId, control, facts, returned }: Asked): Connection | undefined {
  const admission = streams.admissions.admit(facts.key)
  if (admission !== 'admitted') {
    refuseOverLimit(reply, admission, streams, facts.key)
    return undefined
  }

  const host = new ReplyHost(reply, streams, options.recheck, returned)
  const connection = new Connection(host, options.stream, streams.toolsFor(options.heartbeatIntervalMs), lastEventId, control)
  host.start(connection, facts)
  if (!hasLeft(reply.raw)) return connection
  // while the handler waited the client has left: its source does not begin
  connection.end('client')
  return undefined
}
