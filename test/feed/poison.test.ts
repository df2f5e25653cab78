/** Entries that a filter, a projection or a serializer throws at: each is reported as a gap of itself, and the stream goes on. */
import t from 'tap'
import { Type } from 'typebox'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import { merge } from '../../lib/stream/merge.ts'
import type { FeedSubscription } from '../../lib/subscription/subscription.ts'
import type { SubscribeOptions } from '../../lib/subscription/options.ts'
import type { EntryView } from '../../lib/feed/entry.ts'
import { compileEvents } from '../../lib/schema/events.ts'
import { BATCH_BYTES } from '../../lib/defaults.ts'
import { EVENTS_FORM } from '../../lib/wire/control-form.ts'
import { openFrames } from '../../lib/wire/frame-source.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { appOf, listen, Listener } from './listener.ts'
import { feedOf, OpenStream, turn, until, type FeedMade } from './open-stream.ts'

interface Fault { error: unknown, what: string }

/** A feed, and what it has reported. */
function reporting (options: FeedMade = {}): { feed: LogFeed, faults: Fault[] } {
  const faults: Fault[] = []
  return { feed: feedOf({ onFault: (error, what) => { faults.push({ error, what }) }, ...options }), faults }
}

function publish (feed: LogFeed, ...numbers: number[]): string[] {
  return numbers.map((data) => feed.publish({ event: 'message', data, key: 'a' }) as string)
}

const throwAt = (number: number, thrown: unknown = new Error('broken')) => ({ data }: EntryView): boolean => {
  if (data === number) throw thrown
  return true
}

/** Throws at its n-th call, whatever that is about. */
function throwOnceAt (call: number): { where: (view: EntryView) => boolean, calls: unknown[] } {
  const calls: unknown[] = []
  return {
    calls,
    where: ({ data }) => {
      if (calls.push(data) === call) throw new Error('once')
      return true
    }
  }
}

const asOf = (where: (view: EntryView) => boolean) => (view: EntryView): { data: unknown } | undefined => where(view) ? { data: view.data } : undefined

const WAYS: ReadonlyArray<[string, (where: (view: EntryView) => boolean) => SubscribeOptions]> = [
  ['a filter', (where) => ({ where })],
  ['a projection', (where) => ({ as: asOf(where) })],
  ['a filter with keys', (where) => ({ where, keys: ['a', 'b'] })],
  ['a projection with keys', (where) => ({ as: asOf(where), keys: ['a', 'b'] })]
]

for (const [what, optionsFor] of WAYS) {
  t.test(`${what} that throws: the entry is reported as a gap in its place, live, in a burst and on replay`, async (t) => {
    const { feed, faults } = reporting()
    const error = new Error('broken')
    const subscription = feed.subscribe({ ...optionsFor(throwAt(2, error)), onGap: () => { throw new Error('onGap was called') } })
    const live = new OpenStream(subscription)
    const ids: string[] = []
    for (const number of [1, 2, 3]) {
      ids.push(...publish(feed, number))
      await turn()
    }
    t.strictSame(live.told, [1, `failed ${ids[1]}`, 3])
    t.strictSame(live.gaps, [{ requested: ids[0], oldest: null, reason: 'failed' }])
    const burst = publish(feed, 4, 2, 2, 5)
    await turn()
    t.strictSame(live.told.slice(3), [4, `failed ${burst[1]}`, `failed ${burst[2]}`, 5])
    const replayed = new OpenStream(subscription, { after: ids[0] })
    t.strictSame(replayed.told, live.told.slice(1))
    const behind = new OpenStream(subscription, { after: ids[1] })
    t.strictSame(behind.told, live.told.slice(2), 'who was told is not told again')
    t.match(faults.map(({ error }) => error), [error, error, error], 'each entry is reported once')
    t.match(faults[0]?.what, ids[1])
    t.match(feed.stats(), { failed: 3 + 3 + 2, gaps: 3 + 3 + 2 })
    for (const stream of [live, replayed, behind]) stream.close()
  })

  t.test(`${what} that throws at one call only: its answer at that call counts, and no entry comes twice or is lost in silence`, async (t) => {
    for (let call = 1; call <= 5; call++) {
      for (const isBurst of [false, true]) {
        const { feed, faults } = reporting()
        const { where, calls } = throwOnceAt(call)
        const stream = new OpenStream(feed.subscribe(optionsFor(where)))
        const ids: string[] = []
        for (const number of [1, 2, 3, 4, 5]) {
          ids.push(...publish(feed, number))
          if (!isBurst) await turn()
        }
        await turn()
        t.strictSame(stream.told, [1, 2, 3, 4, 5].map((number) => number === call ? `failed ${ids[number - 1]}` : number))
        t.strictSame(calls, [1, 2, 3, 4, 5], 'each is asked about once')
        t.equal(faults.length, 1)
        stream.close()
      }
    }
  })

  t.test(`${what} that throws at entries from before the window: they are reported on replay`, async (t) => {
    const { feed, faults } = reporting({ log: new PagedLog(), retain: { entries: 2 } })
    const ids = await Promise.all([1, 2, 3, 2, 5].map((data) => feed.publish({ event: 'message', data, key: 'a' })))
    const streams = [1, 2].map(() => new OpenStream(feed.subscribe({ from: 'earliest', ...optionsFor(throwAt(2)) })))
    for (const stream of streams) {
      await until(() => stream.told.length === 5, 'all is told')
      t.strictSame(stream.told, [1, `failed ${ids[1]}`, 3, `failed ${ids[3]}`, 5])
      t.match(stream.gaps, [{ requested: ids[0] }, { requested: ids[2] }])
      stream.close()
    }
    t.equal(faults.length, 4, 'each entry once for each of two functions')
  })
}

t.test('whatever is thrown, it is reported and logged', async (t) => {
  for (const thrown of ['text', undefined, null, 0, Symbol('a'), { then: 1 }, Object.create(null) as unknown]) {
    const { feed, faults } = reporting()
    const streams = [{ where: throwAt(1, thrown) }, { as: asOf(throwAt(1, thrown)) }].map((options) => new OpenStream(feed.subscribe(options)))
    const [id] = publish(feed, 1)
    publish(feed, 2)
    await turn()
    for (const stream of streams) {
      t.strictSame(stream.told, [`failed ${id}`, 2])
      stream.close()
    }
    t.ok(faults.length === 2 && faults.every(({ error }) => error instanceof Error))
  }
})

t.test('an application log that throws hurts nobody', async (t) => {
  const feed = feedOf({ onFault: () => { throw new Error('the disk is full') } })
  const stream = new OpenStream(feed.subscribe({ where: throwAt(1) }))
  const [id] = publish(feed, 1)
  publish(feed, 2)
  await turn()
  t.strictSame(stream.told, [`failed ${id}`, 2])
  stream.close()
})

t.test('streams that share a projection share the batches around a poisoned entry, its gap included, and the projection is asked once', async (t) => {
  const { feed, faults } = reporting()
  const asked: unknown[] = []
  const as = (view: EntryView): { data: unknown } => {
    asked.push(view.data)
    throwAt(3)(view)
    return { data: view.data }
  }
  const sources = Array.from({ length: 10 }, () => feed.subscribe({ as })[openFrames]({ lastEventId: undefined, codec: undefined, control: EVENTS_FORM, signal: new AbortController().signal, owner: { wake () {} } }))
  for (const source of sources) while (source.read(BATCH_BYTES) !== undefined);
  const ids = publish(feed, 1, 2, 3, 4, 5)
  await turn()
  const batches = sources.map((source) => source.read(BATCH_BYTES))
  t.equal(new Set(batches).size, 1)
  t.equal(batches[0]?.events, 4)
  const order = String(batches[0]?.bytes).match(/^id: .*$/gm)
  t.strictSame(order, ids.map((id) => `id: ${id}`))
  t.match(String(batches[0]?.bytes), `event: stream:gap\ndata: ${JSON.stringify({ requested: ids[1], oldest: null, reason: 'failed' })}\nid: ${ids[2]}\n\n`)
  t.strictSame(asked, [1, 2, 3, 4, 5])
  t.equal(faults.length, 1)
  t.match(feed.stats(), { failed: 10, delivered: 40 })
  for (const source of sources) source.release()
})

t.test('an entry that the serializer of a route refuses is reported on that route alone', async (t) => {
  const { feed, faults } = reporting()
  const codec = compileEvents({ message: Type.Number() }, 'here', { shared: {}, validates: true })
  const [narrow, again] = [1, 2].map(() => new OpenStream(feed.subscribe(), { codec }))
  const wide = new OpenStream(feed.subscribe())
  feed.publish({ event: 'message', data: 1 })
  const text = feed.publish({ event: 'message', data: { text: 'no number' } })
  const other = feed.publish({ event: 'undeclared', data: 3 })
  feed.publish({ event: 'message', data: 4 })
  await turn()
  for (const stream of [narrow, again]) t.strictSame(stream?.told, [1, `failed ${text as string}`, `failed ${other as string}`, 4])
  t.strictSame(wide.told, [1, { text: 'no number' }, 3, 4])
  t.match(faults.map(({ error }) => error), [{ code: 'FST_EVENTFEED_INVALID_DATA' }, { code: 'FST_EVENTFEED_UNKNOWN_EVENT' }])
  for (const stream of [narrow, again, wide]) stream?.close()
})

t.test('a loop over a subscription gets the gap, and goes on', async (t) => {
  for (const [what, optionsFor] of WAYS) {
    const { feed } = reporting()
    const ids = publish(feed, 1, 2, 3)
    const got: unknown[] = []
    const loop = (async () => {
      for await (const event of feed.subscribe({ from: 'earliest', ...optionsFor(throwAt(2)) }) as FeedSubscription<{ event: string, data: unknown }>) {
        got.push(event.event === 'stream:gap' ? { ...event } : event.data)
      }
    })()
    await until(() => got.length === 3, what)
    const [live] = publish(feed, 2)
    publish(feed, 5)
    feed.end()
    await loop
    const gap = (id: string | undefined, requested: string | undefined): unknown => ({ event: 'stream:gap', id, data: { requested, oldest: null, reason: 'failed' } })
    t.strictSame(got, [1, gap(ids[1], ids[0]), 3, gap(live, ids[2]), 5], what)
    t.match(feed.stats(), { failed: 2 }, what)
  }
})

t.test('conflation reports the newest entry of a key where the filter throws at that', async (t) => {
  const { feed, faults } = reporting({ mode: 'latest', retain: { entries: 3 } })
  const stream = new OpenStream(feed.subscribe({ where: throwAt(4) }))
  stream.stall()
  const ids = ['a', 'b', 'c', 'b', 'c', 'd'].map((key, index) => feed.publish({ event: 'message', data: index + 1, key }) as string)
  await turn()
  stream.resume()
  await until(() => stream.told.length === 4, 'all is told')
  t.strictSame(stream.told, [1, `failed ${ids[3]}`, 5, 6])
  t.match(stream.gaps, [{ reason: 'lagged' }, { requested: ids[0], oldest: null, reason: 'failed' }])
  t.equal(faults.length, 1)
  publish(feed, 7)
  await turn()
  t.strictSame(stream.told.slice(4), [7])
  stream.close()
})

t.test('a window of the last entries counts one that the filter throws at, and reports it', async (t) => {
  const { feed } = reporting()
  const ids = publish(feed, 1, 2, 3)
  const stream = new OpenStream(feed.subscribe({ from: { last: 2 }, where: throwAt(2) }))
  t.strictSame(stream.told, [`failed ${ids[1]}`, 3])
  const broken = new OpenStream(feed.subscribe({ from: { last: 1 }, where: () => { throw new Error('always') } }))
  t.strictSame(broken.told, [`failed ${ids[2]}`])
  for (const opened of [stream, broken]) opened.close()
})

t.test('in a snapshot, an entry that is thrown at fails the stream behind what came before it, also where that is thrown once', async (t) => {
  for (const [what, optionsFor] of WAYS) {
    for (const call of [1, 2, 3]) {
      const { feed, faults } = reporting({ initial: () => [1, 2, 3].map((data) => ({ event: 'message', data, key: 'a' })) })
      const stream = new OpenStream(feed.subscribe(optionsFor(throwOnceAt(call).where)))
      t.strictSame(stream.data, [1, 2, 3].slice(0, call - 1), what)
      t.match(stream.source.end, { kind: 'failed', error: { message: 'once' } })
      t.strictSame(stream.events.filter(({ event }) => event.startsWith('stream:')), [], 'the client keeps its position')
      t.strictSame(faults, [], 'the end of the stream is reported instead')
      stream.close()
    }
  }
})

t.test('on a stream of several feeds the gap carries the positions of all', async (t) => {
  const [one, two] = [reporting().feed, reporting().feed]
  Object.defineProperty(two, 'name', { value: 'others' })
  const subscriptions = [one.subscribe({ where: throwAt(2) }), two.subscribe({ as: asOf(throwAt(2)) })]
  const stream = new OpenStream(merge(subscriptions))
  const [first] = publish(one, 1)
  await turn()
  const [bad] = publish(one, 2)
  await turn()
  t.match(stream.events.at(-1), { event: 'stream:gap', id: `numbers=${bad},others=${two.window.positionBefore(1)}` })
  t.strictSame(stream.gaps, [{ requested: first, oldest: null, reason: 'failed', feed: 'numbers' }])
  const [other] = publish(two, 2)
  await turn()
  t.match(stream.events.at(-1), { event: 'stream:gap', id: `numbers=${bad},others=${other}` })
  const back = new OpenStream(merge(subscriptions), { after: stream.lastEventId })
  t.strictSame([back.told, back.gaps], [[], []], 'a client that comes back is not told again')
  for (const opened of [stream, back]) opened.close()
})

t.test('a promise in place of an answer ends the stream with what to do, live and on replay, and its rejection is handled', async (t) => {
  const failed = { kind: 'failed', error: { code: 'FST_EVENTFEED_NOT_SYNCHRONOUS', message: /must answer at once/ } }
  const thenable = { then: (_done: unknown, fail: (error: unknown) => void) => { fail(new Error('late')) } }
  for (const answer of [() => Promise.reject(new Error('late')), () => Promise.resolve(true), () => thenable]) {
    for (const options of [{ where: answer }, { as: answer }, { where: answer, keys: ['a'] }] as unknown as SubscribeOptions[]) {
      const { feed } = reporting()
      const other = new OpenStream(feed.subscribe())
      const live = [new OpenStream(feed.subscribe(options)), new OpenStream(feed.subscribe(options))]
      publish(feed, 1)
      await turn()
      const replayed = [new OpenStream(feed.subscribe({ ...options, from: 'earliest' })), new OpenStream(feed.subscribe({ ...options, from: { last: 1 } }))]
      for (const stream of [...live, ...replayed]) {
        t.match(stream.source.end, failed)
        t.strictSame(stream.told, [])
        stream.close()
      }
      const loop = feed.subscribe({ ...options, from: 'earliest' })[Symbol.asyncIterator]()
      await t.rejects(loop.next(), failed.error)
      t.match(await loop.next(), { done: true })
      t.strictSame(other.told, [1])
      other.close()
      t.equal(feed.stats().streams, 0)
    }
  }
  await turn()
})

t.test('a promise at a later call ends the stream behind what came before', async (t) => {
  const { feed } = reporting()
  const answer = ({ data }: EntryView): unknown => data === 3 ? Promise.reject(new Error('late')) : { data }
  const streams = [{ where: answer }, { as: answer }, { as: answer }].map((options) => new OpenStream(feed.subscribe(options as SubscribeOptions)))
  publish(feed, 1, 2, 3, 4)
  await turn()
  for (const stream of streams) {
    t.strictSame(stream.data, [1, 2])
    t.match(stream.source.end, { kind: 'failed', error: { code: 'FST_EVENTFEED_NOT_SYNCHRONOUS' } })
    stream.close()
  }
})

t.test('over HTTP the log of the application gets the stack, and the client no word of it', async (t) => {
  const lines: string[] = []
  const app = await appOf(t, {}, { logger: { stream: { write: (line: string) => { lines.push(line) } } } })
  const feed = app.feed('chat')
  app.get('/', (_request, reply) => reply.sse(feed.subscribe({ where: throwAt(1, new Error('secret')) })))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).opening()
  const id = await feed.publish({ event: 'message', data: 1 })
  await feed.publish({ event: 'message', data: 2 })
  await listener.count(1)
  t.notMatch(listener.text, /secret/)
  const errors = lines.map((line) => JSON.parse(line) as { level: number, msg: string, err: { stack: string } }).filter(({ level }) => level === 50)
  t.equal(errors.length, 1)
  t.match(errors[0], { msg: `the feed "chat": a filter (where) failed at the event "${id}" of type "message"`, err: { stack: /secret[^]*poison\.test/ } })
})
