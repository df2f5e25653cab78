/** Histories by key: what is kept of each key when the log has dropped it, and who gets it. */
import t from 'tap'
import { HISTORY_BYTES, KEPT_BYTES } from '../../lib/defaults.ts'
import { sizeOf } from '../../lib/log/retention.ts'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import { ManualClock } from '../clock.ts'
import { feedOf, heldBytes, OpenStream, turn, until } from './open-stream.ts'

/** Publishes numbers with keys, and answers the ids by number. */
function publisher (feed: LogFeed): (data: number, ...keys: string[]) => string {
  return (data, ...keys) => String(feed.publish({ event: 'message', data, ...keys.length === 0 ? {} : { keys } }))
}

t.test('a reconnect by keys whose histories are complete gets no gap, and all in order, though the log has dropped most of it', async (t) => {
  const feed = feedOf({ retain: { entries: 3, perKey: 2 } })
  const publish = publisher(feed)
  const ids = [publish(1, 'a'), publish(2, 'a'), publish(3, 'b'), publish(4, 'a', 'b'), publish(5, 'quiet')]
  for (let data = 6; data < 30; data++) publish(data, 'loud')
  publish(30, 'b')
  for (const [after, keys, expected] of [
    [1, ['a'], [4]], [0, ['a'], [2, 4]], [2, ['b'], [4, 30]], [1, ['a', 'b', 'quiet'], null], [3, ['a', 'b', 'quiet'], [5, 30]], [2, ['quiet'], [5]], [0, [], []]
  ] as const) {
    const stream = new OpenStream(feed.subscribe({ keys }), { after: ids[after] })
    const what = `after ${after + 1} by ${keys.join()}`
    if (expected === null) t.match(stream.gaps, [{ reason: 'trimmed', requested: ids[after], oldest: ids[3] }], what)
    else {
      t.strictSame([stream.data, stream.gaps], [expected, []], what)
      t.match(stream.events[0], { event: 'stream:bookmark', id: ids[after] }, 'it goes on where the client was')
    }
    stream.close()
  }
})

t.test('the entries that are kept carry their ids: a client that is cut among them goes on there, without a gap', async (t) => {
  const feed = feedOf({ retain: { entries: 2, perKey: 10 } })
  const publish = publisher(feed)
  const first = publish(0, 'a')
  const ids = [1, 2, 3].map((data) => publish(data, 'a'))
  for (let data = 4; data < 9; data++) publish(data, 'other')
  const stream = new OpenStream(feed.subscribe({ keys: ['a'] }), { after: first })
  t.strictSame(stream.own.map(({ id }) => id), ids)
  stream.close()
  const again = new OpenStream(feed.subscribe({ keys: ['a'] }), { after: ids[0] })
  t.strictSame([again.data, again.gaps], [[2, 3], []])
  publish(9, 'a')
  await turn()
  t.strictSame(again.data, [2, 3, 9], 'and then comes what is published')
  again.close()
})

t.test('any other reconnect gets the gap, then what is kept of its keys, or of all, and then the log', async (t) => {
  const feed = feedOf({ retain: { entries: 2, perKey: 2 } })
  const publish = publisher(feed)
  const ids = [publish(1, 'a'), publish(2, 'b'), publish(3, 'a'), publish(4, 'a'), publish(5), publish(6, 'c'), publish(7), publish(8)]
  for (const [after, keys, expected, requested, reason] of [
    [ids[0], undefined, [2, 3, 4, 6, 7, 8], ids[0], 'trimmed'],
    [ids[4], undefined, [6, 7, 8], ids[4], 'trimmed'],
    ['0123456789-3', undefined, [2, 3, 4, 6, 7, 8], '0123456789-3', 'epoch'],
    ['garbage', ['a'], [3, 4], 'garbage', 'malformed'],
    ['0123456789-3', ['a', 'c'], [3, 4, 6], '0123456789-3', 'epoch']
  ] as const) {
    const stream = new OpenStream(feed.subscribe(keys === undefined ? {} : { keys }), { after })
    const first = ids[expected[0] - 1]
    t.strictSame([stream.data, stream.gaps], [expected, [{ requested, oldest: first, reason }]], `${after} by ${keys?.join()}`)
    t.equal(stream.events[0]?.id, ids[expected[0] - 2], 'the gap has the id before what follows')
    stream.close()
  }
  const stream = new OpenStream(feed.subscribe({ keys: ['z'] }), { after: 'garbage' })
  t.match(stream.gaps, [{ oldest: ids[6] }], 'where nothing is kept for it, the log comes')
  stream.close()
})

t.test('filters, types and projections leave a history complete: there is no gap', async (t) => {
  const feed = feedOf({ retain: { entries: 1, perKey: 5 } })
  const publish = publisher(feed)
  const first = publish(0, 'a')
  for (let data = 1; data < 5; data++) publish(data, 'a')
  publish(5)
  const stream = new OpenStream(feed.subscribe({ keys: ['a'], events: ['message'], where: ({ data }) => Number(data) % 2 === 0, as: ({ data }) => ({ data: [data] }) }), { after: first })
  t.strictSame([stream.data, stream.gaps], [[[2], [4]], []])
  stream.close()
})

t.test('the last n of some keys are there beside a loud neighbour, and so are the earliest and those since a time', async (t) => {
  const clock = new ManualClock()
  const feed = feedOf({ clock, retain: { entries: 5, perKey: 4 } })
  const publish = publisher(feed)
  for (let data = 1; data <= 6; data++) {
    publish(data, data % 2 === 0 ? 'even' : 'odd', 'all')
    clock.advance(10)
  }
  for (let data = 100; data < 150; data++) publish(data, 'loud')
  for (const [from, keys, expected] of [
    [{ last: 2 }, ['even', 'odd'], [5, 6]], [{ last: 4 }, ['even'], [2, 4, 6]], [{ last: 9 }, ['all'], [3, 4, 5, 6]], [{ last: 0 }, ['all'], []],
    [{ last: 5 }, ['even', 'loud'], [145, 146, 147, 148, 149]], [{ last: 3 }, ['odd', 'nobody'], [1, 3, 5]],
    ['earliest', ['even'], [2, 4, 6]], [{ since: new Date(clock.now() - 30) }, ['even', 'odd'], [4, 5, 6]], ['latest', ['even'], []]
  ] as const) {
    const stream = new OpenStream(feed.subscribe({ from, keys }))
    t.strictSame([stream.data, stream.gaps], [expected, []], `${JSON.stringify(from)} of ${keys.join()}`)
    stream.close()
  }
  const stream = new OpenStream(feed.subscribe({ from: { last: 2 }, keys: ['even'], where: ({ data }) => data !== 4 }))
  t.strictSame(stream.data, [2, 6], 'of those that it takes')
  t.match(new OpenStream(feed.subscribe({ keys: ['even'] }), { after: stream.events[0]?.id }).gaps, [], 'and who is cut before the first goes on there')
})

t.test('a stream that lags reads on in the history of its keys, and falls behind only where that has lost something', async (t) => {
  const feed = feedOf({ retain: { entries: 2, perKey: 3 }, mode: 'skip' })
  const publish = publisher(feed)
  const stream = await OpenStream.begun(feed.subscribe({ keys: ['a', 'b'] }), {})
  stream.stall()
  for (let data = 1; data <= 3; data++) publish(data, 'a')
  for (let data = 10; data < 20; data++) publish(data, 'loud')
  publish(4, 'b')
  await turn()
  stream.resume()
  t.strictSame([stream.data, stream.gaps], [[1, 2, 3, 4], []])
  stream.stall()
  for (let data = 1; data <= 5; data++) publish(data * 100, 'a')
  for (let data = 10; data < 20; data++) publish(data, 'loud')
  publish(5, 'b')
  await turn()
  stream.resume()
  await until(() => stream.data.length === 5, 'it goes on')
  t.match(stream.gaps, [{ reason: 'lagged' }])
  t.equal(stream.data.at(-1), 5)
  stream.close()
})

t.test('what is kept is lost while a stream reads it: a gap, and nothing in silence', async (t) => {
  const feed = feedOf({ retain: { entries: 1, perKey: 5 } })
  const publish = publisher(feed)
  const first = publish(0, 'a')
  for (let data = 1; data <= 5; data++) publish(data, 'a')
  publish(6, 'b')
  const stream = new OpenStream(feed.subscribe({ keys: ['a'] }), { after: first, isStalled: true })
  stream.read(1)
  stream.read(1, 1)
  t.strictSame(stream.data, [1])
  publish(7, 'a')
  publish(8, 'a')
  stream.read(1, 1)
  await until(() => { stream.read(1, 1); return stream.source.end !== undefined }, 'it has lagged')
  t.strictSame(stream.source.end, { kind: 'lagged' })
  t.strictSame(stream.data, [1])
  const again = new OpenStream(feed.subscribe({ keys: ['a'] }), { after: stream.lastEventId })
  t.match([again.gaps, again.data], [[{ reason: 'trimmed' }], [3, 4, 5, 7, 8]])
})

t.test('kept entries count toward bytes, at most half of it, and the oldest leave first; an entry of several keys counts once', async (t) => {
  const size = sizeOf({ event: 'message', json: '1', keys: ['a'] })
  const keptSize = size + KEPT_BYTES
  // four of one key, and what is known of that, are more than a half
  const feed = feedOf({ retain: { bytes: 2 * (4 * keptSize + HISTORY_BYTES), entries: 1, perKey: 100 } })
  const publish = publisher(feed)
  for (let data = 1; data <= 9; data++) publish(data, 'a')
  t.strictSame(feed.stats().kept, { entries: 4, bytes: 4 * keptSize + HISTORY_BYTES })
  t.equal(feed.stats().bytes, size + 4 * keptSize + HISTORY_BYTES)
  const stream = new OpenStream(feed.subscribe({ keys: ['a'], from: 'earliest' }))
  t.strictSame(stream.data, [5, 6, 7, 8, 9])
  stream.close()
  const several = feedOf({ retain: { entries: 1, perKey: 1 } })
  several.publish({ event: 'message', data: 1, keys: ['a', 'b', 'c'] })
  several.publish({ event: 'message', data: 2, key: 'd' })
  t.strictSame(several.stats().kept, { entries: 1, bytes: sizeOf({ event: 'message', json: '1', keys: ['a', 'b', 'c'] }) + KEPT_BYTES + 4 * HISTORY_BYTES })
  several.publish({ event: 'message', data: 3, keys: ['a', 'b'] })
  t.equal(several.stats().kept.entries, 2, 'it is the newest of c')
  several.publish({ event: 'message', data: 4, key: 'c' })
  t.equal(several.stats().kept.entries, 2, 'now of none')
  for (const feed of [several]) {
    feed.end()
    await until(() => feed.stats().bytes === 0, 'all is let go of')
    t.strictSame(feed.stats().kept, { entries: 0, bytes: 0 })
  }
})

t.test('kept entries leave at their age, and steps of the wall clock do not matter', async (t) => {
  const clock = new ManualClock()
  const feed = feedOf({ clock, retain: { entries: 1, ageMs: 100, perKey: 5 } })
  const publish = publisher(feed)
  const first = publish(0, 'a')
  publish(1, 'a')
  clock.advance(60)
  publish(2, 'a')
  publish(3, 'b')
  clock.set(-1_000_000)
  clock.advance(40)
  t.equal(feed.stats().kept.entries, 3, 'exactly as old as they may be')
  const before = new OpenStream(feed.subscribe({ keys: ['a'] }), { after: first })
  t.strictSame([before.data, before.gaps], [[1, 2], []])
  before.close()
  clock.set(2_000_000)
  clock.advance(1)
  const stream = new OpenStream(feed.subscribe({ keys: ['a'] }), { after: first })
  t.match([stream.data, stream.gaps], [[2], [{ reason: 'trimmed' }]])
  stream.close()
  t.equal(feed.stats().kept.entries, 1)
})

t.test('an entry larger than half of the bytes is not kept, and takes the place of no other key', async (t) => {
  const feed = feedOf({ retain: { entries: 1, bytes: 20_000, perKey: 5 } })
  const publish = publisher(feed)
  const first = publish(1, 'a', 'b')
  feed.publish({ event: 'message', data: 'x'.repeat(10_000), key: 'a' })
  publish(3, 'b')
  publish(4, 'c')
  const [a, b] = ['a', 'b'].map((key) => new OpenStream(feed.subscribe({ keys: [key] }), { after: first }))
  t.match([a?.gaps, a?.data], [[{ reason: 'trimmed' }], []], 'its own key has a hole there')
  t.strictSame([b?.gaps, b?.data], [[], [3]])
  a?.close()
  b?.close()
})

t.test('perKey must be an integer of 1 or more', async (t) => {
  for (const perKey of [0, -1, 1.5, Infinity, NaN, '3', null]) t.throws(() => feedOf({ retain: { perKey: perKey as never } }), { code: 'FST_EVENTFEED_BAD_OPTION', message: /retain\.perKey must be an integer of 1 or more/ })
  t.doesNotThrow(() => feedOf({ retain: { perKey: undefined } }))
  t.doesNotThrow(() => feedOf({ retain: { perKey: 1 } }))
})

t.test('keys that come and go leave nothing: 100,000 keys with an event each are forgotten with that', async (t) => {
  const clock = new ManualClock()
  const feed = feedOf({ clock, retain: { entries: 10, ageMs: 100, bytes: 4_000_000, perKey: 5 } })
  const publish = publisher(feed)
  publish(0, 'first')
  const before = await heldBytes()
  for (let data = 0; data < 100_000; data++) publish(data, `key ${data}`)
  t.ok(feed.stats().kept.bytes <= 2_000_000, 'half of the bytes bounds the keys too')
  t.ok(await heldBytes() - before < 6_000_000, 'and so it is in truth')
  clock.advance(101)
  publish(1, 'last')
  publish(2, 'last')
  t.strictSame(feed.stats().kept, { entries: 0, bytes: HISTORY_BYTES })
  feed.end()
})

t.test('an event of 64 keys is kept once, while it is among the newest of any of them', async (t) => {
  const feed = feedOf({ retain: { entries: 1, perKey: 1 } })
  const publish = publisher(feed)
  const keys = Array.from({ length: 64 }, (_, key) => `key ${key}`)
  const id = publish(1, ...keys)
  for (const [key, name] of keys.entries()) publish(key + 2, name)
  publish(100, 'other')
  t.equal(feed.stats().kept.entries, 64)
  const stream = new OpenStream(feed.subscribe({ keys, from: { lastPerKey: 1 } }))
  t.strictSame(stream.data, keys.map((_, key) => key + 2))
  stream.close()
  const back = new OpenStream(feed.subscribe({ keys: keys.slice(0, 2) }), { after: id })
  t.strictSame([back.data, back.gaps], [[2, 3], []])
  back.close()
})

t.test('a snapshot in place of a gap is followed by what is kept since, and an end reaches those who read what is kept', async (t) => {
  const feed = feedOf({ retain: { entries: 1, perKey: 2 } })
  const publish = publisher(feed)
  const ids = [1, 2, 3, 4].map((data) => publish(data, 'a'))
  publish(5, 'b')
  const onGap = (): { events: Array<{ event: string, data: unknown, key: string }>, after: string } => ({ events: [{ event: 'message', data: 'state', key: 'a' }], after: ids[1] ?? '' })
  const stream = new OpenStream(feed.subscribe({ keys: ['a'], onGap, as: ({ data }) => ({ data: [data] }) }), { after: ids[0], isStalled: true })
  feed.end()
  stream.resume()
  t.strictSame([stream.data, stream.gaps], [[['state'], [3], [4]], []])
  t.strictSame(stream.source.end, { kind: 'done' })
  stream.close()
  await until(() => feed.stats().bytes === 0, 'all is let go of')
})
