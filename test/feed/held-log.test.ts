/** What a feed promises of a log that takes its time: its opening, what is on its way into it, its end, and its close. */
import t, { type Test } from 'tap'
import { fastify, type FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import { PENDING_APPENDS, PENDING_BYTES } from '../../lib/defaults.ts'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import eventfeed, { MemoryLog, type LogDraft, type TailListener } from '../../lib/index.ts'
import { compileEvents } from '../../lib/schema/events.ts'
import { PagedLog, PagedStore } from '../contract/paged-log.ts'
import { feedOf, OpenStream, turn, until } from './open-stream.ts'

const PAGED = { retain: { entries: 3 } }

function draft (data: unknown, more: Partial<LogDraft> = {}): LogDraft {
  return { event: 'message', json: JSON.stringify(data), keys: [], at: Date.now(), ...more }
}

async function publish (feed: LogFeed, ...numbers: number[]): Promise<string[]> {
  return await Promise.all(numbers.map(async (data) => await feed.publish({ event: 'message', data })))
}

/** A log that holds numbers, and another process that has it open. */
async function stored (...numbers: number[]): Promise<PagedLog> {
  const log = new PagedLog()
  await log.tail({ entries () {}, lost () {}, ended () {} }, { entries: 0, bytes: 0 })
  for (const number of numbers) await log.append(draft(number))
  return log
}

t.test('until the log has opened, publishes and streams wait, in the order in which they came', async (t) => {
  const log = new PagedLog()
  const feed = feedOf({ log, ...PAGED })
  const first = new OpenStream(feed.subscribe())
  const published = publish(feed, 1, 2)
  const second = new OpenStream(feed.subscribe({ from: 'earliest' }))
  t.strictSame([first.events, second.events], [[], []])
  const ids = await published
  t.strictSame(ids, log.store.history.map(({ entry }) => entry.position))
  await until(() => first.data.length === 2 && second.data.length === 2, 'both get both')
  for (const stream of [first, second]) stream.close()
  await feed.close()
})

t.test('the window is filled with the newest entries, which a stream gets without a page', async (t) => {
  const log = await stored(1, 2, 3, 4, 5)
  const own = new PagedLog({ store: log.store })
  const feed = feedOf({ log: own, ...PAGED })
  await feed.ready()
  t.match(feed.stats(), { entries: 3, published: 0 })
  const stream = await OpenStream.begun(feed.subscribe({ from: { last: 9 } }))
  t.strictSame([stream.data, own.pages], [[3, 4, 5], 0])
  stream.close()
  await feed.close()
})

t.test('app.ready() waits for the log, and rejects with its error', async (t) => {
  const log = new PagedLog()
  const app = await appWith(t)
  const feed = app.feed('numbers', { log })
  let isReady = false
  const ready = Promise.resolve(app.ready()).then(() => { isReady = true })
  await Promise.resolve()
  t.notOk(isReady)
  await ready
  t.match(await feed.publish({ event: 'message', data: 1 }), /^17\d\d-41$/)

  const failing = new PagedLog()
  failing.openFailures.push(new Error('no such file'))
  const other = await appWith(t)
  other.feed('numbers', { log: failing })
  await t.rejects(Promise.resolve(other.ready()), { message: 'no such file' })
})

t.test('a log that refuses at once refuses the feed, and leaves the name free', async (t) => {
  const app = await appWith(t)
  const log = new MemoryLog()
  log.tail = () => { throw new Error('no such file') }
  t.throws(() => app.feed('numbers', { log }), { message: 'no such file' })
  t.equal(app.feed('numbers').hasEnded, false)
})

t.test('where a log cannot be opened all who wait are told, and the next use opens it again', async (t) => {
  const log = await stored(1, 2)
  log.openFailures.push(new Error('the disk is asleep'), new Error('still'))
  const faults: unknown[] = []
  const feed = feedOf({ log, ...PAGED, onFault: (error) => { faults.push(error) } })
  const stream = new OpenStream(feed.subscribe())
  await t.rejects(publish(feed, 3), { message: 'the disk is asleep' })
  t.match(stream.source.end, { kind: 'failed', error: { code: 'FST_EVENTFEED_LOG_FAILED', cause: { message: 'the disk is asleep' } } })
  stream.close()
  await t.rejects(publish(feed, 3), { message: 'still' })
  const back = new OpenStream(feed.subscribe({ from: 'earliest' }))
  await publish(feed, 3)
  await until(() => back.data.length === 3, 'it gets all')
  t.strictSame(back.data, [1, 2, 3])
  back.close()
  await feed.close()
})

t.test('what a tail tells before it fails does not count', async (t) => {
  const log = new MemoryLog()
  const { tail } = log
  let listener: TailListener | undefined
  log.tail = (given) => {
    listener = given
    given.entries([{ ...draft(7), position: 'a-1' }])
    throw new Error('no connection')
  }
  t.throws(() => feedOf({ log }), { message: 'no connection' })
  t.ok(listener)
  log.tail = (given, newest) => {
    given.entries([{ ...draft(7), position: 'a-1' }])
    log.tail = tail
    return Promise.reject(new Error('no connection')) as never ?? newest
  }
  const feed = feedOf({ log })
  await t.rejects(feed.ready(), { message: 'no connection' })
  t.equal(feed.stats().entries, 0)
  await publish(feed, 1)
  t.equal(feed.stats().entries, 1)
})

t.test('appends on their way are bounded by count; past the bound publish fails, and may be tried again', async (t) => {
  const log = new PagedLog()
  const feed = feedOf({ log })
  const published: Array<Promise<unknown>> = []
  for (let data = 0; data < PENDING_APPENDS; data++) published.push(Promise.resolve(feed.publish({ event: 'message', data })))
  t.throws(() => feed.publish({ event: 'message', data: 'one more' }), { code: 'FST_EVENTFEED_LOG_BUSY', retryable: true, message: /10000 events/ })
  await published[0]
  await Promise.all([...published, publish(feed, 1)])
  t.equal(feed.stats().published, PENDING_APPENDS + 1)
  await feed.close()
})

t.test('... and by bytes, but one that is larger goes alone', async (t) => {
  const log = new PagedLog()
  const feed = feedOf({ log })
  const large = feed.publish({ event: 'message', data: 'x'.repeat(PENDING_BYTES) })
  t.throws(() => feed.publish({ event: 'message', data: 1 }), { code: 'FST_EVENTFEED_LOG_BUSY', retryable: true, message: /bytes of events/ })
  await large
  await publish(feed, 1)
  await feed.close()
})

t.test('an event with the dedupeId of one that is kept is that one', async (t) => {
  for (const log of [undefined, new MemoryLog(), new PagedLog()]) {
    const feed = feedOf({ log, retain: { entries: 2 } })
    const stream = await OpenStream.begun(feed.subscribe())
    const add = async (data: number, dedupeId?: string): Promise<string> => await feed.publish({ event: 'message', data, dedupeId })
    const id = await add(1, 'order 1')
    t.equal(await add(2, 'order 1'), id)
    await add(3)
    await until(() => stream.data.length === 2, 'the others come')
    t.strictSame(stream.data, [1, 3])
    stream.close()
    await feed.close()
  }
  const feed = feedOf({ retain: { entries: 2 } })
  const ids = [['a', 1], ['b', 2], ['c', 3], ['a', 4]].map(([dedupeId, data]) => feed.publish({ event: 'message', data, dedupeId: String(dedupeId) }))
  t.equal(new Set(ids).size, 4, 'one that has left is no more')
  for (const dedupeId of ['', 7, null]) {
    t.throws(() => feed.publish({ event: 'message', data: 1, dedupeId: dedupeId as never }), { code: 'FST_EVENTFEED_BAD_FIELD' })
  }
})

t.test('what is stored passes the schema of today: what it does not name any more does not leave, by whatever way', async (t) => {
  const codec = compileEvents({ said: Type.Object({ text: Type.String() }) }, 'the events of a test', { shared: {}, serializer: undefined, validates: false })
  const store = new PagedStore()
  const before = new PagedLog({ store })
  await before.tail({ entries () {}, lost () {}, ended () {} }, { entries: 0, bytes: 0 })
  const add = async (event: string, data: unknown): Promise<string> => await before.append(draft(data, { event }))
  await add('said', { text: 'one', secret: 'old' })
  const unknown = await add('whispered', { text: 'of a newer version' })
  const wrong = await add('said', [])
  const broken = await before.append(draft(0, { event: 'said', json: '{' }))
  const control = await add('stream:done', { text: 'not from us' })
  await add('said', { text: 'two', secret: 'old' })
  for (const entries of [1, 100]) {
    const faults: string[] = []
    const feed = feedOf({ log: new PagedLog({ store }), retain: { entries }, codec, onFault: (_error, what) => { faults.push(what) } })
    await feed.ready()
    const options = [{}, {}, { where: () => true }, { as: ({ data }: { data: unknown }) => ({ data }) }]
    for (const option of options) {
      const stream = new OpenStream(feed.subscribe({ from: 'earliest', ...option }))
      const expected = [{ text: 'one' }, ...[unknown, wrong, broken, control].map((id) => `failed ${id}`), { text: 'two' }]
      await until(() => stream.told.length === expected.length, () => `all is told: ${JSON.stringify(stream.told)}`)
      t.strictSame(stream.told, expected)
      stream.close()
    }
    const loop = feed.subscribe({ from: 'earliest' })[Symbol.asyncIterator]()
    t.match((await loop.next()).value, { data: { text: 'one' } })
    await loop.return?.()
    t.equal(faults.length, 4, `each is reported once: ${faults.join('\n')}`)
    await feed.close()
  }
})

t.test('an end that another process has written ends the feed: streams get what remains, and the last one takes the history', async (t) => {
  const elsewhere = await stored(1, 2, 3, 4, 5)
  const log = new PagedLog({ store: elsewhere.store })
  const feed = feedOf({ log, ...PAGED })
  const streams = [new OpenStream(feed.subscribe({ from: 'earliest' })), new OpenStream(feed.subscribe({ from: 'earliest' }))]
  await until(() => streams.every(({ data }) => data.length === 5), 'they have all')
  await elsewhere.append(draft(6))
  await elsewhere.end()
  t.ok(feed.hasEnded)
  t.throws(() => feed.publish({ event: 'message', data: 7 }), { code: 'FST_EVENTFEED_FEED_ENDED' })
  await until(() => streams.every(({ source }) => source.end !== undefined), 'they end')
  for (const stream of streams) t.strictSame([stream.data, stream.source.end], [[1, 2, 3, 4, 5, 6], { kind: 'done' }])
  streams[0]?.close()
  await turn()
  t.equal(elsewhere.store.history.length, 6, 'one still has it')
  streams[1]?.close()
  await until(() => elsewhere.store.history.length === 0, 'the history is deleted')
  await elsewhere.close()
})

t.test('a log that has ended before is read to its end, deleted by the last stream, and kept where nobody came', async (t) => {
  const elsewhere = await stored(1, 2, 3, 4)
  await elsewhere.end()
  const unread = feedOf({ log: new PagedLog({ store: elsewhere.store }), ...PAGED })
  await unread.ready()
  t.ok(unread.hasEnded)
  await unread.close()
  t.equal(elsewhere.store.history.length, 4)
  const feed = feedOf({ log: new PagedLog({ store: elsewhere.store }), ...PAGED })
  const { epoch } = elsewhere.store
  const stream = new OpenStream(feed.subscribe({ from: 'earliest' }))
  await until(() => stream.source.end !== undefined, 'it ends')
  t.strictSame([stream.data, stream.source.end], [[1, 2, 3, 4], { kind: 'done' }])
  stream.close()
  await until(() => elsewhere.store.history.length === 0, 'the history is deleted')
  t.not(elsewhere.store.epoch, epoch)
  const late = new OpenStream(feed.subscribe(), { after: stream.lastEventId })
  t.strictSame([late.gaps, late.source.end], [[], { kind: 'done' }], 'who comes back to it has seen all')
  late.close()
  await elsewhere.close()
})

t.test('feed.end() comes after what is on its way, and deletes the history; a feed that closes keeps it', async (t) => {
  const log = new PagedLog()
  const feed = feedOf({ log, ...PAGED })
  const stream = await OpenStream.begun(feed.subscribe())
  const published = publish(feed, 1, 2)
  feed.end()
  await published
  await until(() => stream.source.end !== undefined, 'it ends')
  t.strictSame([stream.data, stream.source.end], [[1, 2], { kind: 'done' }])
  stream.close()
  await until(() => log.store.history.length === 0, 'the history is deleted')
  await t.rejects(log.append(draft(1)), { code: 'FST_EVENTFEED_LOG_CLOSED' })

  const kept = new PagedLog()
  const closing = feedOf({ log: kept, ...PAGED })
  const reading = await OpenStream.begun(closing.subscribe())
  const last = publish(closing, 1, 2)
  const closed = closing.close()
  t.throws(() => closing.publish({ event: 'message', data: 3 }), { code: 'FST_EVENTFEED_LOG_CLOSED' })
  await closed
  t.strictSame(await last, kept.store.history.map(({ entry }) => entry.position), 'what was on its way has arrived')
  t.match([reading.source.end, closing.hasEnded], [{ kind: 'drain' }, false])
  const late = new OpenStream(closing.subscribe(), { after: (await last)[0] })
  t.strictSame([late.gaps, late.lastEventId, late.source.end], [[], (await last)[0], { kind: 'drain' }], 'it is to come back with what it has')
  for (const stream of [reading, late]) stream.close()
})

t.test('a feed that closes while its log opens refuses what waits', async (t) => {
  const log = new PagedLog()
  const feed = feedOf({ log })
  const published = publish(feed, 1)
  const stream = new OpenStream(feed.subscribe())
  await Promise.all([t.rejects(published, { code: 'FST_EVENTFEED_LOG_CLOSED' }), feed.close()])
  t.match(stream.source.end, { kind: 'drain' })
  stream.close()
  await t.rejects(log.locate('1-1'), { code: 'FST_EVENTFEED_LOG_CLOSED' }, 'the log is closed too')
})

t.test('an end that cannot be written is reported, and the streams end all the same', async (t) => {
  const fail = (): never => { throw new Error('the disk is full') }
  const ends: Array<() => unknown> = [
    fail, () => Promise.reject(new Error('the disk is full')), () => ({ then: fail }), () => Object.defineProperty({}, 'then', { get: fail })
  ]
  for (const end of ends) {
    const log = new MemoryLog()
    log.end = end as () => void
    const faults: string[] = []
    const feed = feedOf({ log, onFault: (_error, what) => { faults.push(what) } })
    const stream = new OpenStream(feed.subscribe())
    feed.end()
    await until(() => stream.source.end !== undefined, 'it ends')
    t.strictSame([stream.source.end, faults], [{ kind: 'done' }, ['its end could not be written']])
    stream.close()
  }
})

t.test('what a tail has lost is read by pages: nothing is missing, and nothing comes twice', async (t) => {
  const elsewhere = await stored(1, 2)
  const log = new PagedLog({ store: elsewhere.store })
  const feed = feedOf({ log, ...PAGED })
  const options = [{}, { keys: ['a'] }, { where: () => true }, { keys: [] }]
  const streams = await Promise.all(options.map(async (option) => await OpenStream.begun(feed.subscribe(option))))
  log.holdTail()
  for (const number of [3, 4, 5]) await elsewhere.append(draft(number, { keys: ['a'] }))
  log.lose()
  t.equal(feed.stats().entries, 0, 'what comes next does not follow what was there')
  const fresh = new OpenStream(feed.subscribe())
  await elsewhere.append(draft(6, { keys: ['a'] }))
  const [plain, keyed, filtered, none] = streams
  await until(() => [plain, keyed, filtered, fresh].every((stream) => stream?.data.at(-1) === 6), 'all have the last')
  for (const stream of [plain, keyed, filtered]) t.strictSame([stream?.data, stream?.gaps], [[3, 4, 5, 6], []])
  t.strictSame(none?.own, [])
  t.equal(new Set(fresh.data).size, fresh.data.length)
  for (const stream of [...streams, fresh]) stream.close()
  await feed.close()
  await elsewhere.close()
})

t.test('a position ahead of the tail is waited for: the reader goes on when the tail tells it', async (t) => {
  const elsewhere = await stored(1, 2)
  const log = new PagedLog({ store: elsewhere.store })
  const feed = feedOf({ log, ...PAGED })
  await feed.ready()
  log.holdTail()
  const positions = [await elsewhere.append(draft(3)), await elsewhere.append(draft(4))]
  const [ahead, behind] = [new OpenStream(feed.subscribe(), { after: positions[1] }), new OpenStream(feed.subscribe(), { after: positions[0] })]
  await until(() => behind.data.length === 1, 'a page gives what the tail has not told')
  const { pages } = log
  for (let turns = 0; turns < 50; turns++) await turn()
  t.equal(log.pages, pages, 'nobody asks again and again')
  log.release()
  await elsewhere.append(draft(5))
  await until(() => ahead.data.length === 1 && behind.data.length === 2, 'both go on')
  t.strictSame([ahead.data, behind.data, ahead.gaps], [[5], [4, 5], []])
  for (const stream of [ahead, behind]) stream.close()
  await feed.close()
  await elsewhere.close()
})

t.test('a log that tells what is no entry is reported, and streams read on by pages', async (t) => {
  const log = new MemoryLog()
  let listener: TailListener | undefined
  const { tail } = log
  log.tail = (given, newest) => {
    listener = given
    return tail.call(log, given, newest)
  }
  const faults: unknown[] = []
  const feed = feedOf({ log, onFault: (error) => { faults.push(error) } })
  const stream = new OpenStream(feed.subscribe())
  await publish(feed, 1)
  for (const wrong of [null, {}, { ...draft(2), position: 'two words' }, { ...draft(2), position: 'a\nb' }]) listener?.entries([wrong as never])
  await publish(feed, 2)
  await until(() => stream.data.length === 2, 'it gets all')
  t.strictSame([stream.data, stream.gaps], [[1, 2], []])
  t.strictSame(faults.map((error) => (error as { code?: string }).code), Array.from({ length: 4 }, () => 'FST_EVENTFEED_BAD_LOG'))
  stream.close()
  await feed.close()
})

t.test('retain beside a log bounds what is held, and never above what the log keeps', async (t) => {
  const log = new PagedLog({ retain: { entries: 5, bytes: 1_000_000, ageMs: 60_000 } })
  t.strictSame(feedOf({ log }).window.retention, { entries: 5, bytes: 1_000_000, ageMs: 60_000 })
  t.strictSame(feedOf({ log, retain: { entries: 2, bytes: 2_000_000 } }).window.retention, { entries: 2, bytes: 1_000_000, ageMs: 60_000 })
  for (const wrong of [{ entries: 0 }, { bytes: 'much' }, { ageMs: -1 }]) {
    t.throws(() => feedOf({ log: Object.assign(new MemoryLog(), { retain: wrong }) }), { code: 'FST_EVENTFEED_BAD_OPTION' })
  }
})

t.test('what is no log is refused when the feed is defined', async (t) => {
  const app = await appWith(t)
  for (const log of [null, 7, 'memory', {}, { ...new MemoryLog() }]) t.throws(() => app.feed('numbers', { log: log as never }), { code: 'FST_EVENTFEED_BAD_OPTION' })
})

async function appWith (t: Test): Promise<FastifyInstance> {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  return app
}
