/** Subscriptions that follow keys, and the index that they are found by. */
import t from 'tap'
import { FollowedKeys } from '../../lib/subscription/followed-keys.ts'
import { KeyIndex } from '../../lib/feed/key-index.ts'
import { systemClock } from '../../lib/clock.ts'
import { Entry } from '../../lib/feed/entry.ts'
import { Window } from '../../lib/feed/window.ts'
import { readRetention } from '../../lib/log/retention.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { ManualClock } from '../clock.ts'
import { feedOf, heldBytes, OpenStream, turn, until } from './open-stream.ts'

const LOGS = [['in memory', () => ({})], ['in pages', () => ({ log: new PagedLog(), retain: { entries: 2 } })]] as const

for (const [name, make] of LOGS) {
  t.test(`a key counts from the entry behind follow to the moment of unfollow: a log ${name}`, async (t) => {
    const feed = feedOf(make())
    const subscription = feed.subscribe({ keys: ['a'] })
    const stream = await OpenStream.begun(subscription)
    const publish = async (data: number, key?: string): Promise<void> => { await feed.publish({ event: 'message', data, key }) }
    await publish(1, 'a')
    await publish(2, 'b')
    await publish(3)
    stream.stall()
    await publish(4, 'b')
    subscription.follow('b')
    subscription.follow('b')
    for (let data = 5; data < 12; data++) await publish(data, data % 2 === 0 ? 'a' : 'b')
    stream.resume()
    await until(() => stream.data.length === 8, 'all that was published behind follow comes')
    t.strictSame(stream.data, [1, 5, 6, 7, 8, 9, 10, 11], 'and nothing of that key from before')
    stream.stall()
    await publish(12, 'a')
    await publish(13, 'b')
    subscription.unfollow('a')
    subscription.unfollow('a')
    stream.resume()
    await until(() => stream.data.length === 9, 'what is followed comes')
    t.strictSame(stream.data.at(-1), 13, 'what waited of the other does not')
    stream.close()
    feed.end()
  })
}

for (const [name, make] of LOGS) {
  t.test(`an event with several keys comes once to a stream that follows several of them, live, lagging and on replay: a log ${name}`, async (t) => {
    const feed = feedOf(make())
    const most = Array.from({ length: 64 }, (_, number) => `user-${number}`)
    const options = { keys: ['ops', 'user-7', 'user-9'], from: 'earliest' } as const
    const live = await OpenStream.begun(feed.subscribe(options))
    const other = await OpenStream.begun(feed.subscribe({ keys: ['user-8'], from: 'earliest' }))
    const lagging = await OpenStream.begun(feed.subscribe(options), { isStalled: true })
    await feed.publish({ event: 'message', data: 1, keys: most })
    await feed.publish({ event: 'message', data: 2, keys: ['user-8', 'ops', 'user-8'] })
    await feed.publish({ event: 'message', data: 3, key: 'user-8' })
    await feed.publish({ event: 'message', data: 4, keys: ['user-9', 'user-7'] })
    const replaying = new OpenStream(feed.subscribe(options))
    lagging.resume()
    for (const stream of [live, lagging, replaying]) {
      await until(() => stream.data.length >= 3, 'it is caught up')
      t.strictSame(stream.data, [1, 2, 4])
    }
    await until(() => other.data.length >= 3, 'it is caught up')
    t.strictSame(other.data, [1, 2, 3])
    for (const stream of [live, other, lagging, replaying]) stream.close()
    feed.end()
  })
}

t.test('filters and projections see all keys of an event, each once, and the first of them as its key', async (t) => {
  const feed = feedOf()
  const seen: unknown[] = []
  const stream = await OpenStream.begun(feed.subscribe({
    where: ({ key, keys }) => seen.push([key, keys]) > 0,
    as: ({ key, keys }) => ({ data: [key, keys] })
  }))
  feed.publish({ event: 'message', data: 1, keys: ['b', 'a', 'b'] })
  feed.publish({ event: 'message', data: 2, key: 'a' })
  feed.publish({ event: 'message', data: 3 })
  const expected = [['b', ['b', 'a']], ['a', ['a']], [undefined, []]]
  await until(() => stream.data.length === 3, 'they have come')
  t.strictSame(seen, expected)
  t.strictSame(stream.data, [['b', ['b', 'a']], ['a', ['a']], [null, []]])
  t.ok(Object.isFrozen((seen[0] as unknown[])[1]))
  stream.close()
})

t.test('keys may come from an iterator that gives them once', async (t) => {
  const feed = feedOf()
  const stream = new OpenStream(feed.subscribe({ keys: new Map([['a', 1]]).keys() }))
  feed.publish({ event: 'message', data: 1, key: 'a' })
  await turn()
  t.strictSame(stream.data, [1])
  stream.close()
})

t.test('one subscription on two streams: follow counts for both, each has its own place', async (t) => {
  const feed = feedOf()
  const subscription = feed.subscribe({ keys: [] })
  const [one, two] = [new OpenStream(subscription), new OpenStream(subscription)]
  two.stall()
  subscription.follow('a')
  feed.publish({ event: 'message', data: 1, key: 'a' })
  await turn()
  t.strictSame([one.data, two.data], [[1], []])
  two.resume()
  t.strictSame(two.data, [1])
  one.close()
  two.close()
})

for (const [name, make] of LOGS) {
  t.test(`a stream that begins after a key was followed gets all entries of that key, one that was open gets the newer ones: a log ${name}`, async (t) => {
    const feed = feedOf(make())
    const subscription = feed.subscribe({ keys: ['a'], from: 'earliest' })
    const publish = async (data: number, key: string): Promise<void> => { await feed.publish({ event: 'message', data, key }) }
    for (let data = 1; data <= 4; data++) await publish(data, data % 2 === 0 ? 'b' : 'a')
    const early = await OpenStream.begun(subscription)
    await until(() => early.data.length === 2, 'it is caught up')
    early.stall()
    subscription.follow('b')
    subscription.follow('c')
    subscription.unfollow('a')
    subscription.follow('a')
    const late = new OpenStream(subscription, { isStalled: true })
    for (let data = 5; data <= 8; data++) await publish(data, data % 2 === 0 ? 'b' : 'a')
    await publish(9, 'd')
    for (const stream of [early, late]) stream.resume()
    await until(() => early.data.length === 6 && late.data.length === 8, 'each has its own')
    t.strictSame(early.data, [1, 3, 5, 6, 7, 8])
    t.strictSame(late.data, [1, 2, 3, 4, 5, 6, 7, 8])
    for (const stream of [early, late]) stream.close()
    feed.end()
  })
}

t.test('the streams of a subscription share its keys: the index follows each key once, for any number of streams', (t) => {
  const window = new Window(systemClock, readRetention())
  const asked: string[] = []
  class CountingIndex extends KeyIndex {
    override follow (...[key, follower]: Parameters<KeyIndex['follow']>): void {
      asked.push(`+${key}`)
      super.follow(key, follower)
    }

    override unfollow (...[key, follower]: Parameters<KeyIndex['unfollow']>): void {
      asked.push(`-${key}`)
      super.unfollow(key, follower)
    }
  }
  const [index, keys] = [new CountingIndex(window), new FollowedKeys(window, new Set(['a']))]
  const streams = Array.from({ length: 1_000 }, () => ({ offer () {} }))
  keys.follow('b')
  t.strictSame(asked, [], 'without a stream it follows nothing')
  for (const stream of streams) keys.enter(stream, index)
  keys.follow('c')
  keys.follow('c')
  keys.unfollow('a')
  t.strictSame(asked.splice(0), ['+a', '+b', '+c', '-a'])
  for (const stream of streams) keys.leave(stream)
  t.strictSame(asked, ['-b', '-c'], 'the last stream that leaves takes the keys with it')
  t.end()
})

t.test('a quiet stream of keys does not fall off the log by what is not for it', async (t) => {
  const feed = feedOf({ retain: { entries: 3 }, maxLagBytes: 1 })
  const stream = new OpenStream(feed.subscribe({ keys: ['a'] }), { isStalled: false })
  for (let data = 0; data < 10; data++) feed.publish({ event: 'message', data, key: 'b' })
  await turn()
  stream.quiet()
  t.ok(stream.wakes <= 1, 'it is woken to say where it stands, and for nothing else')
  t.equal(stream.lastEventId, feed.window.positionBefore(feed.window.next), 'and its bookmark is the head')
  t.strictSame([stream.source.end, stream.gaps], [undefined, []])
  stream.close()
})

t.test('an entry that is too old when it comes to stand in the window is a gap for those who follow its key', async (t) => {
  const clock = new ManualClock()
  const log = new PagedLog({ retain: { ageMs: 1 }, clock })
  const feed = feedOf({ log, clock, retain: { entries: 3 }, mode: 'skip' })
  const stream = await OpenStream.begun(feed.subscribe({ keys: ['a'] }))
  const published = feed.publish({ event: 'message', data: 1, key: 'a' })
  clock.advance(2)
  await published
  await until(() => stream.gaps.length === 1, 'it is told')
  t.match(stream.gaps, [{ reason: 'lagged', oldest: null }])
  stream.close()
})

t.test('follow needs keys, and takes strings', async (t) => {
  const feed = feedOf()
  t.throws(() => { feed.subscribe().follow('a') }, { code: 'FST_EVENTFEED_BAD_OPTION', message: /keys: \[\]/ })
  t.throws(() => { feed.subscribe({ keys: [] }).unfollow(1 as never) }, { code: 'FST_EVENTFEED_BAD_OPTION', message: /a number/ })
})

t.test('the index forgets entries and keys that have left: 100,000 keys leave nothing', async (t) => {
  const window = new Window(systemClock, readRetention({ entries: 100 }))
  const index = new KeyIndex(window)
  const append = (key: string): void => {
    window.push(new Entry({ event: 'message', json: '1', keys: [key], at: 0, position: key }, window.next))
    index.advance()
  }
  const before = await heldBytes()
  for (let number = 0; number < 100_000; number++) append(`key ${number}`)
  const found: number[] = []
  for (let number = 0; number < 100_000; number++) index.collect(`key ${number}`, 0, 10, found)
  t.equal(found.length, 100, 'those that the window keeps')
  const grown = await heldBytes() - before
  t.ok(grown < 1_000_000, `${grown} bytes`)
  window.clear()
  index.collect('key 99999', 0, 10, found)
  t.equal(found.length, 100, 'none after the window is cleared')
})
