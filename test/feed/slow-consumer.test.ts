/** Streams that are too slow: the edges of the limits, and what becomes of them in each mode. */
import t from 'tap'
import { ENTRY_BYTES } from '../../lib/defaults.ts'
import { NewestByKey } from '../../lib/feed/conflation.ts'
import { Entry } from '../../lib/feed/entry.ts'
import { Window } from '../../lib/feed/window.ts'
import { readRetention } from '../../lib/log/retention.ts'
import { ManualClock } from '../clock.ts'
import { feedOf, OpenStream, turn } from './open-stream.ts'

/** Each of these entries counts so many bytes: a digit, `message`, and what is around them. */
const SIZE = 8 + ENTRY_BYTES
const publish = (feed: ReturnType<typeof feedOf>, ...numbers: number[]): string[] => numbers.map((data) => String(feed.publish({ event: 'message', data, key: undefined })))

t.test('exactly maxLagBytes are allowed, one byte more is not', async (t) => {
  for (const [maxLagBytes, kept] of [[3 * SIZE, [1, 2, 3]], [3 * SIZE - 1, [2, 3]], [SIZE, [3]], [SIZE - 1, []]] as const) {
    const feed = feedOf({ mode: 'skip', maxLagBytes })
    const stream = new OpenStream(feed.subscribe())
    const start = stream.lastEventId
    stream.stall()
    const ids = publish(feed, 1, 2, 3)
    stream.resume()
    t.strictSame(stream.data, kept)
    t.strictSame(stream.gaps, kept.length === 3 ? [] : [{ requested: start, oldest: ids[3 - kept.length] ?? null, reason: 'lagged' }])
    stream.close()
  }
})

t.test('exactly maxLagMs are allowed, one more is not', async (t) => {
  for (const [ms, lagged] of [[50, 0], [51, 1]] as const) {
    const clock = new ManualClock()
    const feed = feedOf({ mode: 'skip', maxLagMs: 50, clock })
    const stream = new OpenStream(feed.subscribe())
    stream.stall()
    publish(feed, 1)
    clock.advance(ms)
    stream.resume()
    t.strictSame([stream.gaps.length, stream.data.length, feed.stats().lagged], [lagged, 1 - lagged, lagged])
    stream.close()
  }
})

t.test('what a client reads after a reconnect is replay and no lag: it comes back once', async (t) => {
  const feed = feedOf({ mode: 'disconnect', maxLagBytes: SIZE })
  const stream = new OpenStream(feed.subscribe())
  stream.stall()
  publish(feed, 1, 2, 3, 4)
  stream.resume()
  t.strictSame([stream.data, stream.source.end], [[], { kind: 'lagged' }])
  stream.close()
  const back = new OpenStream(feed.subscribe(), { after: stream.lastEventId })
  t.strictSame([back.data, back.gaps, back.source.end], [[1, 2, 3, 4], [], undefined])
  back.stall()
  publish(feed, 5, 6)
  back.resume()
  t.strictSame(back.source.end, { kind: 'lagged' }, 'once it was caught up, the limit counts')
  back.close()
})

t.test('a state that is older than the limits is replayed from, and not followed by another', async (t) => {
  let states = 0
  let origin = ''
  const feed = feedOf({ mode: 'skip', maxLagBytes: SIZE, onGap: () => { states++; return { events: [], after: origin } } })
  origin = feed.window.positionBefore(1)
  const stream = new OpenStream(feed.subscribe())
  stream.stall()
  publish(feed, 1, 2, 3)
  stream.isStalled = false
  stream.read(20)
  t.strictSame([states, stream.data], [1, [1, 2, 3]])
  stream.close()
})

t.test('latest: a gap, and then the newest of each key; keyless ones by their type; also of keys that the log has dropped', async (t) => {
  const feed = feedOf({ mode: 'latest', retain: { entries: 4 } })
  const stream = new OpenStream(feed.subscribe({ where: ({ data }) => data !== 99 }))
  const start = stream.lastEventId
  stream.stall()
  const send = (data: number, key?: string, event = 'message'): string => String(feed.publish({ event, data, key }))
  send(1, 'a')
  const rare = send(2, 'rare')
  send(3)
  send(4, undefined, 'other')
  for (const data of [5, 6, 7]) send(data, 'a')
  send(99, 'a')
  stream.resume()
  await turn()
  await turn()
  t.strictSame(stream.gaps, [{ requested: start, oldest: rare, reason: 'lagged' }])
  t.strictSame(stream.data, [2, 3, 4, 7])
  send(8, 'a')
  await turn()
  t.strictSame(stream.data.at(-1), 8)
  stream.close()
})

t.test('latest: a key that is unfollowed before its entry was sent does not come', async (t) => {
  const feed = feedOf({ mode: 'latest', maxLagBytes: 1 })
  const subscription = feed.subscribe({ keys: ['a', 'b'] })
  const stream = new OpenStream(subscription)
  stream.stall()
  for (const key of ['a', 'b', 'c']) feed.publish({ event: 'message', data: { key }, key })
  subscription.follow('c')
  feed.publish({ event: 'message', data: 1, key: 'd' })
  stream.read(1)
  subscription.unfollow('a')
  stream.resume()
  t.strictSame([stream.gaps.length, stream.data], [1, [{ key: 'b' }]], 'nor one that was published before its key was followed')
  stream.close()
})

t.test('conflation keeps at most so many entries and bytes beside the log; the oldest leave first, and the sum never drifts', async (t) => {
  for (const [maxEntries, maxBytes, kept] of [[2, Infinity, ['c', 'd']], [9, 2 * SIZE + 2, ['c', 'd']], [9, Infinity, ['a', 'b', 'c', 'd']], [9, 1, []]] as const) {
    const window = new Window(new ManualClock(), readRetention({ entries: 1 }))
    const newest = new NewestByKey(window, maxEntries, maxBytes)
    for (let round = 0; round < 3; round++) {
      for (const key of ['a', 'b', 'c', 'd', 'e']) {
        window.push(new Entry({ event: 'message', json: '1', keys: [key], at: 0, position: `${key}-${round}` }, window.next))
        newest.advance()
      }
    }
    const found = newest.since(0, () => true).map(({ key }) => key)
    t.strictSame(found, [...kept, 'e'])
    t.equal(window.bytes, found.length * (SIZE + 1))
    newest.clear()
    t.equal(window.bytes, SIZE + 1)
  }
})
