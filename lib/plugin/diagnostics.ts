/**
 * What the plugin tells on Node's diagnostics channels: that a stream has begun, and that it has ended. A channel
 * that nobody has subscribed to costs one look. What subscribers do with it is not known here.
 */
import type { FastifyRequest } from 'fastify'
import { channel } from 'node:diagnostics_channel'
import type { EndSummary } from '../stream/end.ts'

/** The message on `fastify-eventfeed:opened`: a stream was admitted, and its source is about to start. */
export interface OpenedMessage {
  /** The method and the pattern of the route, as `GET /chat`. */
  readonly route: string
  /** Whose stream it is. */
  readonly connectionKey: string
  readonly request: FastifyRequest
}

/**
 * The message on `fastify-eventfeed:ended`: a stream that was opened is over. Each is followed by one, whatever
 * happens.
 */
export interface EndedMessage extends OpenedMessage, Omit<EndSummary, 'error'> {}

const opened = channel('fastify-eventfeed:opened')
const ended = channel('fastify-eventfeed:ended')

/** Tells that a stream was opened. */
export function streamOpened (message: OpenedMessage): void {
  if (opened.hasSubscribers) opened.publish(message)
}

/** Tells that a stream has ended. */
export function streamEnded (stream: OpenedMessage, { reason, detail, durationMs, events, bytes }: EndSummary): void {
  if (ended.hasSubscribers) ended.publish({ ...stream, reason, detail, durationMs, events, bytes } satisfies EndedMessage)
}
