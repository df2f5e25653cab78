/**
 * `events` of a subscription means what a filter by the event type means, on every log, whatever the client does, but
 * for what it need not look at. FUZZ_SEED plays the same scripts again.
 */
import fc from 'fast-check'
import { deepStrictEqual } from 'node:assert'
import { randomInt } from 'node:crypto'
import t from 'tap'
import { Type } from 'typebox'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import type { SubscribeOptions } from '../../lib/subscription/options.ts'
import type { LogDraft } from '../../lib/index.ts'
import type { EntryView } from '../../lib/feed/entry.ts'
import { compileEvents } from '../../lib/schema/events.ts'
import { PagedLog, PagedStore } from '../contract/paged-log.ts'
import { appOf } from './listener.ts'
import { feedOf, OpenStream, turn, until, type FeedMade } from './open-stream.ts'

const seed = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31))
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 300)

function draft (data: unknown, more: Partial<LogDraft> = {}): LogDraft {
  return { event: 'message', json: JSON.stringify(data), keys: [], at: Date.now(), ...more }
}

const TYPES = ['message', 'joined', 'left'] as const

const LOGS: ReadonlyArray<readonly [name: string, make: () => FeedMade]> = [
  ['in memory', () => ({})],
  ['in pages', () => ({ log: new PagedLog(), retain: { entries: 2 } })]
]

const steps = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 8 }), type: fc.nat(2) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'resume' as const, 'turn' as const), count: fc.constant(0), type: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'cut' as const), count: fc.integer({ min: 0, max: 5 }), type: fc.constant(0) }) }
), { maxLength: 40 })

/** A client that comes back with the last event ID that it has got. */
class Client {
  readonly #got: unknown[] = []
  readonly #open: (after?: string) => OpenStream
  #stream: OpenStream

  constructor (feed: LogFeed, options: SubscribeOptions) {
    const subscription = feed.subscribe({ from: 'earliest', ...options })
    this.#open = (after) => new OpenStream(subscription, { after })
    this.#stream = this.#open()
  }

  get all (): unknown[] { return [...this.#got, ...this.#stream.told] }

  stall (): void { this.#stream.stall() }
  resume (): void { this.#stream.resume() }
  read (batches: number): void { if (this.#stream.isStalled) this.#stream.read(batches, 40) }
  close (): void { this.#stream.close() }

  cut (): void {
    const after = this.#stream.lastEventId
    if (after === undefined) return
    this.#got.push(...this.#stream.told)
    this.#stream.close()
    this.#stream = this.#open(after)
  }
}

for (const [name, make] of LOGS) {
  t.test(`event types are the same events as the equivalent filter, live, lagging and on replay: a log ${name}`, async (t) => {
    t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)
    await fc.assert(fc.asyncProperty(fc.subarray([...TYPES], { minLength: 1 }), steps, async (events, script) => {
      const feed = feedOf(make())
      const takes = ({ event }: { event: string }): boolean => (events as string[]).includes(event)
      const isOdd = ({ data }: { data: unknown }): boolean => Number(data) % 2 === 1
      const pairs = [
        [{ events }, { where: takes }],
        [{ events, where: isOdd }, { where: (view: EntryView) => takes(view) && isOdd(view) }],
        [{ events, keys: ['a'] }, { where: takes, keys: ['a'] }],
        [{ events, from: { last: 3 } }, { where: takes, from: { last: 3 } }]
      ].map((pair) => pair.map((options) => new Client(feed, options as SubscribeOptions)))
      const clients = pairs.flat()
      const published: unknown[] = []
      for (const { do: what, count, type } of script) {
        if (what === 'publish') {
          for (let index = 0; index < count; index++) {
            const event = TYPES[(type + index * index) % 3] ?? 'message'
            published.push(feed.publish({ event, data: published.length, key: index % 3 === 0 ? 'a' : undefined }))
          }
        } else if (what === 'turn') await turn()
        else if (what === 'read') for (const client of clients) client.read(count)
        else for (const client of clients) client[what]()
      }
      await Promise.all(published)
      for (const client of clients) client.resume()
      const expected = published.map((_, data) => data).filter((data) => takes({ event: typeOf(data) }))
      await until(() => pairs[0]?.every(({ all }) => all.length === expected.length) === true, 'all have all')
      await turn()
      deepStrictEqual(pairs[0]?.[0]?.all, expected)
      for (const [byType, byFilter] of pairs) {
        await until(() => byType?.all.length === byFilter?.all.length, 'both have as many')
        deepStrictEqual(byType?.all, byFilter?.all)
      }
      for (const client of clients) client.close()
      feed.end()
      await feed.close()

      function typeOf (data: number): string {
        let before = 0
        for (const { do: what, count, type } of script) {
          if (what !== 'publish') continue
          if (data < before + count) return TYPES[(type + (data - before) ** 2) % 3] ?? 'message'
          before += count
        }
        return ''
      }
    }), { seed, numRuns })
    t.pass(`${numRuns} scripts`)
  })
}

t.test('filters and projections see no other types, and a state is sent without those', async (t) => {
  const feed = feedOf({ initial: () => [{ event: 'joined', data: 1 }, { event: 'message', data: 2 }] })
  const seen: string[] = []
  const subscription = feed.subscribe({
    events: ['message'],
    where: ({ event }) => { seen.push(event); return true },
    as: ({ event, data }) => { seen.push(event); return { data } }
  })
  const stream = new OpenStream(subscription)
  feed.publish({ event: 'left', data: 3 })
  feed.publish({ event: 'message', data: 4 })
  await turn()
  t.strictSame(stream.data, [2, 4])
  t.strictSame([...new Set(seen)], ['message'])
  stream.close()
})

t.test('latest: of what a slow stream missed it gets the newest of each key, among its types', async (t) => {
  const feed = feedOf({ mode: 'latest', retain: { entries: 3 } })
  const stream = new OpenStream(feed.subscribe({ events: ['message'] }))
  stream.stall()
  for (let data = 1; data <= 6; data++) feed.publish({ event: data % 2 === 0 ? 'message' : 'joined', data, key: String(data) })
  stream.resume()
  await turn()
  t.match(stream.gaps, [{ reason: 'lagged' }])
  t.strictSame(stream.data, [2, 4, 6])
  stream.close()
})

/** A feed of one event type, over a log in which another process writes others too: those cannot be read. */
async function shared (made: FeedMade): Promise<{ feed: LogFeed, write: (event: string, text: string) => Promise<void> }> {
  const events = { said: Type.Object({ text: Type.String() }) }
  const codec = compileEvents(events, 'the events of a test', { shared: {}, serializer: undefined, validates: false })
  const store = new PagedStore()
  const writer = new PagedLog({ store })
  await writer.tail({ entries () {}, lost () {}, ended () {} }, { entries: 0, bytes: 0 })
  const feed = feedOf({ log: new PagedLog({ store }), codec, ...made })
  await feed.ready()
  return {
    feed,
    write: async (event, text) => {
      await writer.append(draft({ text }, { event }))
      await turn()
    }
  }
}

t.test('an entry of another type that cannot be read is no gap, live and on replay', async (t) => {
  for (const entries of [1, 100]) {
    const { feed, write } = await shared({ retain: { entries } })
    const live = await OpenStream.begun(feed.subscribe({ events: ['said'] }))
    const all = await OpenStream.begun(feed.subscribe())
    for (const [event, text] of [['whispered', 'not ours'], ['said', 'one'], ['whispered', 'nor this'], ['said', 'two']] as const) await write(event, text)
    const streams = [live, new OpenStream(feed.subscribe({ events: ['said'], from: 'earliest' }))]
    // the window is looked at alone
    if (entries > 1) streams.push(new OpenStream(feed.subscribe({ events: ['said'], from: { last: 2 } })))
    for (const stream of streams) {
      await until(() => stream.told.length >= 2, () => `all is told: ${JSON.stringify(stream.told)}`)
      t.strictSame(stream.told, [{ text: 'one' }, { text: 'two' }])
      stream.close()
    }
    await until(() => all.told.length === 4, 'who takes all is told of each')
    t.equal(all.gaps.length, 2)
    all.close()
    await feed.close()
  }
})

t.test('latest: an entry of another type that cannot be read is no gap among the newest of each key', async (t) => {
  const { feed, write } = await shared({ mode: 'latest', maxLagBytes: 1 })
  const streams = await Promise.all([{ events: ['said'] }, {}].map(async (options) => OpenStream.begun(feed.subscribe(options))))
  for (const stream of streams) stream.stall()
  for (const [event, text] of [['said', 'one'], ['whispered', 'not ours'], ['said', 'two']] as const) await write(event, text)
  for (const stream of streams) stream.resume()
  const [some, all] = streams
  await until(() => all?.told.length === 2 && (some?.data.length ?? 0) > 0, 'both go on')
  t.match([some?.gaps.length, some?.gaps], [1, [{ reason: 'lagged' }]])
  t.strictSame(some?.told, [{ text: 'two' }])
  t.equal(all?.gaps.length, 2, 'who takes all is told of it')
  for (const stream of streams) stream.close()
  await feed.close()
})

t.test('what is no list of the feed\'s event types is refused, by its name', async (t) => {
  const app = await appOf(t)
  const typed = app.feed('typed', { events: { message: Type.Number() } })
  const open = app.feed('open')
  const wrong: Array<[events: unknown, message: RegExp]> = [
    [[], /events.*at least one, not an empty array/], ['message', /events.*an array of event types.*not a string/], [null, /not null/], [new Set(['message']), /an array/],
    [['message', 7], /events.*must hold strings, not a number/], [[undefined], /not undefined/], [['mesage'], /the feed declares no event "mesage"/]
  ]
  for (const [events, message] of wrong) t.throws(() => typed.subscribe({ events } as never), { code: 'FST_EVENTFEED_BAD_OPTION', message })
  t.doesNotThrow(() => open.subscribe({ events: ['anything'] }))
  t.doesNotThrow(() => typed.subscribe({ events: undefined }))
  const types = ['message'] as 'message'[]
  const subscription = typed.subscribe({ events: types })
  types.length = 0
  const stream = new OpenStream(subscription)
  await typed.publish({ event: 'message', data: 1 })
  await turn()
  t.strictSame(stream.data, [1], 'the list is read once')
  stream.close()
})
