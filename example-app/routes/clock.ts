/**
 * GET /clock/events: a count and the time, each second. A stream made by a plain generator, and one that can be resumed: the
 * count is also the event's id, so that a reconnect goes on counting from the last event that the client saw.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { setInterval } from 'node:timers/promises'
import { Type } from 'typebox'
import type { OpenLines } from '../open-lines.ts'
import { StreamId } from './cut.ts'

const Tick = Type.Object({
  count: Type.Integer({ minimum: 1 }),
  time: Type.String({ format: 'date-time', description: 'ISO 8601, UTC' })
})

export const clockRoutes: FastifyPluginAsyncTypebox<{ lines: OpenLines }> = async (app, { lines }) => {
  app.get('/clock/events', {
    schema: { querystring: Type.Object({ stream: Type.Optional(StreamId) }), events: { message: Tick } }
  }, (request, reply) => {
    lines.add(request.query.stream, request, reply)
    return reply.sse(async function * ({ signal, lastEventId }) {
      let count = countFrom(lastEventId)
      for await (const step of setInterval(1_000, 1, { signal })) {
        count += step
        yield { id: count, data: { count, time: new Date().toISOString() } }
      }
    })
  })
}

/** A client can send anything as its last event ID; what is no count of ours begins anew. */
function countFrom (lastEventId: string | undefined): number {
  return /^\d{1,15}$/.test(lastEventId ?? '') ? Number(lastEventId) : 0
}
