/** The wall clock is set, forward and back, while a feed is open: ages and lags are those of a clock that nobody sets. */
import t from 'tap'
import { Entry } from '../../lib/feed/entry.ts'
import { Window } from '../../lib/feed/window.ts'
import { readRetention } from '../../lib/log/retention.ts'
import { ManualClock } from '../clock.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { feedOf, OpenStream, turn, until, type FeedMade } from './open-stream.ts'

const HOUR = 3_600_000

function made (options: FeedMade = {}): { clock: ManualClock, feed: ReturnType<typeof feedOf>, publish: (data: number) => void } {
  const clock = new ManualClock()
  const feed = feedOf({ clock, ...options })
  return { clock, feed, publish: (data) => { feed.publish({ event: 'message', data }) } }
}

t.test('`at` never decreases when the clock is set back, and follows it when it is set forward', async (t) => {
  const { clock, feed, publish } = made()
  const seen: number[] = []
  const stream = new OpenStream(feed.subscribe({ where: ({ at }) => seen.push(at) }))
  const start = clock.now()
  const steps = [0, -HOUR, 10, HOUR - 5, 2 * HOUR, -1]
  for (const step of steps) {
    clock.set(step)
    publish(1)
    await turn()
  }
  t.strictSame(seen, [start, start, start, start + 5, start + 2 * HOUR + 5, start + 2 * HOUR + 5])
  stream.close()
})

t.test('`at` does not decrease below that of another process, nor while appends are under way', async (t) => {
  const clock = new ManualClock()
  const log = new PagedLog({ clock })
  const feed = feedOf({ clock, log })
  await feed.ready()
  const start = clock.now()
  await log.append({ event: 'message', json: '0', keys: [], at: start + 50 })
  const first = feed.publish({ event: 'message', data: 1 })
  clock.set(100)
  const second = feed.publish({ event: 'message', data: 2 })
  clock.set(-HOUR)
  await Promise.all([first, second, feed.publish({ event: 'message', data: 3 })])
  t.strictSame([1, 2, 3, 4].map((index) => (feed.window.at(index)?.at ?? 0) - start), [50, 50, 100, 100])
})

for (const step of [HOUR, -HOUR]) {
  const how = step > 0 ? 'forward' : 'back'

  t.test(`retain.ageMs drops nothing too soon and keeps nothing too long when the clock is set ${how}`, async (t) => {
    const { clock, feed, publish } = made({ retain: { ageMs: 100 } })
    publish(1)
    clock.advance(50)
    clock.set(step)
    publish(2)
    t.match(feed.stats(), { entries: 2, ageMs: 50 })
    clock.advance(50)
    publish(3)
    t.match(feed.stats(), { entries: 3, ageMs: 100 }, 'the bound itself is allowed')
    clock.advance(1)
    publish(4)
    t.match(feed.stats(), { entries: 3, ageMs: 51 })
  })

  t.test(`maxLagMs counts the time that has passed when the clock is set ${how}`, async (t) => {
    const { clock, feed, publish } = made({ mode: 'skip', maxLagMs: 100 })
    const stream = await OpenStream.begun(feed.subscribe())
    stream.stall()
    publish(1)
    clock.advance(60)
    clock.set(step)
    publish(2)
    clock.advance(40)
    stream.resume()
    t.strictSame([stream.data, stream.gaps], [[1, 2], []], 'the limit itself is allowed')
    stream.stall()
    publish(3)
    clock.advance(60)
    clock.set(-step)
    publish(4)
    clock.advance(41)
    stream.resume()
    t.strictSame(stream.data, [1, 2, 4])
    t.match(stream.gaps, [{ reason: 'lagged' }])
    stream.close()
  })

  t.test(`{ since } of a minute ago is a minute ago when the clock was set ${how} meanwhile`, async (t) => {
    const { clock, feed, publish } = made()
    const since = (ms: number): unknown[] => {
      const stream = new OpenStream(feed.subscribe({ from: { since: new Date(clock.now() - ms) } }))
      stream.close()
      return stream.data
    }
    publish(1)
    clock.advance(50_000)
    publish(2)
    clock.set(step)
    clock.advance(20_000)
    publish(3)
    t.strictSame(since(60_000).slice(-2), [2, 3], 'nothing of the last minute is missing')
    if (step > 0) t.strictSame([since(60_000), since(70_000), since(19_999)], [[2, 3], [1, 2, 3], [3]])
    t.strictSame(since(-HOUR * 3), [])
  })
}

t.test('{ since } the time of an event begins there at the latest, however the clock was set since', async (t) => {
  for (const step of [HOUR, -HOUR]) {
    const { clock, feed, publish } = made()
    const ats: number[] = []
    const all = new OpenStream(feed.subscribe({ where: ({ at }) => ats.push(at) }))
    for (const data of [1, 2, 3]) {
      publish(data)
      await turn()
      clock.advance(10)
      if (data === 2) clock.set(step)
    }
    const stream = new OpenStream(feed.subscribe({ from: { since: new Date(ats[1] ?? 0) } }))
    await until(() => stream.data.length > 0, 'it begins')
    t.strictSame(stream.data.slice(-2), [2, 3])
    for (const opened of [all, stream]) opened.close()
  }
})

t.test('what another process published a while ago is as old as its time says, and no newer entry is older', (t) => {
  const clock = new ManualClock()
  const window = new Window(clock, readRetention({ ageMs: 100 }))
  const push = (ageMs: number): void => {
    window.push(new Entry({ event: 'message', json: '1', keys: [], at: clock.now() - ageMs, position: `p-${ageMs}` }, window.next))
  }
  for (const ageMs of [60, 90, -50]) push(ageMs)
  t.strictSame([1, 2, 3].map((index) => window.ageOf(index)), [60, 60, 0])
  push(101)
  t.strictSame(window.ageOf(4), 0)
  t.equal(window.ageOf(99), 0)
  t.end()
})
