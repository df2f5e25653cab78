/**
 * A bare hijacked Fastify reply: the least that an open stream can cost within Fastify. Where memory is measured, it sends
 * only its head; where connecting is measured, its head and one event, in one write.
 */
import fastify, { type FastifyReply } from 'fastify'
import { obey } from './control.ts'
import { FIRST_EVENT, QUERY_SCHEMA } from './event.ts'

/** As fastify-eventfeed has them. */
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no'
}

const app = fastify()

app.get('/feed', (_request, reply) => {
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  reply.raw.flushHeaders()
})

app.get('/connect', sendFirst)
app.get('/connect-query', { schema: QUERY_SCHEMA }, sendFirst)

await app.listen({ host: '127.0.0.1', port: 0 })
obey(app.server, () => { throw new Error('it publishes nothing') })

function sendFirst (_request: unknown, reply: FastifyReply): void {
  reply.hijack()
  reply.raw.writeHead(200, HEADERS)
  reply.raw.write(FIRST_EVENT)
}
