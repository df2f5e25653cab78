/** Where a first connect begins: at the last so many entries, or at a time. */
import t from 'tap'
import { ManualClock } from '../clock.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { feedOf, OpenStream } from './open-stream.ts'

const ODD = ({ data }: { data: unknown }): boolean => Number(data) % 2 === 1

t.test('{ last: n } begins at the last n that the stream takes; 0 is none, and more than are kept is all', async (t) => {
  const feed = feedOf({ retain: { entries: 6 } })
  for (let data = 1; data <= 8; data++) feed.publish({ event: 'message', data, key: data % 3 === 0 ? 'three' : 'other' })
  for (const [last, options, expected] of [
    [0, {}, []], [1, {}, [8]], [3, {}, [6, 7, 8]], [6, {}, [3, 4, 5, 6, 7, 8]], [7, {}, [3, 4, 5, 6, 7, 8]], [1e9, {}, [3, 4, 5, 6, 7, 8]],
    [2, { where: ODD }, [5, 7]], [9, { where: ODD }, [3, 5, 7]], [1, { keys: ['three'] }, [6]], [2, { keys: ['three'], where: ODD }, [3]], [1, { keys: [] }, []]
  ] as const) {
    const stream = new OpenStream(feed.subscribe({ from: { last }, ...options }))
    t.strictSame([stream.data, stream.gaps], [expected, []], JSON.stringify([last, Object.keys(options)]))
    stream.close()
  }
})

t.test('{ since } begins at the first that was published then or later', async (t) => {
  const clock = new ManualClock()
  const feed = feedOf({ clock })
  const start = clock.now()
  for (const data of [1, 2, 3]) {
    feed.publish({ event: 'message', data })
    clock.advance(10)
  }
  for (const [ms, expected] of [[-1e9, [1, 2, 3]], [0, [1, 2, 3]], [1, [2, 3]], [10, [2, 3]], [20, [3]], [21, []], [1e9, []]] as const) {
    const stream = new OpenStream(feed.subscribe({ from: { since: new Date(start + ms) } }))
    t.strictSame(stream.data, expected, `${ms} ms`)
    stream.close()
  }
})

t.test('what has grown too old is in no window, though nothing was published since', async (t) => {
  const clock = new ManualClock()
  const feed = feedOf({ clock, retain: { ageMs: 100 } })
  feed.publish({ event: 'message', data: 1 })
  clock.advance(101)
  for (const from of [{ last: 5 }, { since: new Date(0) }, 'earliest'] as const) {
    const stream = new OpenStream(feed.subscribe({ from }))
    t.strictSame(stream.data, [])
    stream.close()
  }
})

t.test('of a log that keeps more than its window, the windows look at the window', async (t) => {
  const feed = feedOf({ log: new PagedLog(), retain: { entries: 3 } })
  for (let data = 1; data <= 8; data++) await feed.publish({ event: 'message', data })
  const stream = new OpenStream(feed.subscribe({ from: { last: 5 } }))
  t.strictSame(stream.data, [6, 7, 8])
  stream.close()
})

t.test('an event ID beats a window', async (t) => {
  const feed = feedOf()
  const ids = [1, 2, 3].map((data) => String(feed.publish({ event: 'message', data })))
  for (const stream of [new OpenStream(feed.subscribe({ after: ids[1], from: { last: 3 } })), new OpenStream(feed.subscribe({ from: { last: 3 } }), { after: ids[1] })]) {
    t.strictSame(stream.data, [3])
    stream.close()
  }
})
