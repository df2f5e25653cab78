/** `app.eventfeed.stats()`: what streams have done, by hand counted. */
import t from 'tap'
import { REFUSAL_REASONS } from '../../lib/plugin/refusal-reasons.ts'
import { END_REASONS } from '../../lib/stream/end.ts'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

const never = (): Promise<never> => new Promise(() => {})
const NOTHING = Object.fromEntries(END_REASONS.map((reason) => [reason, 0]))
const NOBODY = Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, 0]))

t.test('before the first stream all is 0, and every reason is there', async (t) => {
  const { app } = await serve(t, () => {})
  t.strictSame(app.eventfeed.stats(), { connections: 0, opened: 0, routes: {}, ended: NOTHING, refused: NOBODY, events: 0, bytes: 0, feeds: {}, runs: {} })
  t.equal(END_REASONS.length, 12)
  t.equal(REFUSAL_REASONS.length, 6)
})

t.test('streams are counted by route while they are open, by reason when they have ended, and once in all', async (t) => {
  const { app, port, ends, empty } = await serve(t, (app) => {
    app.get('/done', (_request, reply) => reply.sse(['a', 'b']))
    app.get('/failed', (_request, reply) => reply.sse(() => { throw new Error('before the head') }))
    app.get('/open/:id', (_request, reply) => reply.sse(async function * ({ until }) { yield 'c'; await until(never()) }))
    app.post('/open', (_request, reply) => reply.sse(async function * ({ until }) { yield 'c'; await until(never()) }))
  }, { maxConnections: 3 })
  const done = await app.inject('/done')
  await app.inject('/failed')
  await app.inject({ method: 'HEAD', url: '/done' })
  const clients = await Promise.all(['/open/1', '/open/2'].map((path) => RawClient.get(t, port, path)))
  const posting = await RawClient.connect(t, port)
  posting.ask('/open', { 'content-length': '0' }, 'POST')
  for (const client of [...clients, posting]) await client.until('data: c')
  t.equal((await app.inject('/open/refused')).statusCode, 503)

  const before = app.eventfeed.stats()
  const sent = done.rawPayload.length + [...clients, posting].reduce((sum, { body }) => sum + Buffer.byteLength(body), 0)
  t.strictSame(before, {
    connections: 3,
    opened: 5,
    routes: { 'GET /open/:id': 2, 'POST /open': 1 },
    ended: { ...NOTHING, done: 1, failed: 1 },
    refused: { ...NOBODY, 'max-connections': 1 },
    events: 2 + 3,
    bytes: sent,
    feeds: {},
    runs: {}
  }, 'what was refused, and what asks for the head alone, is no stream')

  clients[0]?.destroy()
  app.eventfeed.kick('127.0.0.1')
  await ends(5)
  await eventually(() => app.eventfeed.stats().connections === 0, 'all are over')
  const after = app.eventfeed.stats()
  t.match(after, { opened: 5, routes: {}, events: 5, bytes: sent }, 'nothing is lost, or counted twice, when a stream ends')
  t.equal(after.ended.client + after.ended.kick, 3)
  t.strictSame(Object.keys(after.routes), [])
  t.equal(before.connections, 3, 'a snapshot stays as it is')
  for (const client of [...clients, posting]) client.destroy()
  await empty()
})

t.test('a feed says by its name what it says itself, until it ends', async (t) => {
  const { app, port } = await serve(t, (app) => {
    const feed = app.feed('chat')
    app.get('/', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
    app.post('/', async () => feed.publish({ event: 'a', data: 1 }))
    app.get('/itself', async () => feed.stats())
    app.delete('/', async () => feed.end())
  }, { clock: new ManualClock() })
  await app.inject({ method: 'POST', url: '/' })
  const client = await RawClient.get(t, port, '/')
  await client.until('event: a')
  const { feeds, events, routes } = app.eventfeed.stats()
  t.match(feeds, { chat: { entries: 1, streams: 1 } })
  t.strictSame(feeds['chat'], (await app.inject('/itself')).json())
  t.strictSame([events, routes], [1, { 'GET /': 1 }])
  await app.inject({ method: 'DELETE', url: '/' })
  t.strictSame(app.eventfeed.stats().feeds, {})
  client.destroy()
})
