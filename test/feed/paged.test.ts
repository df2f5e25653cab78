/** Stories of a feed over a log that is asynchronous throughout and holds most of its history outside of its window. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { Feed, SubscribeOptions } from '../../lib/index.ts'
import { PagedLog, type PagedLogOptions } from '../contract/paged-log.ts'
import { appOf, listen, Listener } from './listener.ts'

interface Numbers {
  app: FastifyInstance
  log: PagedLog
  feed: Feed
  /** Publishes numbers one after the other, without waiting in between. */
  publish: (from: number, to: number) => Promise<string[]>
  open: (options?: SubscribeOptions, lastEventId?: string) => Promise<Listener>
}

async function feedOf (t: Test, options: PagedLogOptions = {}, log = new PagedLog(options)): Promise<Numbers> {
  const app = await appOf(t)
  const feed: Feed = app.feed('numbers', { log, retain: { entries: 3 } })
  let next: SubscribeOptions = {}
  app.get('/numbers', (_request, reply) => reply.sse(feed.subscribe(next)))
  await listen(app)
  return {
    app,
    log,
    feed,
    publish: async (from, to) => await Promise.all(numbers(from, to).map(async (number) => await feed.publish({ event: 'message', data: number }))),
    open: async (subscribe = {}, lastEventId = undefined) => {
      next = subscribe
      return await Listener.open(t, app, '/numbers', lastEventId)
    }
  }
}

function numbers (from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}

/** A log in whose answers there is no promise of this realm, but what can be awaited. */
function thenableLog (log: PagedLog): PagedLog {
  return new Proxy(log, {
    get (target, name): unknown {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(value, target, args)
        return answer instanceof Promise ? { then: answer.then.bind(answer) } : answer
      }
    }
  })
}

t.test('a log may answer each call by anything that can be awaited', async (t) => {
  const { publish, open } = await feedOf(t, {}, thenableLog(new PagedLog()))
  const ids = await publish(1, 8)
  const readers = [await open({ from: 'earliest' }), await open({}, ids[1])]
  await publish(9, 9)
  for (const [index, reader] of readers.entries()) t.strictSame((await reader.count(9 - index * 2)).data, numbers(1 + index * 2, 9))
})

t.test('publish is fulfilled with the position that the log gave', async (t) => {
  const { publish, log } = await feedOf(t)
  const ids = await publish(1, 3)
  t.strictSame(ids, log.store.history.map(({ entry }) => entry.position))
})

t.test('a replay leads from pages into the live stream, while it is published, and gives each event once and in order', async (t) => {
  const { publish, open, log } = await feedOf(t)
  const ids = await publish(1, 1200)
  let published = 1200
  const publishing: Array<Promise<unknown>> = []
  // at each page, and while it is read, entries are added: the window moves on before the reader has got there
  log.onPage = async () => {
    const first = published + 1
    published += 20
    if (published <= 1400) {
      await publish(first, first + 9)
      publishing.push(publish(first + 10, first + 19))
    }
  }
  const readers = [await open({}, ids[4]), await open({ from: 'earliest' }), await open({}, ids[1190])]
  await readers[1]?.count(1240)
  await Promise.all(publishing)
  log.onPage = () => {}
  await publish(9000, 9002)
  for (const reader of readers) {
    await reader.until(({ data }) => data.at(-1) === 9002)
    const got = reader.own.map(({ id = '' }) => Number(id.split('-')[1]))
    t.strictSame(got, numbers(got[0] ?? 0, got.at(-1) ?? 0), 'once each, in order')
    t.strictSame(reader.gaps, [])
  }
  const [fromFive = [], all = [], last = []] = readers.map(({ data }) => data)
  t.strictSame(fromFive, all.slice(5))
  t.strictSame(last, all.slice(1191))
  t.strictSame(all.slice(0, 1200), numbers(1, 1200))
})

t.test('a replay passes the filter and the projection, through pages and live', async (t) => {
  const { publish, open } = await feedOf(t)
  await publish(1, 40)
  const listener = await (await open({ from: 'earliest', where: ({ data }) => Number(data) % 10 === 0, as: ({ data }) => ({ data: { ten: data } }) })).count(4)
  await publish(41, 60)
  await listener.count(6)
  t.strictSame(listener.data, [10, 20, 30, 40, 50, 60].map((ten) => ({ ten })))
})

t.test('a window that has moved on while a page was read is caught up with by another page', async (t) => {
  const { publish, open, log } = await feedOf(t)
  const ids = await publish(1, 6)
  const listener = await (await open()).opening()
  // the window begins at 4 when the page is asked for, and at 10 when it is read
  log.onPage = async () => {
    log.onPage = () => {}
    await publish(7, 12)
  }
  const late = await open({}, ids[0])
  await late.count(11)
  await publish(13, 30)
  t.strictSame((await late.count(29)).data, numbers(2, 30))
  t.strictSame((await listener.count(24)).data, numbers(7, 30))
})

t.test('a reader that is slower than the window is not disconnected while the log keeps what it needs', async (t) => {
  const { feed, open, app } = await feedOf(t)
  const stalled = await (await open()).opening()
  stalled.pause()
  const big = 'x'.repeat(256 * 1024)
  for (let number = 1; number <= 60; number++) await feed.publish({ event: 'message', data: { number, big } })
  t.equal(app.eventfeed.stats().connections, 1)
  stalled.resume()
  await stalled.count(60)
  t.strictSame(stalled.data.map((data) => (data as { number: number }).number), numbers(1, 60))
})

t.test('what the whole log has lost is a gap', async (t) => {
  const { publish, open } = await feedOf(t, { retain: { entries: 10 } })
  const ids = await publish(1, 30)
  const listener = await (await open({}, ids[4])).count(10)
  t.strictSame(listener.gaps, [{ requested: ids[4], oldest: ids[20], reason: 'trimmed' }])
  t.strictSame([listener.events[0]?.event, listener.events[0]?.id], ['stream:gap', ids[19]])
  t.strictSame(listener.data, numbers(21, 30))
  const back = await (await open({}, ids[19])).count(10)
  t.strictSame([back.gaps, back.data], [[], numbers(21, 30)])
})

t.test('a reader between pages whose next entry leaves the log is disconnected, and comes back to a gap', async (t) => {
  const { publish, open, log } = await feedOf(t, { retain: { entries: 600 } })
  const ids = await publish(1, 600)
  let pages = 0
  log.onPage = async () => { if (++pages === 2) await publish(601, 1800) }
  const listener = await (await open({}, ids[0])).ended()
  t.strictSame(listener.data, numbers(2, 501))
  t.strictSame([listener.control('done'), listener.control('error')], [[], []])
  const back = await (await open({}, listener.lastEventId)).count(600)
  t.match(back.gaps, [{ reason: 'trimmed' }])
  t.strictSame(back.data, numbers(1201, 1800))
})

t.test('a page that fails ends the stream as failed, behind what was read', async (t) => {
  const { publish, open, log } = await feedOf(t)
  await publish(1, 700)
  let pages = 0
  log.onPage = () => { if (++pages === 2) throw new Error('the disk is gone') }
  const listener = await (await open({ from: 'earliest' })).ended()
  t.strictSame(listener.data, numbers(1, 500))
  t.match(listener.control('error'), [{ data: '{"code":"FST_EVENTFEED_SOURCE_FAILED"}' }])
  t.notMatch(listener.text, /disk/)
  const back = await (await open({}, listener.lastEventId)).count(200)
  t.strictSame(back.data, numbers(501, 700), 'who comes back goes on there')
})

t.test('a place that cannot be looked for: a browser is told to come back, and others get 503', async (t) => {
  const { open, log, app } = await feedOf(t)
  const failures = [async () => { throw new Error('no connection') }, () => { throw new Error('no connection') }]
  for (const locate of failures) {
    log.locate = locate
    const browser = await (await open({}, '1700-1')).ended()
    t.equal(browser.status, 200)
    t.match(browser.text, /^: this stream cannot be read now: come back later\nretry: 1\d{4}\n\n$/)
    const response = await app.inject({ url: '/numbers', headers: { accept: '*/*', 'last-event-id': '1700-1' } })
    t.equal(response.statusCode, 503)
    t.match(response.json(), { code: 'FST_EVENTFEED_LOG_FAILED' })
    t.notMatch(response.body, 'no connection')
    t.ok(Number(response.headers['retry-after']) >= 10)
  }
  log.earliest = () => { throw new Error('no connection') }
  t.match((await (await open({ from: 'earliest' })).ended()).text, /^: this stream cannot be read now: come back later\nretry: 1\d{4}\n\n$/)
  t.match(app.eventfeed.stats(), { connections: 0, feeds: { numbers: { streams: 0 } } }, 'and nothing of the stream is left')
})

t.test('an append that fails rejects publish, and nothing was added', async (t) => {
  const { feed, open, log, publish } = await feedOf(t)
  const listener = await (await open()).opening()
  await publish(1, 1)
  log.failures.push(new Error('the disk is full'))
  await t.rejects(Promise.resolve(feed.publish({ event: 'message', data: 2 })), { message: 'the disk is full' })
  t.equal(feed.stats().entries, 1)
  await feed.publish({ event: 'message', data: 2 })
  await listener.count(2)
  t.strictSame(listener.data, [1, 2])
})

t.test('what was published before the end is part of the rest, though the log was not done with it', async (t) => {
  const { feed, open } = await feedOf(t)
  const listener = await (await open({ from: 'earliest' })).opening()
  const published = numbers(1, 3).map((data) => feed.publish({ event: 'message', data }))
  feed.end()
  t.throws(() => feed.publish({ event: 'message', data: 4 }), { code: 'FST_EVENTFEED_FEED_ENDED' })
  t.equal((await Promise.all(published)).length, 3)
  await listener.ended()
  t.strictSame([listener.data, listener.events.at(-1)?.event], [[1, 2, 3], 'stream:done'])
})

t.test('an append that fails after the end does not keep the feed from ending', async (t) => {
  const { feed, open, log } = await feedOf(t)
  const listener = await (await open()).opening()
  log.failures.push(new Error('the disk is full'))
  const published = Promise.resolve(feed.publish({ event: 'message', data: 1 }))
  feed.end()
  await t.rejects(published, { message: 'the disk is full' })
  t.equal((await listener.ended()).events.at(-1)?.event, 'stream:done')
})

t.test('a feed that ends lets those who still read pages read on to the end', async (t) => {
  const { feed, publish, open, log } = await feedOf(t)
  await publish(1, 1200)
  let go = (): void => {}
  const held = new Promise<void>((resolve) => { go = resolve })
  log.onPage = async () => { if (log.pages === 2) await held }
  const listener = await (await open({ from: 'earliest' })).count(500)
  feed.end()
  go()
  await listener.ended()
  t.strictSame([listener.data, listener.events.at(-1)?.event], [numbers(1, 1200), 'stream:done'])
})

t.test('a client that leaves while a page is read leaves nothing behind', async (t) => {
  const { app, publish, open, log } = await feedOf(t)
  await publish(1, 1200)
  let go = (): void => {}
  const held = new Promise<void>((resolve) => { go = resolve })
  log.onPage = async () => { if (log.pages === 2) await held }
  const listener = await (await open({ from: 'earliest' })).count(500)
  listener.leave()
  while (app.eventfeed.stats().connections > 0) await new Promise((resolve) => { setImmediate(resolve) })
  go()
  t.strictSame(app.eventfeed.stats().feeds['numbers']?.streams, 0)
  await publish(1201, 1201)
  t.equal(log.pages, 2, 'no further page is read')
})
