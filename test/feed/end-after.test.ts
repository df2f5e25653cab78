/** `endAfter` ends one stream after an entry, and `from: 'start'` says what is missing of its beginning. */
import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import type { EntryView } from '../../lib/feed/entry.ts'
import { merge } from '../../lib/stream/merge.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { openDatabase, skip } from '../sqlite/database.ts'
import { sqliteLogs } from '../../lib/sqlite/index.ts'
import { appOf, listen, Listener } from './listener.ts'
import { feedOf, OpenStream, turn, until } from './open-stream.ts'

const isThree = ({ data }: { data: unknown }): boolean => data === 3

async function publishAll (feed: { publish (event: { event: 'message', data: number, key: string }): string | Promise<string> }, ...numbers: number[]): Promise<string[]> {
  const ids: string[] = []
  for (const data of numbers) ids.push(await feed.publish({ event: 'message', data, key: data % 2 === 0 ? 'even' : 'odd' }))
  return ids
}

t.test('a stream ends after the entry that endAfter names, live and on replay; its client does not come back', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('progress')
  app.get('/', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest', endAfter: isThree })))
  await listen(app)
  const live = await Listener.open(t, app, '/')
  await live.opening()
  await publishAll(feed, 1, 2, 3, 4)
  const replay = await Listener.open(t, app, '/')
  for (const listener of [live, replay]) {
    await listener.ended()
    t.same(listener.data, [1, 2, 3])
    t.equal(listener.control('done').length, 1)
    const headers = { accept: 'text/event-stream', 'last-event-id': listener.lastEventId }
    t.equal((await app.inject({ url: '/', headers })).statusCode, 204)
  }
  const lost = await Listener.open(t, app, '/', live.own.at(-1)?.id)
  await lost.ended()
  t.same([lost.data, lost.control('done').length], [[], 1], 'one that was cut before the end hears it')
  const earlier = await Listener.open(t, app, '/', live.own[0]?.id)
  await earlier.ended()
  t.same(earlier.data, [2, 3])
  t.equal(app.eventfeed.stats().feeds['progress']?.streams, 0)
})

for (const [name, made] of [['in memory', () => ({})], ['in pages', () => ({ log: new PagedLog(), retain: { entries: 2 } })]] as const) {
  t.test(`it sees the entries that the stream takes, before as, and no others: a log ${name}`, async (t) => {
    const feed = feedOf(made())
    const asked: unknown[] = []
    const endAfter = ({ data }: EntryView): boolean => { asked.push(data); return data === 6 }
    const options = { from: 'earliest', where: ({ data }: EntryView) => data !== 2, keys: ['even'], as: ({ data }: EntryView) => data === 6 ? undefined : { data: [data] }, endAfter } as const
    const stream = new OpenStream(feed.subscribe(options as never))
    await publishAll(feed, 1, 2, 3, 4, 5, 6, 7, 8)
    await until(() => stream.source.end !== undefined, 'the stream ends')
    t.same([stream.data, asked, stream.source.end], [[[4]], [4, 6], { kind: 'done' }], 'also after one that is left out')
    stream.close()
    const replayed: unknown[] = []
    for await (const { data } of feed.subscribe(options as never)) replayed.push(data)
    t.same(replayed, [[4]], 'a loop ends too')
    feed.end()
    await feed.close()
  })
}

t.test('one that always says yes ends after the first entry, one that never does with the feed', async (t) => {
  const feed = feedOf()
  const [always, never] = [true, false].map((answer) => new OpenStream(feed.subscribe({ endAfter: () => answer })))
  await publishAll(feed, 1, 2, 3)
  await turn()
  t.same([always?.data, always?.source.end], [[1], { kind: 'done' }])
  t.same([never?.data, never?.source.end], [[1, 2, 3], undefined])
  feed.end()
  await turn()
  t.same(never?.source.end, { kind: 'done' })
  always?.close()
  never?.close()
  await turn()
  t.equal(feed.isFreed, true)
})

t.test('what it throws is reported once for each entry, and the stream goes on', async (t) => {
  const faults: unknown[][] = []
  const feed = feedOf({ onFault: (...fault) => { faults.push(fault) } })
  const endAfter = ({ data }: EntryView): boolean => { if (data === 2) throw new Error('boom'); return data === 4 }
  const subscription = feed.subscribe({ from: 'earliest', endAfter })
  const stream = new OpenStream(subscription)
  const [, second = ''] = await publishAll(feed, 1, 2, 3)
  await turn()
  t.same([stream.data, stream.gaps, stream.source.end], [[1, 2, 3], [], undefined])
  const again = new OpenStream(subscription, { after: second })
  t.same([again.data, again.source.end], [[3], undefined])
  t.match(faults, [[{ message: 'boom' }, /endAfter.*failed at the event.*its streams go on/]])
  t.equal(faults.length, 1)
  await publishAll(feed, 4)
  await turn()
  t.same([stream.source.end, again.source.end], [{ kind: 'done' }, { kind: 'done' }])
  stream.close()
  again.close()
})

t.test('a promise fails the stream: it would be true whatever it becomes', async (t) => {
  const feed = feedOf()
  const stream = new OpenStream(feed.subscribe({ endAfter: (() => Promise.reject(new Error('never seen'))) as never }))
  await publishAll(feed, 1)
  await turn()
  t.same(stream.data, [1])
  t.match(stream.source.end, { kind: 'failed', error: { code: 'FST_EVENTFEED_NOT_SYNCHRONOUS', message: /endAfter/ } })
  stream.close()
})

t.test('it is asked about an entry that as throws at, and not about one that where throws at', async (t) => {
  const feed = feedOf()
  const asked: unknown[] = []
  const stream = new OpenStream(feed.subscribe({
    where: ({ data }) => { if (data === 1) throw new Error('where'); return true },
    as: ({ data }) => { if (data === 2) throw new Error('as'); return { data } },
    endAfter: ({ data }) => { asked.push(data); return data === 2 }
  }))
  await publishAll(feed, 1, 2, 3)
  await turn()
  t.same([asked, stream.data, stream.gaps.length, stream.source.end], [[2], [], 2, { kind: 'done' }])
  stream.close()
})

t.test('an event of a state may be the last: then the stream ends when all of the state is sent', async (t) => {
  const feed = feedOf({ initial: () => [{ data: 3 }, { data: 5 }] })
  await publishAll(feed, 1)
  const stream = new OpenStream(feed.subscribe({ endAfter: isThree }))
  await turn()
  t.same([stream.data, stream.source.end], [[3, 5], { kind: 'done' }])
  stream.close()
})

t.test('among the newest of each key, that a slow stream gets, the one it names ends it', async (t) => {
  const feed = feedOf({ mode: 'latest', retain: { entries: 2 } })
  const stream = new OpenStream(feed.subscribe({ endAfter: isThree }), { isStalled: true })
  stream.read()
  await publishAll(feed, 1, 2, 3, 4, 6)
  stream.resume()
  await until(() => stream.source.end !== undefined, 'the stream ends')
  t.same([stream.data, stream.gaps.length, stream.source.end], [[3], 1, { kind: 'done' }])
  stream.close()
})

t.test('in an array of subscriptions only its own part ends, and stays so for a client that comes back', async (t) => {
  const app = await appOf(t)
  const [progress, chat] = [app.feed('progress'), app.feed('chat')]
  const open = (after?: string): OpenStream => new OpenStream(merge([progress.subscribe({ endAfter: isThree }), chat.subscribe()]), { after })
  const stream = open()
  await publishAll(progress, 1, 3, 5)
  await turn()
  t.same([stream.data, stream.source.end], [[1, 3], undefined])
  const atTheEnd = stream.lastEventId
  await publishAll(chat, 10)
  await turn()
  t.same(stream.data, [1, 3, 10])
  const { lastEventId } = stream
  t.match(lastEventId, /^progress=~/)
  stream.close()
  for (const after of [atTheEnd, lastEventId]) {
    const back = open(after)
    await publishAll(progress, 7)
    await publishAll(chat, 11)
    await turn()
    t.same([back.data.at(-1), back.data.filter((data) => Number(data) < 10), back.gaps], [11, [], []])
    t.match(back.lastEventId, /^progress=~/)
    back.close()
  }
  const ended = open(lastEventId)
  chat.end()
  await until(() => ended.source.end !== undefined, 'the stream ends')
  t.same(ended.source.end, { kind: 'done' })
  ended.close()
})

t.test('it runs in the asynchronous context of whoever opens the stream', async (t) => {
  const users = new AsyncLocalStorage<string>()
  const feed = feedOf()
  const seen: unknown[] = []
  const subscription = feed.subscribe({ endAfter: () => { seen.push(users.getStore()); return false } })
  const stream = users.run('ada', () => new OpenStream(subscription))
  await users.run('bob', () => publishAll(feed, 1))
  await turn()
  t.same(seen, ['ada'])
  stream.close()
})

t.test('endAfter is a function', (t) => {
  t.throws(() => feedOf().subscribe({ endAfter: true } as never), { code: 'FST_EVENTFEED_BAD_OPTION', message: /endAfter/ })
  t.end()
})

const LOGS = [
  ['in memory', () => ({ made: { retain: { entries: 3 } }, free: () => {} }), false],
  ['in pages, larger than its window', () => ({ made: { log: new PagedLog({ retain: { entries: 3 } }), retain: { entries: 1 } }, free: () => {} }), false],
  ['in SQLite, larger than its window', () => {
    const database = openDatabase(':memory:')
    return { made: { log: sqliteLogs({ database, retain: { entries: 3 } })('numbers'), retain: { entries: 1 } }, free: () => { database.close() } }
  }, skip]
] as const

for (const [name, make, skip] of LOGS) {
  t.test(`from: 'start' says that the beginning is missing, and from: 'earliest' does not: a log ${name}`, { skip }, async (t) => {
    const { made, free } = make()
    const feed = feedOf(made)
    const read = async (from: 'start' | 'earliest', data: unknown[], gaps: unknown[]): Promise<OpenStream> => {
      const stream = await OpenStream.begun(feed.subscribe({ from }))
      await until(() => stream.data.length >= data.length, 'all is read')
      t.same([stream.data, stream.gaps], [data, gaps], `${from} of ${data.join(', ')}`)
      stream.close()
      return stream
    }
    await feed.ready()
    await read('start', [], [])
    const ids = await publishAll(feed, 1, 2, 3)
    await read('start', [1, 2, 3], [])
    ids.push(...await publishAll(feed, 4))
    await read('earliest', [2, 3, 4], [])
    const told = await read('start', [2, 3, 4], [{ requested: '', oldest: ids[1], reason: 'trimmed' }])
    t.equal(told.events[0]?.id, ids[0], 'told once: whoever comes back goes on')
    feed.end()
    await feed.close()
    free()
  })
}

t.test('a client that is cut before it hears that its beginning is missing starts over', async (t) => {
  const app = await appOf(t)
  const [trimmed, chat] = [app.feed('answer', { retain: { entries: 1 } }), app.feed('chat')]
  await publishAll(trimmed, 1, 2)
  const open = (after?: string): OpenStream => new OpenStream(merge([chat.subscribe({ from: 'earliest' }), trimmed.subscribe({ from: 'start' })]), { after, isStalled: true })
  await publishAll(chat, 10)
  const stream = open()
  stream.read(2)
  t.same([stream.data, stream.gaps], [[], [{ requested: '', oldest: stream.lastEventId?.split('=').at(-1)?.replace(/\d+$/, '2'), reason: 'trimmed', feed: 'answer' }]])
  const first = stream.events[0]?.id
  t.match(first, /^chat=[^,]*$/, 'the first id names only the feed that has begun')
  stream.close()
  const back = open(first)
  back.resume()
  t.equal(back.gaps.length, 1)
  t.same(back.data, [10, 2])
  back.close()
})

t.test('a log that does not say whether it was trimmed may have been', async (t) => {
  const log = new PagedLog()
  const { earliest } = log
  log.earliest = async () => { const { oldest, before } = await earliest.call(log); return { oldest, before } }
  const feed = feedOf({ log })
  const stream = await OpenStream.begun(feed.subscribe({ from: 'start' }))
  t.match(stream.gaps, [{ requested: '', oldest: null, reason: 'trimmed' }])
  stream.close()
  await feed.close()
})
