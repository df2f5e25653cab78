/**
 * What the plugin tells on Node's diagnostics channels: that a stream was opened, was refused, or has ended. A channel
 * without subscribers costs one look. What subscribers do with a message is not known here.
 */
import type { FastifyRequest } from 'fastify'
import { channel } from 'node:diagnostics_channel'
import type { EndSummary } from '../stream/end.ts'
import type { RefusalReason } from './refusal-reasons.ts'

/** The message on `fastify-eventfeed:opened`: a stream was admitted, and its source is about to start. */
export interface OpenedMessage {
  /** The method and the pattern of the route, as `GET /chat`. */
  readonly route: string
  /** Whose stream it is. */
  readonly connectionKey: string
  readonly request: FastifyRequest
  /** What the handler attached by `reply.sse(source, { tag })`. */
  readonly tag: unknown
}

/**
 * The message on `fastify-eventfeed:ended`: a stream that was opened is over. Each is followed by one, whatever
 * happens.
 */
export interface EndedMessage extends OpenedMessage, Omit<EndSummary, 'error'> {}

/** The message on `fastify-eventfeed:refused`: a request gets no stream. */
export interface RefusedMessage {
  /** The method and the pattern of the route, as `GET /chat`. */
  readonly route: string
  /** Whose stream it would be; `undefined` where the request was refused before that was known. */
  readonly connectionKey: string | undefined
  readonly request: FastifyRequest
  readonly reason: RefusalReason
}

const opened = channel('fastify-eventfeed:opened')
const ended = channel('fastify-eventfeed:ended')
const refused = channel('fastify-eventfeed:refused')

/** Tells that a stream was opened. */
export function streamOpened (message: OpenedMessage): void {
  if (opened.hasSubscribers) opened.publish(message)
}

/** Tells that a stream has ended. */
export function streamEnded (stream: OpenedMessage, { reason, detail, durationMs, events, bytes }: EndSummary): void {
  if (ended.hasSubscribers) ended.publish({ ...stream, reason, detail, durationMs, events, bytes } satisfies EndedMessage)
}

/** Tells that a stream was refused. */
export function streamRefused (message: RefusedMessage): void {
  if (refused.hasSubscribers) refused.publish(message)
}
