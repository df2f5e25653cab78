/** What a feed counts: each figure exactly. */
import t from 'tap'
import { ENTRY_BYTES } from '../../lib/defaults.ts'
import { percentilesOf } from '../../lib/feed/figures.ts'
import { ManualClock } from '../clock.ts'
import { feedOf, OpenStream, turn } from './open-stream.ts'

t.test('percentiles are by nearest rank; of nothing they are 0', async (t) => {
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => count - index)
  t.strictSame(percentilesOf([]), { p50: 0, p90: 0, p99: 0, max: 0 })
  t.strictSame(percentilesOf([7]), { p50: 7, p90: 7, p99: 7, max: 7 })
  t.strictSame(percentilesOf(upTo(10)), { p50: 5, p90: 9, p99: 10, max: 10 })
  t.strictSame(percentilesOf(upTo(1000)), { p50: 500, p90: 900, p99: 990, max: 1000 })
})

t.test('a feed says what it holds, what it has done, and how far its streams are behind', async (t) => {
  const clock = new ManualClock()
  const feed = feedOf({ clock, retain: { entries: 4 }, mode: 'skip' })
  t.match(feed.stats(), { entries: 0, bytes: 0, ageMs: 0, streams: 0, published: 0, delivered: 0, filtered: 0, lagged: 0, gaps: 0 })
  const all = new OpenStream(feed.subscribe())
  const some = new OpenStream(feed.subscribe({ where: ({ data }) => data !== 1 }))
  const keyed = new OpenStream(feed.subscribe({ keys: ['a'] }))
  const stalled = new OpenStream(feed.subscribe())
  stalled.stall()
  const publish = async (...numbers: number[]): Promise<void> => {
    for (const data of numbers) feed.publish({ event: 'message', data, key: data === 2 ? 'a' : undefined })
    await turn()
  }
  await publish(1, 2, 3)
  clock.advance(30)
  const behind = 25 + 3 * ENTRY_BYTES
  t.match(feed.stats(), {
    entries: 3,
    ageMs: 30,
    streams: 4,
    published: 3,
    delivered: 3 + 2 + 1,
    filtered: 1,
    lagged: 0,
    gaps: 0,
    lag: { entries: { p50: 0, p90: 3, p99: 3, max: 3 }, bytes: { p50: 0, p90: behind, p99: behind, max: behind } }
  })
  await publish(4, 5)
  stalled.resume()
  await turn()
  await turn()
  t.match(feed.stats(), { entries: 4, published: 5, delivered: 5 + 4 + 1 + 4, filtered: 1, lagged: 1, gaps: 1, lag: { entries: { max: 0 }, bytes: { max: 0 } } })
  const lost = new OpenStream(feed.subscribe(), { after: 'garbage' })
  t.match(feed.stats(), { streams: 5, gaps: 2, lagged: 1, delivered: 18 })
  for (const stream of [all, some, keyed, stalled, lost]) stream.close()
  t.match(feed.stats(), { streams: 0, published: 5, lag: { entries: { max: 0 } } })
})

t.test('a stream counts as long as it is open, once; one that can not be opened does not', async (t) => {
  const feed = feedOf()
  const stream = new OpenStream(feed.subscribe())
  t.equal(feed.stats().streams, 1)
  stream.close()
  stream.source.release()
  t.equal(feed.stats().streams, 0)
  t.throws(() => new OpenStream(feed.subscribe({ initial: () => { throw new Error('broken') } })), { message: 'broken' })
  t.equal(feed.stats().streams, 0)
})
