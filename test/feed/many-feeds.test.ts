/** Streams of very many feeds: their event IDs carry all positions, and a client can send only so much back. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { Feed } from '../../lib/index.ts'
import { appOf, listen, Listener } from './listener.ts'

/** An application with so many feeds, all of them on the stream `/`. Their names have 6 letters. */
async function manyFeeds (t: Test, count: number): Promise<{ app: FastifyInstance, feeds: Feed[] }> {
  const app = await appOf(t)
  const feeds = Array.from({ length: count }, (_, number) => app.feed(`feed${String(number).padStart(2, '0')}`))
  app.get('/', (_request, reply) => reply.sse(feeds.map((feed) => feed.subscribe())))
  await listen(app)
  return { app, feeds }
}

t.test('a stream whose event IDs no client could send back is refused by an error that says what to do', async (t) => {
  const { app, feeds } = await manyFeeds(t, 1_000)
  const refused = await (await Listener.open(t, app, '/')).ended()
  t.equal(refused.status, 500)
  t.match(refused.text, 'FST_EVENTFEED_ID_TOO_LONG')
  t.match(refused.text, 'publish in one feed, by keys')
  t.strictSame(feeds.map((feed) => feed.stats().streams), feeds.map(() => 0), 'and it has let go of all of them')
})

t.test('a gap on a stream of several feeds names the feed whose events are missing', async (t) => {
  const { app, feeds } = await manyFeeds(t, 2)
  const ids = await Promise.all(feeds.map((feed) => feed.publish({ event: 'message', data: 1 })))
  const asked = `feed00=${ids[0]},feed01=0-0`
  const listener = await (await Listener.open(t, app, '/', asked)).until((listener) => listener.control('gap').length > 0)
  t.strictSame(listener.control('gap').map(({ data }) => (JSON.parse(data) as { feed: string }).feed), ['feed01'])
})

t.test('a client that sends a very long position gets a gap, as for any other that is malformed', async (t) => {
  const { app } = await manyFeeds(t, 2)
  const listener = await (await Listener.open(t, app, '/', `feed00=${'9'.repeat(5_000)},feed01=`)).until((listener) => listener.control('gap').length === 2)
  t.equal(listener.status, 200)
  t.ok((listener.lastEventId ?? '').length < 100)
})
