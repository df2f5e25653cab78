/** Stories of a feed in memory, told to clients over real sockets. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { EntryView, Feed, FeedOptions, SubscribeOptions } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { appOf, listen, Listener } from './listener.ts'

interface Numbers { app: FastifyInstance, feed: Feed, open: (options?: SubscribeOptions, lastEventId?: string, query?: string) => Promise<Listener> }

/** A feed, and a route that streams it as each test says. */
async function feedOf (t: Test, options: FeedOptions = {}, clock?: ManualClock): Promise<Numbers> {
  const app = await appOf(t, clock === undefined ? {} : { clock })
  const feed: Feed = app.feed('numbers', options as object)
  let next: SubscribeOptions = {}
  app.get('/numbers', (_request, reply) => reply.sse(feed.subscribe(next)))
  await listen(app)
  return {
    app,
    feed,
    open: async (subscribe = {}, lastEventId = undefined, query = '') => {
      next = subscribe
      return await Listener.open(t, app, `/numbers${query}`, lastEventId)
    }
  }
}

const publishAll = (feed: Feed, numbers: Iterable<number>): string[] => Array.from(numbers, (number) => String(feed.publish({ event: 'message', data: number })))

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)

t.test('a stream begins with a bookmark of the place where it begins', async (t) => {
  const { feed, open } = await feedOf(t)
  const empty = await (await open()).opening()
  t.match(empty.events, [{ event: 'stream:bookmark', data: '{}', id: /^[0-9a-f]{10}-0$/ }])
  const ids = publishAll(feed, [1, 2])
  const caughtUp = await (await open()).opening()
  t.strictSame(caughtUp.events[0], { event: 'stream:bookmark', data: '{}', id: ids[1] })
  t.strictSame((await empty.count(2)).own.map(({ id }) => id), ids, 'events carry the ids that publish returned')
})

t.test('a client that is cut before its first event loses nothing', async (t) => {
  const { feed, open } = await feedOf(t)
  const first = await (await open()).opening()
  first.leave()
  publishAll(feed, [1, 2, 3])
  const back = await (await open({}, first.lastEventId)).count(3)
  t.strictSame(back.data, [1, 2, 3])
  t.strictSame(back.gaps, [])
})

t.test('from each id a client resumes behind it, and a caught-up one is sent nothing but its bookmark', async (t) => {
  const { feed, open } = await feedOf(t)
  const ids = publishAll(feed, upTo(5))
  const all = await Promise.all(ids.map((id) => open({}, id)))
  publishAll(feed, [6])
  for (const [index, listener] of all.entries()) {
    await listener.until(({ data }) => data.at(-1) === 6)
    t.strictSame(listener.data, upTo(6).slice(index + 1))
    t.strictSame(listener.events[0], { event: 'stream:bookmark', data: '{}', id: ids[index] })
  }
})

t.test('replay passes the same filter and the same projection as live', async (t) => {
  const { feed, open } = await feedOf(t)
  const options: SubscribeOptions = {
    from: 'earliest',
    where: ({ data }) => Number(data) % 2 === 0,
    as: ({ data }) => Number(data) === 4 ? undefined : { event: 'doubled', data: Number(data) * 2 }
  }
  publishAll(feed, upTo(6))
  const listener = await (await open(options)).count(2)
  publishAll(feed, [7, 8, 4, 10])
  await listener.count(4)
  t.strictSame(listener.own.map(({ event, data }) => [event, data]), [['doubled', '4'], ['doubled', '12'], ['doubled', '16'], ['doubled', '20']])
})

t.test('from latest is behind the newest entry, from earliest at the oldest that is kept', async (t) => {
  const { feed, open } = await feedOf(t, { retain: { entries: 3 } })
  publishAll(feed, upTo(5))
  const latest = await (await open({ from: 'latest' })).opening()
  const earliest = await (await open({ from: 'earliest' })).count(3)
  const otherwise = await (await open()).opening()
  publishAll(feed, [6])
  t.strictSame((await latest.count(1)).data, [6])
  t.strictSame((await otherwise.count(1)).data, [6])
  t.strictSame((await earliest.count(4)).data, [3, 4, 5, 6])
  t.strictSame(earliest.gaps, [], 'a first connect has missed nothing')
})

t.test('after is for first connects: it beats from, and the last event ID beats both', async (t) => {
  const { feed, open } = await feedOf(t)
  const ids = publishAll(feed, upTo(5))
  const after = await (await open({ after: ids[1], from: 'earliest' })).count(3)
  t.strictSame(after.data, [3, 4, 5])
  const back = await (await open({ after: ids[1], from: 'earliest' }, ids[3])).count(1)
  t.strictSame(back.data, [5])
})

t.test('the last event ID may come as a query parameter; the header beats it', async (t) => {
  const { feed, open } = await feedOf(t)
  const ids = publishAll(feed, upTo(5))
  t.strictSame((await (await open({}, undefined, `?lastEventId=${ids[2]}`)).count(2)).data, [4, 5])
  t.strictSame((await (await open({}, ids[3], `?lastEventId=${ids[0]}`)).count(1)).data, [5])
})

t.test('a gap says why, is told first, and goes on with the oldest entry', async (t) => {
  const { feed, open } = await feedOf(t, { retain: { entries: 3 } })
  const ids = publishAll(feed, upTo(6))
  const [first = '', last = ''] = [ids[0], ids[5]]
  const asked: Array<[reason: string, requested: string]> = [
    ['trimmed', first], ['epoch', `0000000000${first.slice(10)}x`.slice(0, -1)], ['malformed', 'garbage'], ['malformed', `${last}é\u{1f600}`], ['malformed', `numbers=${last}`],
    ['ahead', last.replace(/\d+$/, '7')]
  ]
  for (const [reason, requested] of asked) {
    const listener = await (await open({}, Buffer.from(requested).toString('latin1'))).count(3)
    t.strictSame(listener.events[0]?.event, 'stream:gap', requested)
    t.strictSame(listener.gaps, [{ requested, oldest: ids[3], reason }])
    t.strictSame(listener.data, [4, 5, 6])
  }
})

t.test('the id of a gap resumes without the same gap, also before any event came', async (t) => {
  const { feed, open } = await feedOf(t, { retain: { entries: 3 } })
  const ids = publishAll(feed, upTo(6))
  const gap = (await (await open({}, 'garbage')).opening()).events[0]
  t.equal(gap?.id, ids[2])
  const back = await (await open({}, gap?.id)).count(3)
  t.strictSame(back.data, [4, 5, 6])
  t.strictSame(back.gaps, [])
})

t.test('a gap of an empty feed has no oldest entry, and its id is caught up', async (t) => {
  const { feed, open } = await feedOf(t)
  const listener = await (await open({}, 'garbage')).opening()
  t.strictSame(listener.gaps, [{ requested: 'garbage', oldest: null, reason: 'malformed' }])
  const back = await (await open({}, listener.lastEventId)).opening()
  t.strictSame(back.gaps, [])
  publishAll(feed, [1])
  t.strictSame((await back.count(1)).data, [1])
})

t.test('entries that grew too old are a gap for a client that has not seen them', async (t) => {
  const clock = new ManualClock()
  const { feed, open } = await feedOf(t, { retain: { ageMs: 1000 } }, clock)
  const [first, second] = publishAll(feed, [1, 2])
  clock.advance(1001)
  t.strictSame((await (await open({}, first)).opening()).gaps, [{ requested: first, oldest: null, reason: 'trimmed' }])
  t.strictSame((await (await open({}, second)).opening()).gaps, [])
})

t.test('a filter that throws costs its own stream one event, which is reported, and nobody else anything', async (t) => {
  const { feed, open } = await feedOf(t)
  const failing = await (await open({ where: ({ data }) => { if (data === 3) throw new Error('secret'); return true } })).opening()
  const other = await (await open()).opening()
  const [, before, id] = publishAll(feed, [1, 2, 3, 4])
  await failing.count(3)
  t.strictSame(failing.data, [1, 2, 4])
  t.strictSame(failing.gaps, [{ requested: before, oldest: null, reason: 'failed' }])
  t.equal(failing.control('gap')[0]?.id, id)
  t.notMatch(failing.text, /secret/)
  publishAll(feed, [5])
  t.strictSame((await other.count(5)).data, [1, 2, 3, 4, 5])
})

t.test('a projection that throws costs the streams that use it one event, which is reported to each', async (t) => {
  const { feed, open } = await feedOf(t)
  const as = ({ data }: EntryView): { data: unknown } => { if (data === 3) throw new Error('secret'); return { data } }
  const failing = await Promise.all([open({ as }), open({ as })])
  for (const listener of failing) await listener.opening()
  const other = await (await open()).opening()
  const [, requested] = publishAll(feed, [1, 2, 3, 4])
  for (const listener of failing) {
    t.strictSame((await listener.count(3)).data, [1, 2, 4])
    t.strictSame(listener.gaps, [{ requested, oldest: null, reason: 'failed' }])
  }
  t.strictSame((await other.count(4)).data, [1, 2, 3, 4])
})

t.test('what a projection makes that is no event is reported, and does not leave the server', async (t) => {
  const { feed, open } = await feedOf(t)
  for (const made of [null, 1, 'text', {}, { event: 'stream:gap', data: 1 }, { event: 'a\nb', data: 1 }, { data: 1n }, { data: () => {} }]) {
    const listener = await (await open({ as: () => made as { data: unknown } })).opening()
    publishAll(feed, [1])
    await listener.until(({ gaps }) => gaps.length > 0)
    t.match([listener.own, listener.gaps], [[], [{ reason: 'failed' }]], String(made))
  }
})

t.test('filters and projections see the entry as it reads back from JSON, frozen all the way down', async (t) => {
  const clock = new ManualClock()
  const { feed, open } = await feedOf(t, {}, clock)
  const seen: EntryView[] = []
  const listener = await (await open({
    where: (view) => seen.push(view),
    as: (view) => {
      seen.push(view)
      return { data: 1 }
    }
  })).opening()
  const data = { date: new Date(0), list: [{ deep: [1] }], left: undefined, nan: NaN }
  const id = await feed.publish({ event: 'said', data, key: 'ada' })
  data.list[0]?.deep.push(2)
  await listener.count(1)
  t.strictSame(seen[0], { id, event: 'said', data: { date: '1970-01-01T00:00:00.000Z', list: [{ deep: [1] }], nan: null }, at: clock.now(), key: 'ada', keys: ['ada'] })
  t.equal(seen[0], seen[1], 'both see the same object')
  const [view] = seen as unknown as [{ keys: string[], data: { list: [{ deep: number[] }] } }]
  for (const part of [view, view.data, view.data.list, view.data.list[0], view.data.list[0].deep, view.keys]) t.ok(Object.isFrozen(part))
})

t.test('falsy data is data', async (t) => {
  const { feed, open } = await feedOf(t)
  const listener = await (await open()).opening()
  for (const data of [0, false, null, '', []]) await feed.publish({ event: 'message', data })
  await listener.count(5)
  t.strictSame(listener.own.map(({ data }) => data), ['0', 'false', 'null', '', '[]'])
})

t.test('a feed that ends gives the rest, then stream:done, and its name is free', async (t) => {
  const { app, feed, open } = await feedOf(t)
  const live = await (await open()).opening()
  publishAll(feed, [1, 2])
  feed.end()
  feed.end()
  await live.ended()
  t.strictSame(live.data, [1, 2])
  t.match(live.events.at(-1), { event: 'stream:done', data: '{}', id: /^~done\.[0-9a-f]+-2$/ })
  t.equal((await Listener.open(t, app, '/numbers', live.lastEventId)).status, 204, 'who comes back with its id is told to stop')
  t.throws(() => feed.publish({ event: 'message', data: 1 }), { code: 'FST_EVENTFEED_FEED_ENDED' })
  const again = app.feed('numbers')
  t.not(again, feed)
  t.match(app.eventfeed.stats().feeds, { numbers: { entries: 0, bytes: 0, streams: 0 } })
  t.match(feed.stats(), { entries: 0, bytes: 0, streams: 0 }, 'and the log is freed')
})

t.test('a feed is defined at run time, and a name that is alive only once', async (t) => {
  const { app } = await feedOf(t)
  const late = app.feed('late')
  t.throws(() => app.feed('late'), { code: 'FST_EVENTFEED_FEED_EXISTS', message: /"late"/ })
  await late.publish({ event: 'message', data: 1 })
  t.match(app.eventfeed.stats().feeds, { late: { entries: 1, streams: 0 } })
})

t.test('a living feed is found by its name, and no other', async (t) => {
  const { app, feed } = await feedOf(t)
  t.equal(app.feed.get('numbers'), feed)
  for (const name of ['', 'letters', '__proto__', 'constructor']) t.equal(app.feed.get(name), undefined, name)
  feed.end()
  t.equal(app.feed.get('numbers'), undefined, 'one that has ended is none')
  const again = app.feed('numbers')
  t.equal(app.feed.get('numbers'), again)
  await app.close()
  t.equal(app.feed.get('numbers'), undefined, 'and none is there after the application has closed')
})

t.test('publish refuses what is no event, and adds nothing', async (t) => {
  const { feed } = await feedOf(t)
  const circular: { self?: unknown } = {}
  circular.self = circular
  const refused: Array<[event: unknown, code: string]> = [
    [undefined, 'BAD_EVENT'], [null, 'BAD_EVENT'], ['text', 'BAD_EVENT'], [[], 'BAD_EVENT'], [{}, 'BAD_EVENT'], [{ event: 'a' }, 'BAD_EVENT'],
    [{ data: 1, id: '7' }, 'BAD_EVENT'], [{ data: 1, retry: 7 }, 'BAD_EVENT'], [{ data: 1, event: 'a\nb' }, 'BAD_FIELD'], [{ data: 1, event: 'stream:gap' }, 'BAD_FIELD'],
    [{ data: 1, key: 'a', keys: ['a'] }, 'BAD_EVENT'], [{ data: 1, keys: [] }, 'BAD_FIELD'], [{ data: 1, keys: 'a' }, 'BAD_FIELD'],
    [{ data: 1, keys: ['a', 7] }, 'BAD_FIELD'], [{ data: 1, keys: Array.from({ length: 65 }, String) }, 'BAD_FIELD'], [{ data: 1, keys: new Array(3) }, 'BAD_FIELD'],
    [{ data: 1, event: 7 }, 'BAD_FIELD'], [{ data: 1, key: 7 }, 'BAD_FIELD'], [{ data: 1n }, 'BAD_FIELD'], [{ data: () => {} }, 'BAD_FIELD'], [{ data: circular }, 'BAD_FIELD']
  ]
  for (const [event, code] of refused) t.throws(() => feed.publish(event as never), { code: `FST_EVENTFEED_${code}` })
  t.equal(feed.stats().entries, 0)
})

t.test('subscribe refuses options that it does not know', async (t) => {
  const { feed } = await feedOf(t)
  for (const options of [null, 1, { from: 'now' }, { after: 1 }, { where: true }, { as: {} }, { wher: () => true }]) {
    t.throws(() => feed.subscribe(options as never), { code: 'FST_EVENTFEED_BAD_OPTION' }, JSON.stringify(options))
  }
})

t.test('a client that stopped reading is disconnected when it falls off the log, and comes back to a gap', async (t) => {
  const { app, feed, open } = await feedOf(t, { retain: { entries: 10 } })
  const stalled = await (await open()).opening()
  stalled.pause()
  const big = 'x'.repeat(256 * 1024)
  let published = 0
  while (app.eventfeed.stats().connections === 1 && published < 400) {
    await feed.publish({ event: 'message', data: { number: ++published, big } })
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  stalled.resume()
  await stalled.ended()
  const numbers = stalled.data.map((data) => (data as { number: number }).number)
  t.ok(numbers.length < published, `${numbers.length} of ${published} were read`)
  t.strictSame(numbers, upTo(numbers.length), 'those before are whole and in order')
  t.strictSame([stalled.control('done'), stalled.control('error')], [[], []], 'it is to come back')
  const back = await (await open({}, stalled.lastEventId)).count(10)
  t.match(back.gaps, [{ requested: stalled.lastEventId, reason: 'trimmed' }])
  t.equal((back.data.at(-1) as { number: number }).number, published)
})

t.test('what a stream held is gone when it has ended', async (t) => {
  const { app, feed, open } = await feedOf(t)
  const as = ({ data }: EntryView): { data: unknown } => ({ data: { data } })
  const listeners = await Promise.all([open({ as }), open({ as })])
  for (const listener of listeners) await listener.opening()
  const before = feed.stats()
  publishAll(feed, upTo(3))
  for (const listener of listeners) await listener.count(3)
  const during = feed.stats()
  t.match([before.streams, during.streams], [2, 2])
  const left = new Promise((resolve) => app.server.getConnections((_error, count) => { resolve(count) }))
  t.equal(await left, 2)
  for (const listener of listeners) listener.leave()
  while (app.eventfeed.stats().connections > 0) await new Promise((resolve) => { setImmediate(resolve) })
  t.equal(feed.stats().streams, 0)
  t.ok(feed.stats().bytes < during.bytes, 'cached forms included')
})
