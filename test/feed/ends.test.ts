/** How feeds and streams end: kept for those who come later, as failures, and after an entry that the application names. */
import t from 'tap'
import { FEED_FAILED } from '../../lib/errors.ts'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import type { SubscribeOptions } from '../../lib/subscription/options.ts'
import { merge } from '../../lib/stream/merge.ts'
import type { SourceEnd } from '../../lib/wire/frame-source.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { ManualClock } from '../clock.ts'
import { appOf, listen, Listener } from './listener.ts'
import { feedOf, OpenStream, turn, until } from './open-stream.ts'

const publishAll = async (feed: LogFeed, ...numbers: number[]): Promise<string[]> => {
  const ids: string[] = []
  for (const data of numbers) ids.push(await feed.publish({ event: 'message', data, key: data % 2 === 0 ? 'even' : 'odd' }))
  return ids
}

/** All that a stream gives that is opened now, and how it ends. */
async function readAll (feed: LogFeed, options?: SubscribeOptions, after?: string): Promise<{ data: unknown[], gaps: unknown[], end: SourceEnd | undefined, stream: OpenStream }> {
  const stream = new OpenStream(feed.subscribe(options as never), { after })
  await until(() => stream.source.end !== undefined, 'the stream ends')
  const { data, gaps, source: { end } } = stream
  stream.close()
  return { data, gaps, end, stream }
}

/** The same with each kind of log. */
const LOGS = [['in memory', () => ({})], ['in pages', () => ({ log: new PagedLog(), retain: { entries: 2 } })]] as const

for (const [name, log] of LOGS) {
  t.test(`who comes within keepMs gets all that is kept, and then the end: a log ${name}`, async (t) => {
    const clock = new ManualClock()
    let isFreed = false
    const feed = feedOf({ ...log(), clock, onFreed: () => { isFreed = true } })
    const [first = ''] = await publishAll(feed, 1, 2, 3, 4)
    feed.end({ keepMs: 1_000 })
    const late = await readAll(feed)
    t.same([late.data, late.gaps, late.end], [[1, 2, 3, 4], [], { kind: 'done' }])
    t.same((await readAll(feed, {}, first)).data, [2, 3, 4], 'with an id: what follows it')
    t.same((await readAll(feed, { from: 'latest' })).data, [], 'what is asked for counts')
    t.same((await readAll(feed, { keys: ['even'] })).data, [2, 4])
    const looped: unknown[] = []
    for await (const { data } of feed.subscribe()) looped.push(data)
    t.same(looped, [1, 2, 3, 4], 'loops too')
    clock.advance(999)
    await turn()
    t.equal(isFreed, false)
    t.same((await readAll(feed)).data, [1, 2, 3, 4], 'until the last moment')
    clock.advance(1)
    await until(() => isFreed, 'the history is freed')
    t.equal(feed.stats().bytes, 0)
    const tooLate = await readAll(feed)
    t.same([tooLate.data, tooLate.gaps, tooLate.end], [[], [{ requested: '', oldest: null, reason: 'trimmed' }], { kind: 'done' }])
    t.same((await readAll(feed, { from: 'latest' })).gaps, [], 'who asks for what comes now misses nothing')
    t.same((await readAll(feed, {}, first)).gaps, [{ requested: first, oldest: null, reason: 'trimmed' }])
    t.equal(clock.timers, 0)
    await feed.close()
  })

  t.test(`after end() without keepMs, who comes while others read gets all, later a gap: a log ${name}`, async (t) => {
    const feed = feedOf(log())
    const reading = new OpenStream(feed.subscribe())
    await publishAll(feed, 1, 2, 3)
    reading.stall()
    feed.end()
    const late = await readAll(feed)
    t.same([late.data, late.gaps], [[1, 2, 3], []])
    reading.resume()
    await until(() => reading.source.end !== undefined, 'the stream ends')
    reading.close()
    await until(() => feed.isFreed, 'the history is freed')
    t.match((await readAll(feed)).gaps, [{ reason: 'trimmed' }])
    await feed.close()
  })
}

t.test('a feed that never had an event ends without a gap, whenever one comes', async (t) => {
  const feed = feedOf()
  feed.end()
  t.same((await readAll(feed)).gaps, [])
  t.same((await readAll(feed, { from: 'start' })).gaps, [])
})

t.test('a stream that still reads when keepMs is over gets the rest', async (t) => {
  const clock = new ManualClock()
  const feed = feedOf({ clock })
  await publishAll(feed, 1, 2, 3)
  feed.end({ keepMs: 10 })
  const slow = new OpenStream(feed.subscribe(), { isStalled: true })
  clock.advance(10)
  t.equal(feed.isFreed, false)
  slow.resume()
  t.same([slow.data, slow.source.end], [[1, 2, 3], { kind: 'done' }])
  slow.close()
  await until(() => feed.isFreed, 'the history is freed')
})

t.test('a kept history is given up when the application closes, and no timer is left', async (t) => {
  for (const keepMs of [1_000, Infinity]) {
    const clock = new ManualClock()
    const feed = feedOf({ clock })
    await publishAll(feed, 1)
    feed.end({ keepMs })
    await feed.close()
    t.equal(clock.timers, 0)
    t.equal(feed.stats().entries, 0)
    const late = await readAll(feed)
    t.same([late.data, late.end], [[], { kind: 'drain' }], 'a client that comes then is to come back')
  }
})

t.test('a second end changes nothing, whichever came first', async (t) => {
  const clock = new ManualClock()
  const faults: unknown[][] = []
  const made = { clock, onFault: (...fault: unknown[]) => { faults.push(fault) } }
  const feed = feedOf(made)
  feed.end()
  feed.end({ keepMs: 5 })
  t.equal(clock.timersSet, 0)
  feed.fail(new Error('too late'))
  t.match(faults, [[{ message: 'too late' }, 'it was to fail, but had ended already']], 'an error is not lost')
  t.same((await readAll(feed)).end, { kind: 'done' })
  const failed = feedOf(made)
  failed.fail(undefined)
  failed.end({ keepMs: 5 })
  failed.fail(new Error('again'))
  t.equal(clock.timersSet, 0)
  t.match((await readAll(failed)).end, { kind: 'failed', code: FEED_FAILED })
  t.match(faults.slice(1), [[{ message: 'thrown: undefined' }, 'it has failed'], [{ message: 'again' }, 'it was to fail, but had ended already']])
  t.throws(() => failed.publish({ data: 1 }), { code: 'FST_EVENTFEED_FEED_ENDED' })
})

t.test('keepMs is an integer of 0 or more, or Infinity; what is wrong ends nothing', async (t) => {
  const feed = feedOf()
  for (const keepMs of [-1, NaN, 0.5, '5', null]) {
    t.throws(() => { feed.end({ keepMs } as never) }, { code: 'FST_EVENTFEED_BAD_OPTION', message: /keepMs/ })
    t.throws(() => { feed.fail(new Error('x'), { keepMs } as never) }, { code: 'FST_EVENTFEED_BAD_OPTION' })
  }
  t.throws(() => { feed.end({ keep: 1 } as never) }, { message: 'feed.end() has no option "keep": there is keepMs' })
  t.throws(() => { feed.end(5 as never) }, { code: 'FST_EVENTFEED_BAD_OPTION' })
  t.equal(feed.hasEnded, false)
  feed.end({ keepMs: 0 })
  await until(() => feed.isFreed, 'the history is freed')
})

t.test('10,000 feeds that are kept share one timer, and leave none', async (t) => {
  const clock = new ManualClock()
  const app = await appOf(t, { clock })
  const feeds = Array.from({ length: 10_000 }, (_, index) => app.feed(`answer:${index}`))
  const before = clock.timers
  for (const [index, feed] of feeds.entries()) {
    await feed.publish({ data: index })
    feed.end({ keepMs: 1_000 + index % 100 })
  }
  t.equal(clock.timers - before, 1)
  t.equal(app.feed.get('answer:7')?.hasEnded, true)
  clock.advance(1_100)
  await turn()
  t.equal(clock.timers - before, 0)
  t.equal(app.feed.get('answer:7'), undefined)
  t.same(app.eventfeed.stats().feeds, {})
})

t.test('while it is kept, the name finds the feed, and is free for another one', async (t) => {
  const clock = new ManualClock()
  const app = await appOf(t, { clock })
  const first = app.feed('answer')
  await first.publish({ data: 'first' })
  first.end({ keepMs: 1_000 })
  t.equal(app.feed.get('answer'), first)
  t.equal(app.eventfeed.stats().feeds['answer']?.entries, 1)
  const second = app.feed('answer')
  t.equal(app.feed.get('answer'), second)
  t.throws(() => app.feed('answer'), { code: 'FST_EVENTFEED_FEED_EXISTS' })
  const got: unknown[] = []
  for await (const { data } of first.subscribe()) got.push(data)
  t.same(got, ['first'], 'whoever holds the first one still reads it')
  clock.advance(1_000)
  await turn()
  t.equal(app.feed.get('answer'), second, 'the second one stays')
})

t.test('a feed that cannot be defined leaves the one that is kept', async (t) => {
  const app = await appOf(t)
  const kept = app.feed('answer')
  kept.end({ keepMs: Infinity })
  const log = new PagedLog()
  log.tail = () => { throw new Error('no') }
  t.throws(() => app.feed('answer', { log }), { message: 'no' })
  t.equal(app.feed.get('answer'), kept)
})

t.test('fail: clients get what remains, then a failure for good, without its text; the log gets it once', async (t) => {
  const lines: string[] = []
  const app = await appOf(t, {}, { logger: { level: 'error', stream: { write: (line: string) => { lines.push(line) } } } })
  const feed = app.feed('answer')
  app.get('/', (_request, reply) => reply.sse(feed.subscribe()))
  await listen(app)
  const listeners = [await Listener.open(t, app, '/'), await Listener.open(t, app, '/')]
  for (const listener of listeners) await listener.opening()
  await feed.publish({ data: 1 })
  feed.fail(new Error('the secret of the model'), { keepMs: 10_000 })
  const late = await Listener.open(t, app, '/')
  for (const listener of [...listeners, late]) {
    await listener.ended()
    t.same(listener.data, [1])
    t.match(listener.control('error'), [{ data: `{"code":"${FEED_FAILED}"}` }])
    t.notMatch(listener.text, /secret/)
    const lastEventId = listener.lastEventId ?? ''
    t.match(lastEventId, /^~done\./, 'a client does not come back')
    t.equal((await app.inject({ url: '/', headers: { accept: 'text/event-stream', 'last-event-id': lastEventId } })).statusCode, 204)
  }
  const errors = lines.map((line) => JSON.parse(line) as { msg: string, err: { message: string } })
  t.match(errors, [{ msg: 'the feed "answer": it has failed', err: { message: 'the secret of the model' } }])
  t.equal(errors.length, 1)
  await t.rejects(async () => { for await (const event of feed.subscribe()) t.same(event.data, 1) }, { code: FEED_FAILED, cause: { message: 'the secret of the model' } })
})

t.test('of several feeds, one that fails fails the stream when the others have ended', async (t) => {
  const app = await appOf(t)
  const [failing, other] = [app.feed('failing'), app.feed('other')]
  const stream = new OpenStream(merge([failing.subscribe(), other.subscribe()]))
  await failing.publish({ data: 1 })
  failing.fail(new Error('broken'))
  await turn()
  await other.publish({ data: 2 })
  await turn()
  t.same([stream.data, stream.source.end], [[1, 2], undefined])
  other.end()
  await until(() => stream.source.end !== undefined, 'the stream ends')
  t.match(stream.source.end, { kind: 'failed', isFinal: true })
  stream.close()
})

t.test('a log holds the end and not the failure: who opens it later reads a plain end', async (t) => {
  const log = new PagedLog()
  const feed = feedOf({ log })
  await publishAll(feed, 1)
  feed.fail(new Error('broken'), { keepMs: Infinity })
  await turn()
  await feed.close()
  const later = feedOf({ log: new PagedLog({ store: log.store }) })
  await later.ready()
  const { data, end } = await readAll(later)
  t.same([data, end], [[1], { kind: 'done' }])
  await later.close()
})
