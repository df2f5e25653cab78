/** `everyMs`: at most one tick in so many milliseconds, and at each the newest entry of every key. */
import t from 'tap'
import { merge } from '../../lib/stream/merge.ts'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import type { SubscribeOptions } from '../../lib/subscription/options.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { ManualClock } from '../clock.ts'
import { appOf } from './listener.ts'
import { feedOf, OpenStream, turn, until, type FeedMade } from './open-stream.ts'

/** Later than any tick of 100 ms: a tenth may be added. */
const TICK_MS = 110

const put = (feed: Pick<LogFeed, 'publish'>, ...entries: Array<readonly [key: string | undefined, data: number]>): void => {
  for (const [key, data] of entries) feed.publish({ event: 'price', data, ...(key === undefined ? {} : { key }) })
}

function world (made: FeedMade = {}): { clock: ManualClock, feed: LogFeed, open: (options?: SubscribeOptions, opened?: object) => OpenStream } {
  const clock = new ManualClock()
  const feed = feedOf({ ...made, clock })
  return { clock, feed, open: (options = {}, opened = {}) => new OpenStream(feed.subscribe({ everyMs: 100, ...options } as never), opened) }
}

t.test('the first event after silence comes at once, then the newest of each key at each tick, in the order of the log', async (t) => {
  const { clock, feed, open } = world()
  const stream = open()
  put(feed, ['a', 1])
  await turn()
  t.same(stream.data, [1])
  put(feed, ['a', 2], ['b', 3], ['a', 4], ['c', 5], ['b', 6])
  await turn()
  t.same(stream.data, [1], 'nothing before the tick')
  clock.advance(99)
  await turn()
  t.same(stream.data, [1])
  clock.advance(11)
  await turn()
  t.same(stream.data, [1, 4, 5, 6])
  t.equal(clock.timers, 0, 'no timer where nothing waits')
  clock.advance(1_000)
  put(feed, ['a', 7])
  await turn()
  t.same(stream.data, [1, 4, 5, 6, 7], 'after silence at once')
  const { gaps, lagged, published, delivered, filtered } = feed.stats()
  t.same({ gaps, lagged, published, delivered, filtered }, { gaps: 0, lagged: 0, published: 7, delivered: 5, filtered: 0 })
  stream.close()
  t.equal(clock.timers, 0)
})

t.test('who does not ask for it sets no timer, and gets all', async (t) => {
  const { clock, feed } = world()
  const stream = new OpenStream(feed.subscribe())
  put(feed, ['a', 1], ['a', 2])
  await turn()
  t.same([stream.data, clock.timersSet], [[1, 2], 0])
  stream.close()
})

t.test('entries without a key count as one key for each event type', async (t) => {
  const { clock, feed, open } = world()
  const stream = open()
  put(feed, ['a', 0])
  await turn()
  put(feed, [undefined, 1], [undefined, 2])
  await feed.publish({ event: 'other', data: 3 })
  clock.advance(TICK_MS)
  await turn()
  t.same(stream.data, [0, 2, 3])
  stream.close()
})

t.test('a cut anywhere in a tick loses the newest of no key', async (t) => {
  const { clock, feed, open } = world()
  const stream = open()
  put(feed, ['a', 1])
  await turn()
  put(feed, ['a', 2], ['b', 3], ['c', 4], ['b', 5], ['a', 6])
  clock.advance(TICK_MS)
  await turn()
  t.same(stream.data, [1, 4, 5, 6])
  for (const [index, rest] of [[1, [5, 6]], [2, [6]], [3, []], [0, [4, 5, 6]]] as const) {
    const back = open({}, { after: stream.own[index]?.id })
    t.same(back.data, rest, `after ${String(stream.data[index])}`)
    back.close()
  }
  stream.close()
})

t.test('with keys, where and as: the newest that the stream takes', async (t) => {
  const { clock, feed, open } = world()
  const stream = open({ keys: ['a', 'b'], where: ({ data }: { data: unknown }) => Number(data) % 2 === 1, as: ({ data }: { data: unknown }) => ({ data: [data] }) } as never)
  put(feed, ['a', 1])
  await turn()
  put(feed, ['a', 3], ['a', 4], ['c', 5], ['b', 7], ['b', 8])
  clock.advance(TICK_MS)
  await turn()
  t.same(stream.data, [[1], [3], [7]])
  const filtered = open({ where: ({ data }) => Number(data) % 2 === 1 })
  put(feed, ['a', 9], ['a', 10])
  await turn()
  t.same(filtered.data, [9])
  put(feed, ['a', 11], ['b', 12], ['a', 12])
  clock.advance(TICK_MS)
  await turn()
  t.same(filtered.data, [9, 11])
  t.same(stream.data, [[1], [3], [7], [11]])
  stream.close()
  filtered.close()
})

t.test('a filter is asked about no entry twice while it waits, and about none that is skipped', async (t) => {
  const { clock, feed, open } = world()
  const asked: unknown[] = []
  const stream = open({ where: ({ data }) => { asked.push(data); return true } })
  put(feed, ['a', 1])
  await turn()
  put(feed, ['a', 2], ['a', 3])
  await turn()
  clock.advance(TICK_MS)
  await turn()
  t.same(stream.data, [1, 3])
  t.same(asked.filter((data) => data === 1), [1])
  stream.close()
})

t.test('an event that where throws at is a gap, in its place among the others', async (t) => {
  const { clock, feed, open } = world()
  const stream = open({ where: ({ data }) => { if (data === 3) throw new Error('poisoned'); return true } })
  put(feed, ['a', 1])
  await turn()
  put(feed, ['b', 2], ['c', 3], ['d', 4])
  clock.advance(TICK_MS)
  await turn()
  t.same([stream.data, stream.gaps.length, stream.told.length], [[1, 2, 4], 1, 4])
  t.equal(feed.stats().failed, 1)
  stream.close()
})

for (const mode of ['disconnect', 'skip', 'latest'] as const) {
  t.test(`what leaves the log between two ticks is neither a gap nor a lag: ${mode}`, async (t) => {
    const { clock, feed, open } = world({ mode, retain: { entries: 3 }, maxLagMs: 10, maxLagBytes: 400 })
    const streams = [open(), open({ keys: ['rare', 'a', 'b'] })]
    put(feed, ['a', 0])
    await turn()
    put(feed, ['rare', 1])
    for (let round = 1; round <= 20; round++) {
      put(feed, ['a', round * 10], ['b', round * 10 + 1])
      await turn()
    }
    clock.advance(TICK_MS)
    await turn()
    for (const stream of streams) {
      t.same([stream.data, stream.gaps, stream.source.end, stream.source.behind()], [[0, 1, 200, 201], [], undefined, { entries: 0, bytes: 0 }])
      stream.close()
    }
    t.same([feed.stats().lagged, feed.stats().gaps], [0, 0])
    const { bytes } = feed.stats()
    if (mode !== 'latest') t.ok(bytes < 3 * 400, `nothing is kept for nobody: ${bytes}`)
  })
}

t.test('what leaves the log before a filter was asked is a gap, because nobody knows what it would have taken', async (t) => {
  const { clock, feed, open } = world({ mode: 'skip', retain: { entries: 2 } })
  const streams = [open({ where: ({ data }) => data !== 3 }), open({ keys: ['b'] })]
  for (const data of [0, 1]) await feed.publish({ event: 'price', data, keys: ['a', 'b'] })
  await turn()
  await feed.publish({ event: 'price', data: 2, keys: ['a', 'b'] })
  for (const data of [3, 4, 5]) put(feed, [data === 3 ? 'a' : 'c', data])
  clock.advance(TICK_MS)
  await until(() => streams.every(({ gaps }) => gaps.length === 1), 'both hear of it')
  t.match(streams[0]?.gaps, [{ reason: 'lagged' }])
  for (const stream of streams) stream.close()
})

t.test('where more keys left the log than it may keep, that is a gap', async (t) => {
  const { clock, feed, open } = world({ mode: 'skip', retain: { entries: 5 } })
  const stream = open()
  put(feed, ['a', 0])
  await turn()
  for (let key = 1; key <= 20; key++) put(feed, [`key ${key}`, key])
  clock.advance(TICK_MS)
  await until(() => stream.data.length > 1, 'it goes on')
  t.match(stream.gaps, [{ reason: 'lagged' }])
  t.same(stream.data, [0, 16, 17, 18, 19, 20])
  stream.close()
})

t.test('a client that does not read gets the newest when it does, and is behind meanwhile', async (t) => {
  const { clock, feed, open } = world()
  const stream = open()
  put(feed, ['a', 1])
  await turn()
  stream.stall()
  put(feed, ['a', 2], ['b', 3])
  await turn()
  clock.advance(TICK_MS)
  await turn()
  put(feed, ['a', 4], ['c', 5])
  await turn()
  t.equal(stream.source.behind().entries, 4)
  stream.resume()
  t.same([stream.data, stream.gaps, stream.source.behind().entries], [[1, 3, 4, 5], [], 0])
  stream.close()
})

t.test('what waits for the tick is sent before the end of the feed, and at a drain', async (t) => {
  const { clock, feed, open } = world()
  const [ended, cancelled] = [open(), open()]
  put(feed, ['a', 1])
  await turn()
  put(feed, ['a', 2], ['a', 3], ['b', 4])
  await turn()
  cancelled.cancel()
  cancelled.resume()
  t.same([cancelled.data, cancelled.source.end], [[1, 3, 4], { kind: 'done' }])
  feed.end()
  await turn()
  t.same([ended.data, ended.source.end], [[1, 3, 4], { kind: 'done' }])
  ended.close()
  cancelled.close()
  t.equal(clock.timers, 0)
})

t.test('endAfter sees what is sent', async (t) => {
  const { clock, feed, open } = world()
  const asked: unknown[] = []
  const stream = open({ endAfter: ({ data }) => { asked.push(data); return data === 4 } })
  put(feed, ['a', 1])
  await turn()
  put(feed, ['a', 2], ['a', 3], ['b', 4], ['c', 5])
  clock.advance(TICK_MS)
  await turn()
  t.same([stream.data, asked, stream.source.end], [[1, 3, 4], [1, 3, 4], { kind: 'done' }])
  stream.close()
})

t.test('a replay is conflated, as far as the window reaches', async (t) => {
  const { clock, feed, open } = world()
  put(feed, ['a', 1], ['b', 2], ['a', 3])
  const stream = open({ from: 'earliest' })
  t.same(stream.data, [2, 3])
  stream.close()
  const paged = feedOf({ clock, log: new PagedLog(), retain: { entries: 2 } })
  for (const [key, data] of [['a', 1], ['a', 2], ['a', 3], ['b', 4], ['b', 5]] as const) await paged.publish({ event: 'price', data, key })
  const older = new OpenStream(paged.subscribe({ from: 'earliest', everyMs: 100 }))
  await until(() => older.data.at(-1) === 5, 'all is read')
  t.same([older.data, older.gaps], [[1, 2, 3, 5], []])
  older.close()
  await paged.close()
})

t.test('loops too', async (t) => {
  const { clock, feed } = world()
  const loop = feed.subscribe({ everyMs: 100 })[Symbol.asyncIterator]()
  put(feed, ['a', 1])
  t.match(await loop.next(), { value: { data: 1 } })
  put(feed, ['a', 2], ['a', 3])
  const next = loop.next()
  await turn()
  clock.advance(TICK_MS)
  t.match(await next, { value: { data: 3 } })
  feed.end()
  t.match(await loop.next(), { done: true })
  t.equal(clock.timers, 0)
})

t.test('of several feeds on one stream, each has its own', async (t) => {
  const clock = new ManualClock()
  const app = await appOf(t, { clock })
  const [prices, chat] = [app.feed('prices'), app.feed('chat')]
  const open = (after?: string): OpenStream => new OpenStream(merge([prices.subscribe({ everyMs: 100 }), chat.subscribe()]), { after })
  const stream = open()
  put(prices as never, ['a', 1])
  await turn()
  put(prices as never, ['a', 2], ['b', 3])
  put(chat as never, ['x', 10], ['x', 11])
  await turn()
  t.same(stream.data, [1, 10, 11])
  const back = open(stream.lastEventId)
  t.same(back.data, [2, 3], 'a client that comes back gets what waited')
  clock.advance(TICK_MS)
  await turn()
  t.same(stream.data, [1, 10, 11, 2, 3])
  stream.close()
  back.close()
})

t.test('10,000 streams share a timer, tick at different times, and leave none', async (t) => {
  const { clock, feed, open } = world()
  const streams = Array.from({ length: 10_000 }, () => open())
  put(feed, ['a', 1])
  await until(() => streams.every(({ data }) => data.length === 1), 'all have the first')
  put(feed, ['a', 2])
  await until(() => streams.every((stream) => stream.wakes >= 2), 'all wait for their tick')
  t.equal(clock.timers, 1)
  clock.advance(104)
  await turn()
  const early = streams.filter(({ events }) => events.length === 3).length
  t.ok(early > 1_000 && early < 9_000, `${early} have ticked`)
  clock.advance(6)
  await until(() => streams.every(({ events }) => events.length === 3), 'all have ticked')
  for (const stream of streams) stream.close()
  t.equal(clock.timers, 0)
})

t.test('steps of the wall clock change nothing', async (t) => {
  const { clock, feed, open } = world()
  const stream = open()
  put(feed, ['a', 1])
  await turn()
  put(feed, ['a', 2])
  await turn()
  clock.set(-1_000_000)
  clock.advance(TICK_MS)
  await turn()
  t.same(stream.data, [1, 2])
  clock.set(1_000_000)
  put(feed, ['a', 3])
  await turn()
  t.same(stream.data, [1, 2], 'the next tick is not early')
  stream.close()
})

t.test('everyMs is an integer of 1 or more', (t) => {
  const feed = feedOf()
  for (const everyMs of [0, -1, 0.5, NaN, Infinity, '5', null]) {
    t.throws(() => feed.subscribe({ everyMs } as never), { code: 'FST_EVENTFEED_BAD_OPTION', message: /everyMs/ }, String(everyMs))
  }
  t.doesNotThrow(() => feed.subscribe({ everyMs: 1 }))
  t.end()
})
