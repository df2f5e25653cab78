/** better-sse within Fastify: sessions of its own on hijacked replies, and a channel for the fan-out. */
import { createChannel, createSession, type Session } from 'better-sse'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { heartbeatMs, obey } from './control.ts'
import { fast, type BenchData, type BenchEvent } from './event.ts'
import { paced } from './paced.ts'

const app = fastify()
const channel = createChannel()

app.get('/feed', async (request, reply) => { channel.register(await open(request, reply)) })
app.get('/fast', async (request, reply) => {
  await pushAll(await open(request, reply), fast(request.url))
  reply.raw.end()
})
app.get('/paced', async (request, reply) => { await pushAll(await open(request, reply), paced()) })

await app.listen({ host: '127.0.0.1', port: 0 })
obey(app.server, ({ id, event, data }) => { channel.broadcast(data, event, { eventId: id }) })

function open (request: FastifyRequest, reply: FastifyReply): Promise<Session> {
  reply.hijack()
  return createSession(request.raw, reply.raw, heartbeatMs === undefined ? {} : { keepAlive: heartbeatMs })
}

/** What `session.iterate` does, but with the events' own ids in place of random ones, which are longer. */
async function pushAll (session: Session, events: AsyncIterable<BenchEvent<BenchData | string>>): Promise<void> {
  for await (const { id, event, data } of events) session.push(data, event, id)
}
