/** fastify-eventfeed, as its README shows it. */
import eventfeed from 'fastify-eventfeed'
import fastify from 'fastify'
import { setImmediate } from 'node:timers/promises'
import { heartbeatMs, obey } from './control.ts'
import { fast, nextEvent, QUERY_SCHEMA } from './event.ts'
import { paced } from './paced.ts'

const app = fastify()
await app.register(eventfeed, { heartbeatIntervalMs: heartbeatMs })
const feed = app.feed('bench')

app.get('/feed', (_request, reply) => reply.sse(feed.subscribe()))
app.get('/connect', (_request, reply) => reply.sse(feed.subscribe()))
app.get('/connect-query', { schema: QUERY_SCHEMA }, (_request, reply) => reply.sse(feed.subscribe()))
app.get('/fast', (request, reply) => reply.sse(fast(request.url)))
app.get('/paced', (_request, reply) => reply.sse(paced()))

await app.listen({ host: '127.0.0.1', port: 0 })
obey(app.server, ({ event, data }) => { feed.publish({ event, data }) }, { each: publishEach })

/** Publishes each event in a turn of its own, as requests do. */
async function publishEach (count = '', bytes = ''): Promise<string> {
  for (let left = Number(count); left > 0; left--) {
    const { event, data } = nextEvent(Number(bytes))
    feed.publish({ event, data })
    await setImmediate()
  }
  return count
}
