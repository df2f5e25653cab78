/** Streams with keys on a log that keeps more than its window, or is ahead of what its tail has told. */
import t from 'tap'
import { PagedLog } from '../contract/paged-log.ts'
import { feedOf, OpenStream, turn, until } from './open-stream.ts'

t.test('an entry that leaves the window before it is read is no gap while the log keeps it, however old the last one was', async (t) => {
  const log = new PagedLog({ retain: { entries: 60 } })
  const feed = feedOf({ log, retain: { entries: 2 }, mode: 'skip' })
  const publish = async (data: number, key: string): Promise<void> => { await feed.publish({ event: 'message', data, key }) }
  const stream = await OpenStream.begun(feed.subscribe({ keys: ['a'] }))
  await publish(1, 'a')
  await until(() => stream.data.length === 1, 'it is live')
  stream.stall()
  for (let data = 2; data < 200; data++) await publish(data, 'b')
  await publish(200, 'a')
  for (let data = 201; data < 210; data++) await publish(data, 'b')
  await publish(210, 'a')
  for (let data = 211; data < 220; data++) await publish(data, 'b')
  stream.resume()
  await until(() => stream.data.length > 1, 'it goes on')
  await until(() => stream.source.behind().entries === 0, 'it is caught up')
  t.strictSame([stream.data, stream.gaps], [[1, 200, 210], []])
  stream.close()
  feed.end()
})

t.test('the next of several that wait leaves the window: the log is asked from before that one', async (t) => {
  const log = new PagedLog({ retain: { entries: 60 } })
  const feed = feedOf({ log, retain: { entries: 50 }, mode: 'skip' })
  const publish = async (data: number, key: string): Promise<void> => { await feed.publish({ event: 'message', data, key }) }
  const stream = await OpenStream.begun(feed.subscribe({ keys: ['a'] }))
  stream.stall()
  await publish(1, 'a')
  await publish(2, 'b')
  for (let data = 3; data < 40; data++) await publish(data, 'b')
  await publish(40, 'a')
  // one is read, and the next is looked at
  stream.read(1, 1)
  t.strictSame(stream.data, [1])
  for (let data = 41; data < 95; data++) await publish(data, 'b')
  stream.resume()
  await until(() => stream.source.behind().entries === 0, 'it is caught up')
  t.strictSame([stream.data, stream.gaps], [[1, 40], []])
  stream.close()
  feed.end()
})

for (const [where, after] of [['ahead of what the tail has told', 5], ['behind that', 0]] as const) {
  t.test(`a key that is followed while a stream reads pages ${where} counts from then on`, async (t) => {
    const elsewhere = new PagedLog()
    await elsewhere.tail({ entries () {}, lost () {}, ended () {} }, { entries: 0, bytes: 0 })
    const log = new PagedLog({ store: elsewhere.store })
    const feed = feedOf({ log, retain: { entries: 2 } })
    await feed.ready()
    const ids: string[] = []
    const append = async (number: number, key: string): Promise<void> => {
      ids.push(await elsewhere.append({ event: 'message', json: String(number), keys: [key], at: 0 }))
    }
    for (let number = 1; number <= 5; number++) await append(number, number % 2 === 0 ? 'b' : 'a')
    await until(() => feed.window.next === 6, 'the tail has told them')
    log.holdTail()
    for (let number = 6; number <= 9; number++) await append(number, number % 2 === 0 ? 'b' : 'a')
    const subscription = feed.subscribe({ keys: ['a'] })
    const stream = await OpenStream.begun(subscription, { after: ids[after], isStalled: true })
    await until(() => stream.read(1) > 0, 'the stream begins')
    const isAhead = where.startsWith('ahead')
    if (isAhead) {
      await until(() => stream.read() > 0, 'it reads a page')
      t.strictSame(stream.data, [7, 9])
    }
    subscription.follow('b')
    for (let number = 10; number <= 12; number++) await append(number, 'b')
    stream.resume()
    log.release()
    await until(() => stream.data.includes(12), 'what was published then comes')
    // this process had heard of 5 entries when the key was followed, and the stream had passed 9 if it was ahead
    t.strictSame(stream.data, isAhead ? [7, 9, 10, 11, 12] : [3, 5, 6, 7, 8, 9, 10, 11, 12])
    t.strictSame(stream.gaps, [])
    await append(13, 'b')
    await until(() => stream.data.at(-1) === 13, 'and live')
    stream.close()
    feed.end()
    await elsewhere.close()
  })
}

t.test('an entry in pages costs no walk over the keys that were followed meanwhile', async (t) => {
  const feed = feedOf({ log: new PagedLog(), retain: { entries: 2 } })
  const ids: Array<string | Promise<string>> = []
  for (let data = 0; data < 1_000; data++) ids.push(feed.publish({ event: 'message', data, key: 'a' }))
  const [first] = await Promise.all(ids)
  const subscription = feed.subscribe({ keys: ['a'] })
  const stream = await OpenStream.begun(subscription, { after: first, isStalled: true })
  await until(() => stream.read(1) > 0, 'the stream begins')
  for (let key = 0; key < 1_000; key++) subscription.follow(`key ${key}`)
  const walks: string[] = []
  const { values } = Map.prototype
  Reflect.set(Map.prototype, 'values', function (this: Map<unknown, unknown>) {
    if (this.size >= 1_000 && this.has('key 7')) walks.push('values')
    return Reflect.apply(values, this, []) as MapIterator<unknown>
  })
  try {
    stream.resume()
    await until(() => stream.data.length === 999, 'it has read all')
  } finally {
    Reflect.set(Map.prototype, 'values', values)
  }
  t.ok(walks.length < 10, `${walks.length} walks`)
  stream.close()
  feed.end()
  await turn()
})
