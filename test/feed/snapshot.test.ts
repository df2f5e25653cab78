/** Snapshots: the state in place of a gap, or at a first connect. */
import t from 'tap'
import type { SnapshotRequest } from '../../lib/feed/snapshot.ts'
import { appOf, listen, Listener } from './listener.ts'
import { feedOf, OpenStream, turn, until } from './open-stream.ts'

const state = (...data: number[]): Array<{ event: string, data: number, key: string }> => data.map((number) => ({ event: 'state', data: number, key: number % 2 === 0 ? 'even' : 'odd' }))

t.test('a first connect gets the state, without ids, a bookmark behind it, and then what is published', async (t) => {
  const requests: SnapshotRequest[] = []
  const feed = feedOf({ initial: (request) => { requests.push(request); return state(1, 2) } })
  const id = String(feed.publish({ event: 'message', data: 0 }))
  const stream = new OpenStream(feed.subscribe())
  const next = String(feed.publish({ event: 'message', data: 3 }))
  await turn()
  t.strictSame(stream.events, [
    { event: 'state', data: '1', id: undefined }, { event: 'state', data: '2', id: undefined },
    { event: 'stream:bookmark', data: '{}', id }, { event: 'message', data: '3', id: next }
  ])
  t.strictSame(requests, [{ position: id, gap: undefined }])
  stream.close()
  for (const options of [{ after: id }, { from: 'earliest' as const }, { from: 'latest' as const }]) {
    const other = new OpenStream(feed.subscribe(options))
    t.equal(other.events[0]?.event, 'stream:bookmark', JSON.stringify(options))
    other.close()
  }
  t.equal(requests.length, 1, 'not where after or from says where to begin')
})

t.test('a snapshot of the subscription beats that of the feed; filter, keys and projection hold for its events', async (t) => {
  const feed = feedOf({ initial: () => state(9), onGap: () => state(9) })
  const initial = (): ReturnType<typeof state> => state(1, 2, 3, 4)
  const as = ({ data }: { data: unknown }): { data: unknown } => ({ data: { data } })
  for (const [options, expected] of [
    [{}, [9]], [{ initial }, [1, 2, 3, 4]], [{ initial, keys: ['odd'] }, [1, 3]], [{ initial, keys: ['odd'], where: ({ data }: { data: unknown }) => data !== 3 }, [1]],
    [{ initial, as }, [1, 2, 3, 4].map((data) => ({ data }))], [{ initial, where: () => false }, []]
  ] as const) {
    const stream = new OpenStream(feed.subscribe(options))
    t.strictSame([stream.data, stream.events.at(-1)?.event], [expected, 'stream:bookmark'])
    stream.close()
  }
  const gap = new OpenStream(feed.subscribe({ onGap: () => state(7) }), { after: 'garbage' })
  t.strictSame([gap.data, gap.gaps, feed.stats().gaps], [[7], [], 1])
  gap.close()
})

t.test('what is published while an asynchronous snapshot is made comes behind it; who is cut meanwhile comes back to it', async (t) => {
  let give = (): void => {}
  const feed = feedOf({ onGap: async ({ gap }) => { await new Promise<void>((resolve) => { give = resolve }); return gap === undefined ? [] : state(1) } })
  const stream = new OpenStream(feed.subscribe(), { after: 'garbage' })
  const id = feed.window.positionBefore(1)
  feed.publish({ event: 'message', data: 2 })
  await turn()
  t.strictSame([stream.events, stream.source.quiet()], [[], undefined], 'nothing before the state')
  give()
  await until(() => stream.data.length === 2, 'all comes')
  t.strictSame([stream.data, stream.events[1]], [[1, 2], { event: 'stream:bookmark', data: '{}', id }])
  stream.close()
})

t.test('after says as of where the state is: nothing is lost or doubled behind it', async (t) => {
  const feed = feedOf()
  const ids = [1, 2, 3].map((data) => String(feed.publish({ event: 'message', data })))
  for (const [after, rest] of [[ids[0], [2, 3]], [ids[2], []], [undefined, []]] as const) {
    const stream = new OpenStream(feed.subscribe({ initial: () => after === undefined ? state(9) : { events: state(9), after } }))
    t.strictSame(stream.data, [9, ...rest])
    t.equal(stream.events[1]?.id, after ?? ids[2])
    stream.close()
  }
  const lost = new OpenStream(feed.subscribe({ initial: () => ({ events: state(9), after: 'garbage' }) }))
  t.match(lost.gaps, [{ requested: 'garbage', reason: 'malformed' }], 'a position that is not kept is a gap behind the state')
  lost.close()
})

t.test('a snapshot that fails, or is none, fails the stream', async (t) => {
  const feed = feedOf()
  const made: unknown[] = [1, 'text', null, undefined, {}, { events: 1 }, { events: [], after: 7 }, (async function * () {})()]
  for (const result of made) {
    const options = { initial: () => result as never }
    t.throws(() => new OpenStream(feed.subscribe(options)), { code: 'FST_EVENTFEED_BAD_OPTION', message: /snapshot function/ })
    const later = new OpenStream(feed.subscribe({ initial: async () => result as never }))
    await until(() => later.source.end !== undefined, 'it ends')
    t.match(later.source.end, { kind: 'failed', error: { code: 'FST_EVENTFEED_BAD_OPTION' } })
    later.close()
  }
  t.throws(() => new OpenStream(feed.subscribe({ initial: () => [{ data: 1, id: '7' }] as never })), { code: 'FST_EVENTFEED_BAD_EVENT' })
  t.equal(feed.stats().streams, 0)
})

t.test('over HTTP: one that throws at once, or later, is an ordinary error response, and nothing is left of the stream', async (t) => {
  const app = await appOf(t, { commitDelayMs: 10_000 })
  const feed = app.feed('numbers', { initial: () => { throw new Error('no database') } })
  app.get('/now', (_request, reply) => reply.sse(feed.subscribe()))
  app.get('/later', (_request, reply) => reply.sse(feed.subscribe({ initial: async () => { throw new Error('no database') } })))
  for (const url of ['/now', '/later']) t.match((await app.inject(url)).json(), { statusCode: 500, message: 'no database' }, url)
  t.match(app.eventfeed.stats(), { connections: 0, feeds: { numbers: { streams: 0 } } })
})

t.test('over sockets: a client that leaves, or is kicked, while a snapshot is awaited leaves nothing', async (t) => {
  const app = await appOf(t, { commitDelayMs: 1 })
  const feed = app.feed('numbers', { initial: () => new Promise(() => {}) })
  app.get('/', (_request, reply) => reply.sse(feed.subscribe()))
  await listen(app)
  const leaving = await Listener.open(t, app, '/')
  t.equal(feed.stats().streams, 1)
  leaving.leave()
  await until(() => feed.stats().streams === 0, 'it is gone')
  const kicked = await Listener.open(t, app, '/')
  app.eventfeed.kick('127.0.0.1', 'out')
  await kicked.ended()
  await until(() => feed.stats().streams === 0, 'it is gone')
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('in a stream of several feeds each has its own state; the ids name a feed when its state is told', async (t) => {
  const app = await appOf(t)
  const one = app.feed('one', { initial: () => [{ event: 'state', data: 1 }] })
  const two = app.feed('two', { initial: async () => [{ event: 'state', data: 2 }] })
  app.get('/', (_request, reply) => reply.sse([one.subscribe(), two.subscribe()]))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).until(({ events }) => events.length === 4)
  t.strictSame(listener.data.map(Number).sort(), [1, 2])
  for (const { id } of listener.own) t.equal(id, undefined)
  t.match(listener.lastEventId, /^one=[^,]+,two=[^,]+$/)
  await one.publish({ event: 'message', data: 3 })
  await listener.count(3)
  const back = await (await Listener.open(t, app, '/', listener.control('bookmark')[0]?.id)).count(2)
  t.ok(back.data.includes(3), 'who is cut between the two gets what came behind the first')
})

for (const [where, maxLagBytes] of [['at the head', 1], ['before the key was followed', 800]] as const) {
  t.test(`behind a state come all entries of the keys that are followed by then, also where the stream would have gone on ${where}`, async (t) => {
    let origin = ''
    const feed = feedOf({ mode: 'skip', maxLagBytes, onGap: () => ({ events: state(-1, -2), after: origin }) })
    origin = String(feed.publish({ event: 'message', data: 0 }))
    const subscription = feed.subscribe({ keys: ['even'] })
    const stream = new OpenStream(subscription)
    for (const number of [2, 3, 4]) feed.publish({ event: 'message', data: number, key: number % 2 === 0 ? 'even' : 'odd' })
    subscription.follow('odd')
    await until(() => stream.data.includes(4), 'the stream is at the head')
    t.strictSame(stream.data, [-1, -2, 2, 3, 4])
    t.strictSame(stream.gaps, [])
    feed.publish({ event: 'message', data: 5, key: 'odd' })
    await until(() => stream.data.includes(5), 'it goes on')
    stream.close()
  })
}
