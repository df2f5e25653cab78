/** A bare hijacked Fastify reply that only has its head: the least memory that an open stream can cost within Fastify. */
import fastify from 'fastify'
import { obey } from './control.ts'

const app = fastify()

app.get('/feed', (_request, reply) => {
  reply.hijack()
  reply.raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  reply.raw.flushHeaders()
})

await app.listen({ host: '127.0.0.1', port: 0 })
obey(app.server, () => { throw new Error('it publishes nothing') })
