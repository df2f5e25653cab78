/**
 * GET /clock/events: a count and the time, once a second. A plain generator makes the stream, and it can be resumed:
 * the count is also the event's id, so after a reconnect the count continues from the last event that the client saw.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { setInterval } from 'node:timers/promises'
import { Type } from 'typebox'
import type { OpenLines } from '../open-lines.ts'
import { StreamId } from './cut.ts'

const Tick = Type.Object({
  count: Type.Integer({ minimum: 1 }),
  time: Type.String({ format: 'date-time', description: 'ISO 8601, UTC' })
}, { $id: 'Tick' })

export const clockRoutes: FastifyPluginAsyncTypebox<{ lines: OpenLines }> = async (app, { lines }) => {
  app.get('/clock/events', {
    schema: {
      operationId: 'followClock',
      summary: 'Follow the clock',
      description: 'A count and the time, once a second. A client that reconnects continues at its count.',
      tags: ['clock'],
      querystring: Type.Object({ stream: Type.Optional(StreamId) }),
      events: { message: Tick }
    }
  }, (request, reply) => {
    return reply.sse(async function * ({ signal, lastEventId }) {
      lines.add(request.query.stream, reply.raw, signal)
      let count = countFrom(lastEventId)
      for await (const step of setInterval(1_000, 1, { signal })) {
        count += step
        yield { id: count, data: { count, time: new Date().toISOString() } }
      }
    })
  })
}

/** A client can send anything as its last event ID. Anything but a count starts again at 1. */
function countFrom (lastEventId: string | undefined): number {
  return /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : 0
}
