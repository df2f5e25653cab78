/** What a feed costs and shares: subscriptions opened as a connection opens them, without HTTP. */
import { createHook } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import { BATCH_BYTES, ENTRY_BYTES, FRAME_BYTES } from '../../lib/defaults.ts'
import type { Feed, FeedSubscription, SubscribeOptions } from '../../lib/index.ts'
import type { Batch } from '../../lib/wire/batch.ts'
import { EVENTS_FORM } from '../../lib/wire/control-form.ts'
import { openFrames, type FrameSource } from '../../lib/wire/frame-source.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { appOf, listen, Listener } from './listener.ts'

/** A reader: each wake is one read of all there is, as a connection with a fast client does. */
class Reader {
  readonly batches: Batch[] = []
  wakes = 0
  readonly source: FrameSource

  constructor (subscription: FeedSubscription, isLive = true) {
    this.source = subscription[openFrames]({
      lastEventId: undefined,
      codec: undefined,
      control: EVENTS_FORM,
      signal: new AbortController().signal,
      owner: {
        wake: () => {
          this.wakes++
          if (isLive) this.read()
        }
      }
    })
    this.read()
  }

  read (): void {
    for (let batch = this.source.read(BATCH_BYTES); batch !== undefined; batch = this.source.read(BATCH_BYTES)) this.batches.push(batch)
  }

  close (): void {
    this.source.cancel(new Error('closed'))
    this.source.release()
  }
}

function readersOf (count: number, feed: Feed, options?: () => SubscribeOptions): Reader[] {
  return Array.from({ length: count }, () => new Reader(feed.subscribe(options?.())))
}

function publish (feed: Feed, count: number): void {
  for (let number = 1; number <= count; number++) feed.publish({ event: 'message', data: { number } })
}

t.test('100 events of one tick are one wake and one batch, the same bytes for all that stand at the same place', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers')
  const readers = readersOf(20, feed)
  publish(feed, 100)
  await setImmediate()
  for (const { wakes, batches } of readers) {
    t.strictSame([wakes, batches.map(({ events }) => events)], [1, [0, 100]])
    t.equal(batches[1]?.bytes, readers[0]?.batches[1]?.bytes, 'the same buffer')
  }
  for (const reader of readers) reader.close()
})

t.test('100 events of one tick reach a client in one write', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers')
  let writes = 0
  app.get('/', (_request, reply) => {
    const { raw } = reply
    const { write } = raw
    raw.write = function (this: typeof raw, ...given: unknown[]) {
      writes++
      return Reflect.apply(write, this, given) as boolean
    } as typeof write
    return reply.sse(feed.subscribe())
  })
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).opening()
  const before = writes
  publish(feed, 100)
  await listener.count(100)
  t.ok(writes - before <= 1, `${writes - before} writes`)
})

t.test('a projection runs once for each entry and variant, however many read', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers')
  let runs = 0
  const as = ({ data }: { data: unknown }): { data: unknown } => {
    runs++
    return { data: { data } }
  }
  // those with a filter share frames, those without share batches
  const readers = [...readersOf(5, feed, () => ({ as })), ...readersOf(5, feed, () => ({ as, where: () => true }))]
  publish(feed, 10)
  await setImmediate()
  t.equal(runs, 10)
  for (const { batches } of readers) t.equal(batches.reduce((sum, { events }) => sum + events, 0), 10)
  for (const reader of readers) reader.close()
})

t.test('cached bytes count toward the bound, and leave with the last reader', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers')
  publish(feed, 1)
  const bare = feed.stats().bytes
  const readers = readersOf(2, feed, () => ({ from: 'earliest' }))
  const cached = feed.stats().bytes
  t.equal(cached, bare + FRAME_BYTES + (readers[0]?.batches[1]?.bytes.length ?? NaN))
  readers[0]?.close()
  t.equal(feed.stats().bytes, cached, 'one still reads')
  readers[1]?.close()
  readers[1]?.close()
  t.match(feed.stats(), { entries: 1, bytes: bare, streams: 0 })
})

t.test('cached bytes leave with their entry, and the sum never drifts', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers', { retain: { entries: 7 } })
  const as = ({ data }: { data: unknown }): { data: unknown } | undefined => (data as { number: number }).number % 3 === 0 ? undefined : { data }
  const readers = [...readersOf(2, feed), ...readersOf(2, feed, () => ({ as }))]
  for (let round = 0; round < 30; round++) {
    publish(feed, round % 11)
    await setImmediate()
    if (round % 7 === 0) readers.push(...readersOf(1, feed, () => ({ from: 'earliest' })))
  }
  for (const reader of readers) reader.close()
  const entries = Array.from({ length: 7 }, (_, index) => JSON.stringify({ number: 29 % 11 - 6 + index }).length + 'message'.length + ENTRY_BYTES)
  t.match(feed.stats(), { entries: 7, bytes: entries.reduce((sum, size) => sum + size, 0), streams: 0 })
})

t.test('cached forms leave before entries do', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers', { retain: { bytes: 60 * (ENTRY_BYTES + 100) } })
  const readers = readersOf(2, feed)
  publish(feed, 60)
  t.equal(feed.stats().entries, 60)
  await setImmediate()
  await setImmediate()
  t.ok(feed.stats().bytes <= 60 * (ENTRY_BYTES + 100))
  t.equal(feed.stats().entries, 60)
  for (const { batches } of readers) t.equal(batches.reduce((sum, { events }) => sum + events, 0), 60, 'and all were read')
  for (const reader of readers) reader.close()
})

t.test('no promise is made for an event and a connection', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers')
  const readers = readersOf(200, feed)
  let promises = 0
  const hook = createHook({ init: (_id, type) => { if (type === 'PROMISE') promises++ } }).enable()
  publish(feed, 100)
  // the fan-out lets other work run in between, where it takes long
  while (readers.some(({ batches }) => batches.length < 2)) await setImmediate()
  hook.disable()
  t.ok(promises < 100, `${promises} promises for 20,000 deliveries`)
  for (const reader of readers) reader.close()
})

t.test('a stream that is cancelled gives what was ready, and nothing that came later', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers')
  const reader = new Reader(feed.subscribe(), false)
  publish(feed, 2)
  reader.source.cancel(new Error('drain'))
  publish(feed, 3)
  reader.read()
  t.strictSame([reader.batches.map(({ events }) => events), reader.source.end], [[0, 2], { kind: 'done' }])
  reader.close()
})

t.test('a quiet stream gives a bookmark where entries were left out, once', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers')
  const reader = new Reader(feed.subscribe({ where: () => false }))
  t.equal(reader.source.quiet(), undefined)
  publish(feed, 2)
  await setImmediate()
  const id = await feed.publish({ event: 'message', data: 3 })
  await setImmediate()
  t.equal(String(reader.source.quiet()?.bytes), `event: stream:bookmark\ndata: {}\nid: ${id}\n\n`)
  t.equal(reader.source.quiet(), undefined)
  reader.close()
})

t.test('several feeds on one stream: each id carries all positions, each feed resumes and reports its gap by itself', async (t) => {
  const app = await appOf(t)
  const a = app.feed('a', { retain: { entries: 3 } })
  const b = app.feed('b')
  app.get('/', (_request, reply) => reply.sse([a.subscribe(), b.subscribe()]))
  await listen(app)
  const first = await (await Listener.open(t, app, '/')).until(({ events }) => events.length === 2)
  const ids = { a: String(await a.publish({ event: 'message', data: 'a1' })), b: String(await b.publish({ event: 'message', data: 'b1' })) }
  await first.count(2)
  t.equal(first.lastEventId, `a=${ids.a},b=${ids.b}`)
  for (let number = 2; number < 9; number++) await a.publish({ event: 'message', data: `a${number}` })
  await b.publish({ event: 'message', data: 'b2' })
  const back = await (await Listener.open(t, app, '/', `a=${ids.a},b=${ids.b}`)).count(4)
  t.match(back.gaps, [{ requested: ids.a, reason: 'trimmed' }])
  t.strictSame(back.own.map(({ data }) => data).sort(), ['a6', 'a7', 'a8', 'b2'])
  // wherever the line is cut, the client comes back to all that it has not seen, and to the gaps that it was not told
  for (const { id } of back.events) {
    const seen = back.events.slice(0, back.events.findIndex((event) => event.id === id) + 1)
    const again = await (await Listener.open(t, app, '/', id)).until(({ events }) => events.filter(({ event }) => event !== 'message').length >= 2)
    await again.count(4 - seen.filter(({ event }) => event === 'message').length)
    t.strictSame([...seen, ...again.events].filter(({ event }) => event === 'message').map(({ data }) => data).sort(), ['a6', 'a7', 'a8', 'b2'], `cut behind ${id}`)
  }
  const garbage = await (await Listener.open(t, app, '/', 'gar,bage')).until(({ gaps }) => gaps.length === 2)
  t.match(garbage.gaps, [{ requested: 'gar,bage', reason: 'malformed' }, { requested: 'gar,bage', reason: 'malformed' }])
  const cut = await (await Listener.open(t, app, '/', garbage.control('gap')[0]?.id)).until(({ events }) => events.length >= 2)
  t.match(cut.gaps, [{ reason: 'malformed' }], 'a client that was cut between the two is told of the second')
})

t.test('several feeds of which one must look for its place: no id is given before all are known', async (t) => {
  const app = await appOf(t)
  const log = new PagedLog()
  const [slow, fast] = [app.feed('slow', { log, retain: { entries: 3 } }), app.feed('fast')]
  const slowIds = await Promise.all([1, 2, 3, 4, 5, 6].map(async (data) => await slow.publish({ event: 'message', data })))
  const fastId = await fast.publish({ event: 'message', data: 7 })
  await fast.publish({ event: 'message', data: 8 })
  app.get('/', (_request, reply) => reply.sse([slow.subscribe(), fast.subscribe()]))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/', `fast=${fastId},slow=${slowIds[0]}`)).count(6)
  t.strictSame(listener.data.map(Number).sort(), [2, 3, 4, 5, 6, 8])
  for (const { id } of listener.events) t.match(id, /^slow=\d+-\d+,fast=[0-9a-f]+-\d+$/)
})

t.test('two subscriptions of one feed cannot share a stream', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('a')
  app.get('/', (_request, reply) => reply.sse([feed.subscribe(), feed.subscribe()]))
  const response = await app.inject('/')
  t.match(response.json(), { code: 'FST_EVENTFEED_BAD_SOURCE' })
  t.equal(feed.stats().streams, 0)
})
