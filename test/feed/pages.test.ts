/** Replay from before the window: pages are read and encoded once for all who stand near each other. */
import t from 'tap'
import { PAGE_ENTRIES, PAGES_BYTES, PAGES_ENTRIES } from '../../lib/defaults.ts'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { feedOf, OpenStream, turn, until } from './open-stream.ts'

const CLIENTS = 30

/** A feed whose log has so many numbers, of which the window holds three. */
async function feedWith (count: number, bytes = 0): Promise<{ feed: LogFeed, log: PagedLog, ids: string[] }> {
  const log = new PagedLog({ retain: { entries: 1_000_000, bytes: Infinity } })
  for (let number = 1; number <= count; number++) {
    log.store.commit({ event: 'message', json: JSON.stringify(bytes === 0 ? number : [number, 'x'.repeat(bytes)]), keys: number % 2 === 0 ? ['even'] : [], at: Date.now() })
  }
  const feed = feedOf({ log, retain: { entries: 3 } })
  await feed.ready()
  return { feed, log, ids: log.store.history.map(({ entry }) => entry.position) }
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index)

t.test('many who replay at once read each entry of the log once, and make one frame of it', async (t) => {
  const { feed, log } = await feedWith(3_000)
  let calls = 0
  const subscription = feed.subscribe({ from: 'earliest', as: ({ data }) => { calls++; return { data } } })
  const streams = Array.from({ length: CLIENTS }, () => new OpenStream(subscription))
  await until(() => streams.every(({ data }) => data.length === 3_000), 'all have all')
  for (const stream of streams) t.strictSame(stream.data, numbers(1, 3_000))
  t.ok(log.rows <= 3_000, `${log.rows} rows were read`)
  t.ok(calls <= 3_000, `${calls} entries were projected`)
  for (const stream of streams) stream.close()
  t.equal(feed.pages.size, 0, 'nothing is kept when nobody reads pages')
  await feed.close()
})

t.test('those who begin at different places share what lies before them', async (t) => {
  const { feed, log, ids } = await feedWith(4 * PAGE_ENTRIES)
  const options = [{}, { where: ({ data }: { data: unknown }) => Number(data) % 2 === 0 }, { keys: ['even'] }]
  const first = new OpenStream(feed.subscribe({ from: 'earliest' }), { isStalled: true })
  await until(() => first.read(1) > 0, 'the first page is there')
  first.read(1)
  await until(() => feed.pages.size > 0, 'the first page is kept')
  const places = numbers(1, CLIENTS).map((number) => number * 10)
  const streams = places.map((place, index) => new OpenStream(feed.subscribe(options[index % 3]), { after: ids[place - 1] }))
  first.resume()
  await until(() => [first, ...streams].every(({ data }) => data.at(-1) === 4 * PAGE_ENTRIES), 'all have the last')
  for (const [index, stream] of streams.entries()) {
    const all = numbers((places[index] ?? 0) + 1, 4 * PAGE_ENTRIES)
    t.strictSame(stream.data, index % 3 === 0 ? all : all.filter((number) => number % 2 === 0))
  }
  t.ok(log.rows <= 4 * PAGE_ENTRIES, `${log.rows} rows were read`)
  for (const stream of [first, ...streams]) stream.close()
  await feed.close()
})

t.test('what is kept is bounded by count: who is further behind reads on for itself', async (t) => {
  const count = PAGES_ENTRIES + 5 * PAGE_ENTRIES
  const { feed, log } = await feedWith(count)
  const slow = new OpenStream(feed.subscribe({ from: 'earliest' }), { isStalled: true })
  await until(() => slow.read(1) > 0, 'it has begun')
  const fast = new OpenStream(feed.subscribe({ from: 'earliest' }))
  let most = 0
  await until(() => {
    most = Math.max(most, feed.pages.size)
    return fast.data.length === count
  }, 'the fast one has all')
  t.ok(most > PAGES_ENTRIES / 2 && most <= PAGES_ENTRIES, `${most} entries are kept`)
  slow.resume()
  await until(() => slow.data.length === count, 'the slow one too')
  t.strictSame(slow.data, fast.data)
  t.ok(log.rows <= 2 * count, `${log.rows} rows were read`)
  for (const stream of [slow, fast]) stream.close()
  await feed.close()
})

t.test('... and by bytes, with the frames that several share', async (t) => {
  const bytes = 64 * 1024
  const count = 2 * PAGES_BYTES / bytes
  const { feed } = await feedWith(count, bytes)
  const subscription = feed.subscribe({ from: 'earliest' })
  const streams = [1, 2].map(() => new OpenStream(subscription, { isStalled: true }))
  let most = 0
  await until(() => {
    for (const stream of streams) stream.read(1)
    most = Math.max(most, feed.pages.size)
    return streams.every(({ own }) => own.length === count)
  }, 'both have all')
  t.ok(most * bytes <= PAGES_BYTES, `${most} entries are kept`)
  for (const stream of streams) stream.close()
  await feed.close()
})

t.test('a page that fails, fails all who wait for it; who comes back gets it', async (t) => {
  const { feed, log } = await feedWith(10)
  log.onPage = async () => {
    await turn()
    throw new Error('the disk is gone')
  }
  const streams = [1, 2, 3].map(() => new OpenStream(feed.subscribe({ from: 'earliest' })))
  await until(() => streams.every(({ source }) => source.end?.kind === 'failed'), 'they fail')
  t.equal(log.pages, 1)
  log.onPage = () => {}
  for (const stream of streams) stream.close()
  const back = new OpenStream(feed.subscribe({ from: 'earliest' }))
  await until(() => back.data.length === 10, 'it has all')
  back.close()
  await feed.close()
})

t.test('a client that leaves while its page is read leaves nothing behind, and the others get theirs', async (t) => {
  const { feed, log } = await feedWith(2 * PAGE_ENTRIES)
  const [leaving, staying] = [1, 2].map(() => new OpenStream(feed.subscribe({ from: 'earliest' })))
  await until(() => log.pages === 1, 'the page is asked for')
  leaving?.close()
  await until(() => staying?.data.length === 2 * PAGE_ENTRIES, 'the other has all')
  t.equal(leaving?.data.length, 0)
  staying?.close()
  await turn()
  t.equal(feed.pages.size, 0)
  await feed.close()
})
