/** `keys` means what the equivalent `where` means, on every log, whatever the client does. FUZZ_SEED plays the same scripts again. */
import fc from 'fast-check'
import { deepStrictEqual } from 'node:assert'
import { randomInt } from 'node:crypto'
import t from 'tap'
import type { FeedSubscription } from '../../lib/subscription/subscription.ts'
import type { SubscribeOptions } from '../../lib/subscription/options.ts'
import { sqliteLogs } from '../../lib/sqlite/index.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { openDatabase, skip } from '../sqlite/database.ts'
import { ManualClock } from '../clock.ts'
import { feedOf, OpenStream, toldBy, turn, until, type FeedMade } from './open-stream.ts'

// CI plays the same worlds each time, so that what fails there is the change; everywhere else they are new ones
const seed = Number(process.env['FUZZ_SEED'] ?? (process.env['CI'] === 'true' ? 20_261_122 : randomInt(2 ** 31)))
// thousands of worlds take their time on a busy machine
t.setTimeout(600_000)
const numRuns = Number(process.env['FUZZ_RUNS'] ?? 500)

/** What events are published with: no key, one, several, one of them twice, and one that nobody follows. */
const KEYS = [['a'], ['b'], ['c'], undefined, ['a', 'b'], ['c', 'x', 'a'], ['b', 'c', 'b'], ['x']]

const steps = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 8 }), key: fc.nat(KEYS.length - 1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'resume' as const, 'turn' as const), count: fc.constant(0), key: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'cut' as const), count: fc.integer({ min: 0, max: 5 }), key: fc.constant(0) }) }
), { maxLength: 40 })

/** A client that comes back with the last event ID that it has got. */
class Client {
  readonly got: unknown[] = []
  readonly #subscription: FeedSubscription
  #stream: OpenStream
  #gaps = 0

  constructor (subscription: FeedSubscription) {
    this.#subscription = subscription
    this.#stream = new OpenStream(subscription)
  }

  /** How many gaps it was told of. */
  get gaps (): number { return this.#gaps + this.#stream.gaps.length }

  /** All that it has got, also on this connection. */
  get all (): unknown[] { return [...this.got, ...this.#stream.told] }

  stall (): void { this.#stream.stall() }
  resume (): void { this.#stream.resume() }
  read (batches: number): void { if (this.#stream.isStalled) this.#stream.read(batches, 40) }
  close (): void { this.#stream.close() }
  get hasEnded (): boolean { return this.#stream.source.end !== undefined }

  /** The last events were under way, and did not arrive. */
  cut (lost: number): void {
    this.#cutAfter(Math.max(1, this.#stream.events.length - lost))
  }

  /** As `cut`, but the last that arrives is an event with an id: where bookmarks stand does not matter. */
  cutAtEvent (lost: number): void {
    const places = [...this.#stream.events.entries()].filter(([, { event, id }]) => event === 'message' && id !== undefined).map(([place]) => place)
    const last = places.at(-1 - lost)
    if (last !== undefined) this.#cutAfter(last + 1)
  }

  #cutAfter (count: number): void {
    const arrived = this.#stream.events.slice(0, count)
    const after = arrived.findLast(({ id }) => id !== undefined)?.id
    // who has got nothing begins again, perhaps elsewhere
    if (after === undefined) return
    this.got.push(...toldBy(arrived))
    this.#gaps += this.#stream.gaps.length
    this.#stream.close()
    this.#stream = new OpenStream(this.#subscription, { after })
  }
}

/** Leaves out 7, and throws at 5. */
function passes ({ data }: { data: unknown }): boolean {
  if (data === 5) throw new Error('poisoned')
  return data !== 7
}

/** Each kind of log; all but that in memory are asynchronous, and the window holds two of their entries. */
const LOGS: ReadonlyArray<readonly [name: string, share: number, make: () => { made: FeedMade, free: () => void }, skip: string | false]> = [
  ['in memory', 1, () => ({ made: {}, free: () => {} }), false],
  ['in pages', 1, () => ({ made: { log: new PagedLog(), retain: { entries: 2 } }, free: () => {} }), false],
  // each script has a database of its own, which takes a while
  ['in SQLite', 0.2, () => {
    const database = openDatabase(':memory:')
    return { made: { log: sqliteLogs({ database })('numbers'), retain: { entries: 2 } }, free: () => { database.close() } }
  }, skip]
]

for (const [name, share, make, skip] of LOGS) {
  t.test(`keys are the same events as the equivalent filter, and the same gaps where that throws: a log ${name}`, { skip }, async (t) => {
    const runs = Math.ceil(numRuns * share)
    t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)
    await fc.assert(fc.asyncProperty(fc.subarray(['a', 'b', 'c']), steps, async (keys, script) => {
      const { made, free } = make()
      const feed = feedOf(made)
      const of = (options: SubscribeOptions): Client => new Client(feed.subscribe({ from: 'earliest', ...options }))
      const takes = ({ keys: own }: { readonly keys: readonly string[] }): boolean => own.some((key) => keys.includes(key))
      const clients = [of({ keys }), of({ where: takes }), of({ keys, where: passes }), of({ where: (view) => takes(view) && passes(view) })]
      const expected: number[] = []
      const published: unknown[] = []
      let number = 0
      for (const { do: what, count, key: first } of script) {
        const events = what === 'publish' ? count : 0
        for (let index = 0; index < events; index++) {
          const own = KEYS[(first + index * index) % KEYS.length]
          published.push(feed.publish({ event: 'message', data: ++number, ...(own?.length === 1 ? { key: own[0] } : { keys: own }) }))
          if (takes({ keys: own ?? [] })) expected.push(number)
        }
        if (what === 'turn') await turn()
        else if (what === 'read' || what === 'cut') for (const client of clients) client[what](count)
        else if (what !== 'publish') for (const client of clients) client[what]()
      }
      await Promise.all(published)
      for (const client of clients) client.resume()
      const [byKeys, byWhere, both, bothByWhere] = clients
      await until(() => byKeys?.all.length === expected.length && byWhere?.all.length === expected.length && both?.all.length === bothByWhere?.all.length, 'all have all')
      deepStrictEqual([byKeys?.all, byWhere?.all], [expected, expected])
      const ids = await Promise.all(published)
      const filtered = expected.filter((data) => data !== 7).map((data) => data === 5 ? `failed ${String(ids[4])}` : data)
      await until(() => both?.all.length === filtered.length, 'both have all')
      deepStrictEqual([both?.all, bothByWhere?.all], [filtered, filtered])
      for (const client of clients) client.close()
      feed.end()
      await until(() => feed.stats().entries === 0, 'the log is freed')
      await feed.close()
      free()
    }), { seed, numRuns: runs })
    t.pass(`${runs} scripts`)
  })
}

const histories = fc.array(fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.integer({ min: 1, max: 8 }), key: fc.nat(KEYS.length - 1) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'resume' as const, 'turn' as const), count: fc.constant(0), key: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'cut' as const), count: fc.integer({ min: 0, max: 5 }), key: fc.constant(0) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('follow' as const, 'unfollow' as const), count: fc.nat(4), key: fc.nat(3) }) }
), { maxLength: 40 })

t.test('a log of two entries with histories by key gives what a log gives that keeps all: live, lagging, cut, and the past of keys', async (t) => {
  t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)
  const from = fc.constantFrom<Array<SubscribeOptions['from']>>(undefined, 'earliest', { last: 3 }, { lastPerKey: 2 })
  await fc.assert(fc.asyncProperty(fc.subarray(['a', 'b', 'c']), from, fc.boolean(), histories, async (keys, from, filters, script) => {
    const feeds = [feedOf({ retain: { entries: 2, perKey: 1_000 } }), feedOf()]
    const subscriptions = feeds.map((feed) => feed.subscribe({ keys, from, where: filters ? ({ data }) => Number(data) % 5 !== 0 : undefined }))
    const clients: Client[] = []
    let number = 0
    for (const { do: what, count, key: first } of script) {
      const events = what === 'publish' ? count : 0
      for (let index = 0; index < events; index++) {
        const own = KEYS[(first + index * index) % KEYS.length]
        number++
        for (const feed of feeds) feed.publish({ event: 'message', data: number, ...(own?.length === 1 ? { key: own[0] } : { keys: own }) })
      }
      if (clients.length === 0 && number > 4) clients.push(...subscriptions.map((subscription) => new Client(subscription)))
      const key = ['a', 'b', 'c', 'x'][first] ?? 'a'
      // the earliest of more keys may stand further back, which a client that is cut comes back to
      if (what === 'follow') for (const subscription of from === 'earliest' ? [] : subscriptions) subscription.follow(key, { last: count })
      else if (what === 'unfollow') for (const subscription of subscriptions) subscription.unfollow(key)
      else if (what === 'turn') await turn()
      else if (what === 'cut') for (const client of clients) client.cutAtEvent(count)
      else if (what === 'read') for (const client of clients) client.read(count)
      else if (what !== 'publish') for (const client of clients) client[what]()
    }
    for (const client of clients) client.resume()
    for (let turns = 0; turns < 3; turns++) await turn()
    const [kept, all] = clients
    deepStrictEqual(kept?.all, all?.all)
    deepStrictEqual(clients.map(({ gaps }) => gaps), clients.map(() => 0))
    for (const client of clients) client.close()
    for (const feed of feeds) feed.end()
    await until(() => feeds.every((feed) => feed.stats().bytes === 0), 'the logs are freed')
  }), { seed, numRuns })
  t.pass(`${numRuns} scripts`)
})

t.test('with keys and with the equivalent filter, a stream ends after the same event, and stays ended', async (t) => {
  t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)
  await fc.assert(fc.asyncProperty(fc.subarray(['a', 'b', 'c']), steps, async (keys, script) => {
    const feed = feedOf()
    const takes = ({ keys: own }: { readonly keys: readonly string[] }): boolean => own.some((key) => keys.includes(key))
    const endAfter = ({ data }: { data: unknown }): boolean => Number(data) % 9 === 8
    const clients = [{ keys }, { where: takes }].map((options) => new Client(feed.subscribe({ from: 'start', endAfter, ...options })))
    const expected: number[] = []
    let number = 0
    let hasEnded = false
    for (const { do: what, count, key: first } of script) {
      const events = what === 'publish' ? count : 0
      for (let index = 0; index < events; index++) {
        const own = KEYS[(first + index * index) % KEYS.length]
        feed.publish({ event: 'message', data: ++number, ...(own?.length === 1 ? { key: own[0] } : { keys: own }) })
        if (takes({ keys: own ?? [] }) && !hasEnded) {
          expected.push(number)
          hasEnded = endAfter({ data: number })
        }
      }
      if (what === 'turn') await turn()
      else if (what === 'read' || what === 'cut') for (const client of clients) client[what](count)
      else if (what !== 'publish') for (const client of clients) client[what]()
    }
    for (const client of clients) client.resume()
    await until(() => clients.every(({ all }) => all.length === expected.length), 'all have all')
    await turn()
    deepStrictEqual(clients.map(({ all }) => all), [expected, expected])
    deepStrictEqual(clients.map((client) => client.hasEnded), [hasEnded, hasEnded])
    for (const client of clients) client.close()
    feed.end()
    await feed.close()
  }), { seed, numRuns })
  t.pass(`${numRuns} scripts`)
})

t.test('with ticks, whatever is cut, a client has the newest of each key in the end, and only events that others get, in order', async (t) => {
  t.comment(`FUZZ_SEED=${seed} FUZZ_RUNS=${numRuns}`)
  await fc.assert(fc.asyncProperty(fc.subarray(['a', 'b', 'c']), fc.constantFrom(1, 10, 100), steps, async (keys, everyMs, script) => {
    const clock = new ManualClock()
    const feed = feedOf({ clock })
    const takes = ({ keys: own }: { readonly keys: readonly string[] }): boolean => own.some((key) => keys.includes(key))
    const clients = [{ keys }, { where: takes }].map((options) => new Client(feed.subscribe({ from: 'start', everyMs, ...options })))
    const names = new Map<unknown, string>()
    let number = 0
    for (const { do: what, count, key: first } of script) {
      const events = what === 'publish' ? count : 0
      for (let index = 0; index < events; index++) {
        const own = KEYS[(first + index * index) % KEYS.length]
        feed.publish({ event: 'message', data: ++number, ...(own?.length === 1 ? { key: own[0] } : { keys: own }) })
        if (takes({ keys: own ?? [] })) names.set(number, own?.[0] ?? '')
      }
      clock.advance(count)
      if (what === 'turn') await turn()
      else if (what === 'read' || what === 'cut') for (const client of clients) client[what](count)
      else if (what !== 'publish') for (const client of clients) client[what]()
    }
    for (const client of clients) client.resume()
    await turn()
    clock.advance(2 * everyMs)
    await turn()
    const newestOf = (numbers: Iterable<unknown>): Map<string | undefined, unknown> => new Map(Array.from(numbers, (data) => [names.get(data), data]))
    const expected = newestOf(names.keys())
    for (const { all } of clients) {
      deepStrictEqual(new Map([...newestOf(all)].sort()), new Map([...expected].sort()))
      deepStrictEqual(all, [...new Set(all)].sort((a, b) => Number(a) - Number(b)), 'in order, each once')
    }
    for (const client of clients) client.close()
    deepStrictEqual([clock.timers, feed.stats().lagged, feed.stats().gaps], [0, 0, 0])
    await feed.close()
  }), { seed, numRuns })
  t.pass(`${numRuns} scripts`)
})
