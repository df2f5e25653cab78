/** What the states of snapshots hold: shared where they are the same, counted in the log's bytes, and bound by them. */
import t from 'tap'
import { ENTRY_BYTES } from '../../lib/defaults.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { feedOf, heldBytes, OpenStream, turn, until } from './open-stream.ts'

interface Item { event: string, data: string, key?: string }

const KIB = 1024
/** So many events of 1 KiB. */
const stateOf = (count: number, from = 0): Item[] => Array.from({ length: count }, (_, index) => ({ event: 'state', data: String(index + from).padStart(KIB, '0') }))
/** What such a state counts. */
const sizeOf = (count: number): number => count * (ENTRY_BYTES + KIB + '""state'.length)

const SAME: Record<string, () => () => Iterable<Item> | Promise<Iterable<Item>>> = {
  'the same array': () => { const state = stateOf(100); return () => state },
  'the same promise': () => { const state = Promise.resolve(stateOf(100)); return () => state },
  'equal events': () => () => stateOf(100),
  'equal events, one by one': () => function * () { yield * stateOf(100) }
}

for (const [name, make] of Object.entries(SAME)) {
  t.test(`clients that stall in ${name} hold one state, which counts until the last has left`, async (t) => {
    const initial = make()
    const feed = feedOf()
    const subscription = feed.subscribe({ initial: initial as never })
    const before = await heldBytes()
    const streams = await Promise.all(Array.from({ length: 50 }, async () => {
      const stream = new OpenStream(subscription, { isStalled: true })
      await turn()
      stream.read(1, 1)
      return stream
    }))
    const held = await heldBytes() - before
    t.equal(feed.stats().bytes, sizeOf(100))
    t.ok(held < 10 * sizeOf(100), `${held} bytes are held for 50 streams, ${sizeOf(100)} are counted`)
    for (const stream of streams.slice(0, 25)) stream.close()
    t.equal(feed.stats().bytes, sizeOf(100))
    for (const stream of streams.slice(25)) stream.resume()
    for (const stream of streams.slice(25)) t.equal(stream.own.length, 100)
    t.equal(feed.stats().bytes, 0)
    for (const stream of streams) stream.close()
    t.equal(feed.stats().bytes, 0, 'and is given back once')
  })
}

t.test('what a function has returned is let go of when it is encoded', async (t) => {
  const feed = feedOf()
  const before = await heldBytes()
  // parsed, so that no text is shared with the state
  const given = JSON.stringify(stateOf(1_000))
  const streams = await Promise.all([0, 1].map(async (number) => {
    const options = { initial: async () => JSON.parse(given.replace('000', `00${number}`)) as Item[] }
    const stream = new OpenStream(feed.subscribe(options), { isStalled: true })
    await turn()
    await turn()
    return stream
  }))
  const held = await heldBytes() - before
  t.ok(held < 1.5 * feed.stats().bytes + given.length, `${held} bytes are held, ${feed.stats().bytes} counted`)
  for (const stream of streams) stream.close()
})

t.test('states that differ count each; a stream that would pass the bound ends as lagged, and no entry leaves', async (t) => {
  const bytes = 4 * sizeOf(20)
  const feed = feedOf({ retain: { bytes }, mode: 'skip' })
  for (let number = 0; number < 60; number++) feed.publish({ event: 'state', data: stateOf(1)[0]?.data })
  let user = 0
  const subscribed = (): OpenStream => {
    const from = 1_000 * ++user
    return new OpenStream(feed.subscribe({ initial: () => stateOf(20, from) }), { isStalled: true })
  }
  const streams = [subscribed(), subscribed(), subscribed()]
  t.strictSame(streams.map(({ source }) => source.end), [undefined, undefined, { kind: 'lagged' }], 'entries leave one fourth, half is theirs in any case')
  t.match(feed.stats(), { entries: 60, bytes: sizeOf(60) + 2 * sizeOf(20), lagged: 1 })
  streams[0]?.close()
  const next = subscribed()
  t.equal(next.source.end, undefined, 'there is room again')
  for (const stream of [...streams, next]) stream.close()
  t.match(feed.stats(), { entries: 60, bytes: sizeOf(60), streams: 0 })
})

t.test('states that begin alike, and are longer, shorter or different in the end, are told as they are', async (t) => {
  const feed = feedOf()
  const states = [stateOf(5), stateOf(7), stateOf(3), [...stateOf(4), ...stateOf(1, 9)], [], stateOf(5)]
  const streams = states.map((state) => new OpenStream(feed.subscribe({ initial: () => state }), { isStalled: true }))
  t.equal(feed.stats().bytes, sizeOf(5 + 7 + 3 + 5))
  for (const [index, stream] of streams.entries()) {
    stream.resume()
    t.strictSame(stream.own.map(({ data }) => data), states[index]?.map(({ data }) => data))
  }
  t.equal(feed.stats().bytes, 0)
  for (const stream of streams) stream.close()
})

t.test('an array that has changed as of a later event is another state', async (t) => {
  const state = stateOf(1)
  const feed = feedOf({ initial: () => state })
  const first = new OpenStream(feed.subscribe(), { isStalled: true })
  state.push(...stateOf(1, 1))
  feed.publish({ event: 'state', data: 'x' })
  const second = new OpenStream(feed.subscribe())
  first.resume()
  t.strictSame([first.own.length, second.own.length], [2, 2], 'the one event and the other; the two events')
  first.close()
  second.close()
})

t.test('a state of a million events, made one by one, is asked for no more of them than the bound allows', async (t) => {
  let asked = 0
  let isClosed = false
  const feed = feedOf({ retain: { bytes: 100 * KIB } })
  function * endless (): Generator<Item> {
    try {
      for (;;) yield { event: 'state', data: String(asked++) }
    } finally {
      isClosed = true
    }
  }
  const stream = new OpenStream(feed.subscribe({ initial: endless }))
  t.strictSame([stream.source.end, stream.events], [{ kind: 'lagged' }, []])
  t.ok(asked < 100 * KIB / ENTRY_BYTES + 2, `${asked} events`)
  t.ok(isClosed, 'the generator is closed')
  stream.close()
  const loop = feed.subscribe({ initial: endless })[Symbol.asyncIterator]()
  await t.rejects(loop.next(), { code: 'FST_EVENTFEED_LAGGED' })
  t.match(feed.stats(), { bytes: 0, streams: 0, lagged: 2 })
})

t.test('a state is encoded when its function has returned: what is changed later is not sent', async (t) => {
  const feed = feedOf({ log: new PagedLog(), retain: { entries: 3 } })
  const id = await feed.publish({ event: 'message', data: 1 })
  const item = { event: 'state', data: 'before' }
  const events = [item]
  const stream = new OpenStream(feed.subscribe({ initial: () => ({ events, after: id }) }), { isStalled: true })
  item.data = 'after'
  events.push({ event: 'state', data: 'another' })
  stream.resume()
  await until(() => stream.events.length === 2, 'the state and its bookmark come')
  t.strictSame(stream.own.map(({ data }) => data), ['before'])
  stream.close()
})

t.test('a state that nobody waits for any more, or whose place is not found, is given back', async (t) => {
  let give = (_state: Item[]): void => {}
  const feed = feedOf()
  const leaving = new OpenStream(feed.subscribe({ initial: () => new Promise<Item[]>((resolve) => { give = resolve }) }))
  leaving.close()
  give(stateOf(3))
  await turn()
  t.equal(feed.stats().bytes, 0)
  for (const failure of [() => { throw new Error('no connection') }, async () => { throw new Error('no connection') }]) {
    const log = new PagedLog()
    log.locate = failure
    const other = feedOf({ log })
    await other.ready()
    const take = (): OpenStream => new OpenStream(other.subscribe({ initial: () => ({ events: stateOf(3), after: 'anywhere' }) }))
    if (failure.constructor.name === 'AsyncFunction') {
      const stream = take()
      await until(() => stream.source.end !== undefined, 'it fails')
      stream.close()
    } else t.throws(take, { code: 'FST_EVENTFEED_LOG_FAILED' })
    t.equal(other.stats().bytes, 0)
  }
})

t.test('a small state passes however small the bound is', async (t) => {
  const feed = feedOf({ retain: { bytes: 1 }, initial: () => stateOf(5) })
  const stream = new OpenStream(feed.subscribe())
  t.equal(stream.own.length, 5)
  stream.close()
})

t.test('in a loop the events of a state carry no id: one that is cut in the middle comes back to the whole state', async (t) => {
  const feed = feedOf({ initial: () => stateOf(3) })
  let after: string | undefined
  const turns: Array<Array<string | undefined>> = []
  for (const count of [2, 4]) {
    const ids: Array<string | undefined> = []
    for await (const event of feed.subscribe({ after, as: count === 2 ? undefined : ({ data }) => ({ data }) })) {
      after = event.id ?? after
      ids.push(event.id)
      if (ids.length === count) break
      if (ids.length === 3) feed.publish({ event: 'message', data: 1 })
    }
    turns.push(ids)
  }
  const head = feed.window.positionBefore(feed.window.next)
  t.strictSame(turns, [[undefined, undefined], [undefined, undefined, undefined, head]])
  t.equal(feed.stats().bytes, feed.window.bytesSince(1) + feed.window.forms.bytes, 'nothing is held of a loop that has left')
})
