/** fastify-eventfeed, as its README shows it. */
import eventfeed from 'fastify-eventfeed'
import fastify from 'fastify'
import { heartbeatMs, obey } from './control.ts'
import { fast } from './event.ts'
import { paced } from './paced.ts'

const app = fastify()
await app.register(eventfeed, { heartbeatIntervalMs: heartbeatMs })
const feed = app.feed('bench')

app.get('/feed', (_request, reply) => reply.sse(feed.subscribe()))
app.get('/fast', (request, reply) => reply.sse(fast(request.url)))
app.get('/paced', (_request, reply) => reply.sse(paced()))

await app.listen({ host: '127.0.0.1', port: 0 })
obey(app.server, ({ event, data }) => { feed.publish({ event, data }) })
