/** Feeds that another application owns, or another copy of this package. */
import { cpSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { fastify } from 'fastify'
import t from 'tap'
import eventfeed, { type Feed } from '../../lib/index.ts'
import { eventually } from '../story/raw-client.ts'
import { appOf, listen, Listener } from './listener.ts'

t.test('streams of another application are drained when the one that owns the feed closes: their clients come back', async (t) => {
  const owner = await appOf(t)
  const app = await appOf(t)
  const chat = owner.feed('chat')
  const beside = app.feed('beside')
  app.get('/', (_request, reply) => reply.sse(chat.subscribe()))
  app.get('/filtered', (_request, reply) => reply.sse(chat.subscribe({ keys: ['a'], where: () => true })))
  app.get('/merged', (_request, reply) => reply.sse([chat.subscribe(), beside.subscribe()]))
  await listen(app)
  const paths = ['/', '/filtered', '/merged']
  const listeners = await Promise.all(paths.map(async (path) => await (await Listener.open(t, app, path)).opening()))
  const loop = (async () => { for await (const event of chat.subscribe()) t.fail(`it was given ${event.event}`) })()
  await owner.close()
  await loop
  for (const listener of listeners) await listener.ended()
  await eventually(() => app.eventfeed.stats().ended.drain === 3, 'they are drained')
  // so are those who come back while the other is away
  for (const [index, path] of paths.entries()) {
    const late = await (await Listener.open(t, app, path, listeners[index]?.lastEventId)).ended()
    t.equal(late.status, 200)
    t.strictSame(late.control('done'), [])
  }
  t.equal(app.eventfeed.stats().ended.drain, 6)
  t.strictSame(listeners.flatMap((listener) => listener.control('done')), [])
})

t.test('streams that still read a feed that was ended come back for the rest when its application closes', async (t) => {
  const owner = await appOf(t)
  const app = await appOf(t)
  const chat = owner.feed('chat')
  app.get('/', (_request, reply) => reply.sse(chat.subscribe({ initial: () => new Promise(() => {}) })))
  await listen(app)
  const listener = await Listener.open(t, app, '/')
  await eventually(() => chat.stats().streams === 1, 'the stream waits for its state')
  await chat.publish({ event: 'message', data: 1 })
  chat.end()
  await owner.close()
  await listener.ended()
  t.strictSame(listener.control('done'), [])
})

t.test('the streams of one child of an application are drained when another that owns the feed closes with it', async (t) => {
  const root = fastify({ forceCloseConnections: true })
  t.teardown(() => root.close())
  let chat: Feed | undefined
  root.register(async (child) => {
    await child.register(eventfeed, { drainTimeoutMs: 1 })
    chat = child.feed('chat')
  })
  root.register(async (child) => {
    await child.register(eventfeed, { drainTimeoutMs: 1_000 })
    child.get('/', (_request, reply) => reply.sse(chat?.subscribe() ?? []))
  })
  await listen(root)
  const listener = await (await Listener.open(t, root, '/')).opening()
  await root.close()
  await listener.ended()
  t.strictSame(listener.control('done'), [])
})

t.test('subscriptions of two copies of the package share a stream, and a gap of one is told by the other', async (t) => {
  const folder = t.testdir()
  cpSync(new URL('../../lib', import.meta.url), folder, { recursive: true })
  const { default: copy } = await import(pathToFileURL(`${folder}/index.ts`).href) as { default: typeof eventfeed }
  t.not(copy, eventfeed)
  const owner = fastify()
  t.teardown(() => owner.close())
  await owner.register(copy)
  const app = await appOf(t)
  const chat = owner.feed('chat', { retain: { entries: 1 } })
  const news = app.feed('news')
  app.get('/both', (_request, reply) => reply.sse([chat.subscribe({ from: 'earliest' }), news.subscribe({ from: 'earliest' })]))
  app.get('/loop', (_request, reply) => reply.sse(async function * ({ lastEventId, signal }) {
    for await (const event of chat.subscribe({ after: lastEventId, signal })) yield event
  }))
  await listen(app)
  const first = await chat.publish({ event: 'message', data: 0 })
  for (const data of [1, 2]) await chat.publish({ event: 'message', data })
  await news.publish({ event: 'message', data: 3 })
  const both = await (await Listener.open(t, app, '/both')).count(2)
  t.strictSame(new Set(both.data), new Set([2, 3]))
  t.match(both.lastEventId, /^(chat=.+,news=.+|news=.+,chat=.+)$/)
  await chat.publish({ event: 'message', data: 4 })
  await news.publish({ event: 'message', data: 5 })
  const resumed = await (await Listener.open(t, app, '/both', both.lastEventId)).count(2)
  t.strictSame(new Set(resumed.data), new Set([4, 5]))
  const loop = await (await Listener.open(t, app, '/loop', first)).count(1)
  t.strictSame([loop.gaps.length, loop.data], [1, [4]])
})
