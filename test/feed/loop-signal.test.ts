/** Loops and streams of a subscription that has a signal, and what a generator yields on from such a loop. */
import { getEventListeners } from 'node:events'
import t from 'tap'
import type { SourceArguments } from '../../lib/index.ts'
import { eventually } from '../story/raw-client.ts'
import { appOf, listen, Listener } from './listener.ts'
import { feedOf, OpenStream, turn } from './open-stream.ts'

t.test('a loop that waits rejects with the reason as soon as its signal is aborted, and then it is over', async (t) => {
  const feed = feedOf()
  const controller = new AbortController()
  const loop = feed.subscribe({ signal: controller.signal })[Symbol.asyncIterator]()
  const waits = [loop.next(), loop.next()]
  await turn()
  const reason = new Error('the client has left')
  controller.abort(reason)
  t.equal(feed.stats().streams, 0)
  t.equal(await waits[0]?.catch((error: unknown) => error), reason)
  t.strictSame(await waits[1], { done: true, value: undefined })
  t.strictSame(await loop.next(), { done: true, value: undefined })
})

t.test('a signal that was aborted before rejects the first event, whatever the log has', async (t) => {
  const feed = feedOf()
  feed.publish({ event: 'message', data: 1 })
  const reason = new Error('too late')
  const loop = feed.subscribe({ from: 'earliest', signal: AbortSignal.abort(reason) })[Symbol.asyncIterator]()
  t.equal(feed.stats().streams, 0)
  t.equal(await loop.next().catch((error: unknown) => error), reason)
  t.strictSame(await loop.next(), { done: true, value: undefined })
})

t.test('a loop whose body is busy lets go of the feed when the signal is aborted, and rejects when it asks', async (t) => {
  const feed = feedOf()
  const controller = new AbortController()
  for (const data of [1, 2]) feed.publish({ event: 'message', data })
  const loop = feed.subscribe({ from: 'earliest', signal: controller.signal })[Symbol.asyncIterator]()
  t.match(await loop.next(), { value: { data: 1 } })
  controller.abort()
  t.equal(feed.stats().streams, 0)
  await t.rejects(loop.next(), { name: 'AbortError' })
})

t.test('a filter, a projection or a snapshot that aborts the signal of its own loop ends it', async (t) => {
  for (const name of ['where', 'as', 'initial']) {
    const feed = feedOf()
    const controller = new AbortController()
    const abort = (): unknown => { controller.abort(); return name === 'initial' ? [] : { data: 1 } }
    const loop = feed.subscribe({ signal: controller.signal, [name]: abort })[Symbol.asyncIterator]()
    const next = loop.next()
    feed.publish({ event: 'message', data: 1 })
    await t.rejects(next, { name: 'AbortError' }, name)
    t.equal(feed.stats().streams, 0, name)
    t.strictSame(getEventListeners(controller.signal, 'abort'), [], name)
  }
})

t.test('a filter that leaves its own loop ends it', async (t) => {
  const feed = feedOf()
  const loop = feed.subscribe({ where: () => { loop.return?.().catch(() => {}); return false } })[Symbol.asyncIterator]()
  const next = loop.next()
  await turn()
  feed.publish({ event: 'message', data: 1 })
  t.strictSame(await next, { done: true, value: undefined })
  t.equal(feed.stats().streams, 0)
})

t.test('nothing is left at the signal when a loop ends, however it ends, and many loops are one listener', async (t) => {
  const { signal } = new AbortController()
  const listeners = (): number => getEventListeners(signal, 'abort').length
  const feed = feedOf()
  feed.publish({ event: 'message', data: 1 })
  const left = feed.subscribe({ from: 'earliest', signal })[Symbol.asyncIterator]()
  await left.next()
  t.equal(listeners(), 1)
  await left.return?.()
  t.equal(listeners(), 0)
  const initial = (): never => { throw new Error('no state') }
  t.throws(() => feed.subscribe({ signal, initial })[Symbol.asyncIterator](), { message: 'no state' })
  t.equal(listeners(), 0)
  const loops = Array.from({ length: 20 }, () => feed.subscribe({ signal })[Symbol.asyncIterator]())
  t.equal(listeners(), 1)
  feed.end()
  for (const loop of loops) t.strictSame(await loop.next(), { done: true, value: undefined })
  t.equal(listeners(), 0)
})

t.test('a stream of a subscription ends with its signal as one that is kicked, and its client may come back', async (t) => {
  const app = await appOf(t)
  const chat = app.feed('chat')
  const controller = new AbortController()
  app.get('/', (_request, reply) => reply.sse(chat.subscribe({ signal: controller.signal })))
  await listen(app)
  const open = await (await Listener.open(t, app, '/')).opening()
  controller.abort()
  await open.ended()
  const late = await (await Listener.open(t, app, '/')).ended()
  t.equal(late.status, 200)
  for (const listener of [open, late]) t.strictSame(listener.control('done'), [])
  await eventually(() => app.eventfeed.stats().ended.kick === 2, 'both have ended')
  t.equal(chat.stats().streams, 0)
})

t.test('a stream of a subscription leaves nothing at its signal', async (t) => {
  const { signal } = new AbortController()
  const feed = feedOf()
  const streams = Array.from({ length: 20 }, () => new OpenStream(feed.subscribe({ signal })))
  t.equal(getEventListeners(signal, 'abort').length, 1)
  for (const stream of streams) stream.close()
  t.equal(getEventListeners(signal, 'abort').length, 0)
})

t.test('a signal that is none is refused', async (t) => {
  for (const signal of [null, {}, 'now', new AbortController()]) {
    t.throws(() => feedOf().subscribe({ signal: signal as never }), { code: 'FST_EVENTFEED_BAD_OPTION' })
  }
})

t.test('history, then live: no reader stays when the clients have left', async (t) => {
  const app = await appOf(t)
  const chat = app.feed('chat')
  let cleaned = 0
  app.get('/', (_request, reply) => reply.sse(async function * ({ signal }: SourceArguments) {
    try {
      yield { event: 'history', data: 1 }
      for await (const event of chat.subscribe({ signal })) yield event
    } finally { cleaned++ }
  }))
  await listen(app)
  const listeners = await Promise.all(Array.from({ length: 20 }, () => Listener.open(t, app, '/')))
  await eventually(() => chat.stats().streams === 20, 'all wait for what comes')
  for (const listener of listeners) listener.leave()
  await eventually(() => chat.stats().streams === 0 && cleaned === 20, 'all loops have ended')
})

t.test('what a loop gives can be yielded on: events with their ids, and gaps as control events that count as none', async (t) => {
  const app = await appOf(t)
  const chat = app.feed('chat', { retain: { entries: 2 } })
  app.get('/', (_request, reply) => reply.sse(async function * ({ signal, lastEventId }: SourceArguments) {
    for await (const event of chat.subscribe({ signal, after: lastEventId })) yield event
  }))
  await listen(app)
  const ids: string[] = []
  for (let n = 1; n <= 4; n++) ids.push(await chat.publish({ event: 'message', data: { n }, key: 'a' }))
  const listener = await (await Listener.open(t, app, '/', ids[0])).count(2)
  t.match(listener.events, [
    { event: 'stream:gap', id: ids[1] },
    { event: 'message', data: '{"n":3}', id: ids[2] },
    { event: 'message', data: '{"n":4}', id: ids[3] }
  ])
  t.strictSame(listener.gaps, [{ requested: ids[0], oldest: ids[2], reason: 'trimmed' }])
  t.equal(app.eventfeed.stats().events, 2)
})

t.test('a gap that no feed has told is refused, also a copy of one that was', async (t) => {
  const feed = feedOf({ retain: { entries: 1 } })
  const first = feed.publish({ event: 'message', data: 1 }) as string
  for (const data of [2, 3]) feed.publish({ event: 'message', data })
  const { value: gap } = await feed.subscribe({ after: first })[Symbol.asyncIterator]().next()
  t.match(gap, { event: 'stream:gap' })
  t.throws(() => { Object.assign(gap as object, { id: 'x' }) }, TypeError)
  t.throws(() => { Object.assign((gap as unknown as { data: object }).data, { oldest: 'x' }) }, TypeError)
  const app = await appOf(t)
  for (const [path, forged] of Object.entries({ '/copy': { ...gap }, '/json': JSON.parse(JSON.stringify(gap)), '/heir': Object.create(gap as object) })) {
    app.get(path, (_request, reply) => reply.sse([forged as never]))
  }
  app.get('/told', (_request, reply) => reply.sse([gap as never]))
  for (const path of ['/copy', '/json', '/heir']) {
    const { statusCode, body } = await app.inject(path)
    t.equal(statusCode, 500, path)
    t.match(body, 'FST_EVENTFEED_BAD_FIELD', path)
  }
  t.match((await app.inject('/told')).body, 'event: stream:gap\n')
})
