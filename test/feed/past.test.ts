/** The past of keys: `from: { lastPerKey }`, and `follow(key, { last })`. */
import t from 'tap'
import { SCAN_ENTRIES } from '../../lib/defaults.ts'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import { merge } from '../../lib/stream/merge.ts'
import { COMMENTS_FORM, EVENTS_FORM, NO_FORM, PLAIN_FORM } from '../../lib/wire/control-form.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { feedOf, OpenStream, turn, until, type FeedMade } from './open-stream.ts'

type Publish = (data: number, ...keys: string[]) => Promise<string>

function publisher (feed: LogFeed): Publish {
  return async (data, ...keys) => await feed.publish({ event: 'message', data, ...keys.length === 0 ? {} : { keys } })
}

/** Each log; the window of all holds what is published here. */
const LOGS: ReadonlyArray<readonly [name: string, make: () => FeedMade]> = [
  ['in memory', () => ({})],
  ['in memory, with histories', () => ({ retain: { entries: 2, perKey: 10 } })],
  ['in pages', () => ({ log: new PagedLog() })]
]

for (const [name, make] of LOGS) {
  t.test(`{ lastPerKey: n } gives the newest n of each key without ids, in the order of the log, then a bookmark: a log ${name}`, async (t) => {
    const feed = feedOf(make())
    const publish = publisher(feed)
    await publish(1, 'a')
    await publish(2, 'a', 'b')
    await publish(3, 'b')
    await publish(4)
    await publish(5, 'c')
    const head = await publish(6, 'a')
    for (const [lastPerKey, keys, expected] of [
      [1, undefined, [3, 5, 6]], [2, undefined, [2, 3, 5, 6]], [9, undefined, [1, 2, 3, 5, 6]], [0, undefined, []],
      [1, ['a', 'b'], [3, 6]], [2, ['a'], [2, 6]], [1, ['nobody'], []], [1, [], []]
    ] as const) {
      const stream = await OpenStream.begun(feed.subscribe({ from: { lastPerKey }, ...keys === undefined ? {} : { keys } }))
      await until(() => stream.events.at(-1)?.event === 'stream:bookmark', 'the bookmark comes')
      const what = `${lastPerKey} of ${keys?.join() ?? 'all'}`
      t.strictSame(stream.own.map(({ data, id }) => [JSON.parse(data), id]), expected.map((data) => [data, undefined]), what)
      t.equal(stream.lastEventId, head, what)
      t.strictSame(stream.gaps, [])
      stream.close()
    }
    feed.end()
  })

  t.test(`what is published after { lastPerKey } comes once, with its id; a cut before the bookmark starts over: a log ${name}`, async (t) => {
    const feed = feedOf(make())
    const publish = publisher(feed)
    for (let data = 1; data <= 3; data++) await publish(data, `key ${data}`)
    const subscription = feed.subscribe({ from: { lastPerKey: 1 } })
    const stream = await OpenStream.begun(subscription, { isStalled: true })
    await until(() => stream.read(1, 1) > 0, 'it begins')
    const id = await publish(4, 'key 1')
    t.equal(stream.lastEventId, undefined, 'who is cut here has no id, and starts over')
    stream.resume()
    await until(() => stream.data.length === 4, 'all come')
    t.strictSame([stream.data, stream.own.map((event) => event.id)], [[1, 2, 3, 4], [undefined, undefined, undefined, id]])
    stream.close()
    const again = await OpenStream.begun(subscription)
    await until(() => again.data.length === 3, 'the state of now')
    t.strictSame(again.data, [2, 3, 4])
    again.close()
    feed.end()
  })

  t.test(`follow(key, { last: n }) gives the newest n of a key without ids, then what comes: a log ${name}`, async (t) => {
    const feed = feedOf(make())
    const publish = publisher(feed)
    for (let data = 1; data <= 4; data++) await publish(data, 'room')
    await publish(5, 'a')
    const subscription = feed.subscribe({ keys: ['a'] })
    const stream = await OpenStream.begun(subscription)
    await publish(6, 'a', 'room')
    await publish(7, 'room')
    await until(() => stream.data.length === 1, 'it is live')
    subscription.follow('room', { last: 4 })
    const live = await publish(8, 'room')
    await until(() => stream.data.length === 5, 'all come')
    t.strictSame(stream.own.map(({ data, id }) => [Number(data), id]).slice(1), [[3, undefined], [4, undefined], [7, undefined], [8, live]], 'but what it has had by another key')
    subscription.follow('room', { last: 4 })
    subscription.follow('none', { last: 4 })
    await publish(9, 'none')
    await until(() => stream.data.length === 6, 'it goes on')
    t.equal(stream.data.at(-1), 9, 'a key that is followed already stays as it is')
    stream.close()
    feed.end()
  })

  t.test(`two keys that are joined one after the other give an event of both once; a stalled stream gets each once, too: a log ${name}`, async (t) => {
    const feed = feedOf(make())
    const publish = publisher(feed)
    await publish(1, 'a', 'b')
    await publish(2, 'b')
    const subscription = feed.subscribe({ keys: ['own'] })
    const [together, apart, stalled] = [await OpenStream.begun(subscription), await OpenStream.begun(subscription), await OpenStream.begun(subscription)]
    stalled.stall()
    apart.stall()
    await publish(3, 'own', 'a')
    subscription.follow('a', { last: 9 })
    apart.read(1)
    apart.read(1)
    subscription.follow('b', { last: 9 })
    await publish(4, 'a', 'b')
    for (const stream of [apart, stalled]) stream.resume()
    await until(() => [together, apart, stalled].every(({ data }) => data.length === 4), () => JSON.stringify([together, apart, stalled].map(({ data }) => data)))
    t.strictSame(together.data, [1, 2, 3, 4], 'the past comes first')
    for (const { data } of [apart, stalled]) t.strictSame([...data].sort(), [1, 2, 3, 4])
    for (const stream of [together, apart, stalled]) stream.close()
    feed.end()
  })
}

t.test('a cut among the entries of a joined key is not made good, and loses nothing else', async (t) => {
  const feed = feedOf()
  const publish = publisher(feed)
  for (let data = 1; data <= 3; data++) await publish(data, 'room')
  const subscription = feed.subscribe({ keys: ['a'] })
  const stream = new OpenStream(subscription)
  await publish(4, 'a')
  await turn()
  stream.stall()
  await publish(5, 'a')
  subscription.follow('room', { last: 3 })
  stream.read(1, 1)
  t.strictSame(stream.data, [4, 1])
  stream.close()
  const again = new OpenStream(subscription, { after: stream.lastEventId })
  await publish(6, 'room')
  await turn()
  t.strictSame(again.data, [5, 6])
  again.close()
})

t.test('the past of a key that was given up again does not come, and one that is joined anew comes again', async (t) => {
  const feed = feedOf()
  const publish = publisher(feed)
  for (let data = 1; data <= 3; data++) await publish(data, 'room')
  const subscription = feed.subscribe({ keys: [] })
  const stream = new OpenStream(subscription)
  stream.stall()
  subscription.follow('room', { last: 2 })
  subscription.unfollow('room')
  stream.resume()
  await turn()
  t.strictSame(stream.data, [])
  subscription.follow('room', { last: 2 })
  await turn()
  subscription.unfollow('room')
  subscription.follow('room', { last: 1 })
  await turn()
  t.strictSame(stream.data, [2, 3, 3])
  stream.close()
})

t.test('{ lastPerKey: n } and { last: n } count what the stream takes; what a filter or a projection throws at is left out and reported', async (t) => {
  const faults: string[] = []
  const feed = feedOf({ onFault: (_error, what) => { faults.push(what) } })
  const publish = publisher(feed)
  for (let data = 1; data <= 6; data++) await publish(data, 'a')
  const even = ({ data }: { data: unknown }): boolean => {
    if (data === 4) throw new Error('poisoned')
    return Number(data) % 2 === 0
  }
  const as = ({ data }: { data: unknown }): { data: unknown } => {
    if (data === 5) throw new Error('poisoned')
    return { data }
  }
  const first = new OpenStream(feed.subscribe({ from: { lastPerKey: 2 }, where: even }))
  t.strictSame([first.data, first.gaps], [[2, 6], []])
  const projected = new OpenStream(feed.subscribe({ from: { lastPerKey: 3 }, as }))
  t.strictSame([projected.data, projected.gaps, projected.events.at(-1)?.event], [[4, 6], [], 'stream:bookmark'])
  const subscription = feed.subscribe({ keys: [], where: even })
  const joining = new OpenStream(subscription)
  subscription.follow('a', { last: 2 })
  await turn()
  t.strictSame([joining.data, joining.gaps], [[2, 6], []])
  t.equal(faults.length, 2, 'each function is reported once')
  const wrong = { where: (async () => true) as never }
  t.throws(() => new OpenStream(feed.subscribe({ from: { lastPerKey: 2 }, ...wrong })), { code: 'FST_EVENTFEED_NOT_SYNCHRONOUS' })
  const failing = feed.subscribe({ keys: [], ...wrong })
  const failed = new OpenStream(failing)
  failing.follow('a', { last: 2 })
  await turn()
  t.match(failed.source.end, { kind: 'failed', error: { code: 'FST_EVENTFEED_NOT_SYNCHRONOUS' } })
  for (const stream of [first, projected, joining, failed]) stream.close()
})

for (const [name, control] of Object.entries({ events: EVENTS_FORM, comments: COMMENTS_FORM, plain: PLAIN_FORM, none: NO_FORM })) {
  t.test(`in the form ${name}, a client that is cut in or after { lastPerKey } misses nothing`, async (t) => {
    const feed = feedOf()
    const publish = publisher(feed)
    await publish(1, 'a')
    await publish(2, 'b')
    const subscription = feed.subscribe({ from: { lastPerKey: 1 } })
    const stream = new OpenStream(subscription, { control })
    t.strictSame(stream.data, [1, 2])
    stream.close()
    await publish(3, 'a')
    const again = new OpenStream(subscription, { control, after: stream.lastEventId })
    t.strictSame(again.data, stream.lastEventId === undefined ? [2, 3] : [3], 'without an id it starts over')
    const id = await publish(4, 'a')
    await turn()
    t.equal(again.lastEventId, id)
    again.close()
    const last = new OpenStream(subscription, { control, after: again.lastEventId })
    t.strictSame(last.data, [])
    last.close()
  })
}

t.test('on a stream of several feeds, one that is cut in its past starts over, and the others go on', async (t) => {
  const [tasks, news] = [feedOf(), feedOf()]
  Object.assign(news, { name: 'news' })
  for (let data = 1; data <= 3; data++) await tasks.publish({ event: 'message', data, key: `task ${data}` })
  const source = merge([tasks.subscribe({ from: { lastPerKey: 1 } }), news.subscribe()])
  const stream = new OpenStream(source, { isStalled: true })
  stream.read(1, 1)
  stream.read(1, 1)
  await news.publish({ event: 'message', data: 'news' })
  stream.read(3, 1)
  stream.close()
  t.notMatch(stream.lastEventId, /numbers=/)
  const again = new OpenStream(source, { after: stream.lastEventId })
  t.strictSame(again.data.filter((data) => data !== 'news'), [1, 2, 3])
  t.match(again.lastEventId, /numbers=.*,news=|news=.*,numbers=/)
  t.strictSame(again.gaps, [])
  again.close()
})

t.test('loops get the past without ids', async (t) => {
  const feed = feedOf({ retain: { entries: 1, perKey: 2 } })
  const publish = publisher(feed)
  for (let data = 1; data <= 3; data++) await publish(data, 'a')
  await publish(4, 'b')
  const subscription = feed.subscribe({ from: { lastPerKey: 1 }, keys: ['a'] })
  const got: unknown[] = []
  for await (const { data, id } of subscription as AsyncIterable<{ data: unknown, id: string | undefined }>) {
    got.push([data, id === undefined])
    if (data === 3) {
      subscription.follow('b', { last: 5 })
      await publish(5, 'a')
    }
    if (data === 5) break
  }
  t.strictSame(got, [[3, true], [4, true], [5, false]])
})

t.test('the past of very many keys is looked up in turns, and is that of the beginning', async (t) => {
  const feed = feedOf({ retain: { entries: 10, perKey: 2, bytes: Infinity } })
  const count = 3 * SCAN_ENTRIES
  for (let data = 0; data < 2 * count; data++) feed.publish({ event: 'message', data, key: `key ${data % count}` })
  const head = feed.window.head
  const stream = new OpenStream(feed.subscribe({ from: { lastPerKey: 1 } }))
  t.equal(stream.events.length, 0, 'other work runs first')
  feed.publish({ event: 'message', data: -1, key: 'new' })
  const left = new OpenStream(feed.subscribe({ from: { lastPerKey: 1 } }))
  left.close()
  await until(() => stream.data.length === count + 1, 'all come')
  t.strictSame(stream.data.slice(0, 3), [count, count + 1, count + 2])
  t.equal(stream.data.at(-1), -1)
  t.equal(stream.events.findLast(({ event }) => event === 'stream:bookmark')?.id, head)
  stream.close()
})

t.test('lastPerKey and last must be non-negative integers', async (t) => {
  const feed = feedOf()
  for (const wrong of [-1, 1.5, Infinity, NaN, '1', null]) {
    t.throws(() => feed.subscribe({ from: { lastPerKey: wrong as never } }), { code: 'FST_EVENTFEED_BAD_OPTION', message: /lastPerKey: n/ })
    t.throws(() => { feed.subscribe({ keys: [] }).follow('a', { last: wrong as never }) }, { code: 'FST_EVENTFEED_BAD_OPTION', message: /non-negative integer/ })
  }
  t.throws(() => { feed.subscribe({ keys: [] }).follow('a', 20 as never) }, { code: 'FST_EVENTFEED_BAD_OPTION', message: /takes \{ last \}/ })
  t.throws(() => { feed.subscribe({ keys: [] }).follow('a', { first: 1 } as never) }, { code: 'FST_EVENTFEED_BAD_OPTION', message: /there is last/ })
  t.throws(() => feed.subscribe({ from: { lastPerKey: 1, last: 1 } as never }), { code: 'FST_EVENTFEED_BAD_OPTION' })
  feed.subscribe({ keys: [] }).follow('a', { last: undefined })
})
