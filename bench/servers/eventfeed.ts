/** fastify-eventfeed, as its README shows it. */
import eventfeed from 'fastify-eventfeed'
import fastify from 'fastify'
import { heartbeatMs, obey } from './control.ts'
import { fast, nextPage, QUERY_SCHEMA } from './event.ts'
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

/** Publishes each event in a tick of its own: what a feed does at the end of a tick is done when the next is published. */
async function publishEach (count = ''): Promise<string> {
  for (let left = Number(count); left > 0; left--) {
    const { event, data } = nextPage()
    feed.publish({ event, data })
    await new Promise<void>((resolve) => { process.nextTick(resolve) })
  }
  return count
}
