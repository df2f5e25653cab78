/** Rooms: made when somebody opens them, freed when nobody follows them, and what their application hooks in there. */
import { AsyncLocalStorage } from 'node:async_hooks'
import t from 'tap'
import { ROOM_HOOK_MS } from '../../lib/defaults.ts'
import { MemoryLog } from '../../lib/log/memory-log.ts'
import type { Feed } from '../../lib/subscription/feed.ts'
import { OpenStream, turn } from '../feed/open-stream.ts'
import { familyOf, hasSettled, Later, turns } from './family.ts'

const said = (text: string) => ({ event: 'message', data: { text } })
const textsOf = (stream: OpenStream): unknown[] => stream.data.map((data) => (data as { text: string }).text) // as it is published here

t.test('a room is made by the first who opens it, and shared by all others', async (t) => {
  const opened: string[] = []
  const { rooms } = familyOf(t, { onOpen: (id) => { opened.push(id) } })
  const feeds = await Promise.all(Array.from({ length: 3_000 }, () => rooms.open('7')))
  t.strictSame(opened, ['7'], 'thousands in one tick share one making')
  t.ok(feeds.every((feed) => feed === feeds[0]))
  t.equal(feeds[0]?.name, 'room:7')
  t.equal(rooms.get('7'), feeds[0])
  t.equal(await rooms.open('7'), feeds[0])
  t.not(await rooms.open('8'), feeds[0])
  t.equal(rooms.size, 2)
})

t.test('a room that nobody follows is freed after freeWhenIdleMs, and not a millisecond earlier', async (t) => {
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100 })
  await rooms.open('7')
  clock.advance(98)
  t.ok(rooms.get('7'), 'one to which nobody came')
  clock.advance(2)
  t.equal(rooms.get('7'), undefined)
  t.equal(rooms.size, 0)

  const feed = await rooms.open('7')
  clock.advance(90)
  t.equal(await rooms.open('7'), feed, 'who opens it again keeps it')
  clock.advance(90)
  const stream = new OpenStream(feed.subscribe())
  clock.advance(10_000)
  t.equal(rooms.get('7'), feed, 'so does a stream')
  stream.close()
  clock.advance(98)
  t.equal(rooms.get('7'), feed, 'it is idle when the last has left')
  clock.advance(2)
  t.equal(rooms.get('7'), undefined)
  t.equal(clock.timers, 0, 'and nothing of it is left')
})

t.test('publishing does not keep a room', async (t) => {
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100 })
  const feed = await rooms.open('7')
  clock.advance(90)
  await feed.publish(said('still there?'))
  clock.advance(10)
  t.equal(rooms.get('7'), undefined)
})

t.test('a room that was freed is a new epoch: who comes back gets a gap', async (t) => {
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100 })
  const feed = await rooms.open('7')
  const stream = new OpenStream(feed.subscribe())
  await feed.publish(said('one'))
  await turn()
  t.strictSame(textsOf(stream), ['one'])
  const { lastEventId } = stream
  stream.close()
  clock.advance(100)
  const again = await rooms.open('7')
  t.not(again, feed)
  const back = new OpenStream(again.subscribe(), { after: lastEventId })
  t.match(back.gaps, [{ requested: lastEventId, reason: 'epoch' }])
  back.close()
})

t.test('a feed that is kept after the room was freed says what to do', async (t) => {
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100 })
  const feed = await rooms.open('7')
  const subscription = feed.subscribe()
  clock.advance(100)
  t.throws(() => feed.publish(said('late')), { code: 'FST_EVENTFEED_FEED_FREED', statusCode: 503, retryable: true, message: /"room:7" was freed.*open\("7"\)/ })
  t.throws(() => new OpenStream(subscription), { code: 'FST_EVENTFEED_FEED_FREED' }, 'to streams too')
  await t.rejects((async () => { for await (const { data } of subscription) t.fail(String(data)) })(), { code: 'FST_EVENTFEED_FEED_FREED' }, 'and to loops')
  feed.end()
  t.equal(feed.stats().entries, 0)
})

t.test('onOpen loads the history before anybody gets the room', async (t) => {
  const loaded = new Later()
  const { rooms, clock } = familyOf(t, {
    freeWhenIdleMs: 100,
    onOpen: async (id, feed) => {
      await feed.publish(said(`the first of ${id}`))
      await loaded.promise
      await feed.publish(said('the second'))
    }
  })
  const opening = rooms.open('7')
  t.notOk(await hasSettled(opening))
  t.equal(rooms.get('7'), undefined, 'it is not open yet')
  clock.advance(100)
  t.notOk(await hasSettled(opening), 'nor idle')
  loaded.settle()
  const stream = new OpenStream((await opening).subscribe({ from: 'earliest' }))
  t.strictSame(textsOf(stream), ['the first of 7', 'the second'])
  stream.close()
})

t.test('onOpen that fails refuses the room, and is called again for the next', async (t) => {
  for (const fail of [() => { throw new Error('no database') }, async () => { throw new Error('no database') }]) {
    let calls = 0
    let kept: Feed | undefined
    const { rooms, reported } = familyOf(t, { onOpen: (_id, feed) => { kept = feed; if (++calls === 1) return fail() } })
    const opening = [rooms.open('7'), rooms.open('7')]
    for (const open of opening) await t.rejects(open, { message: 'no database' })
    t.equal(calls, 1, 'those who came at once share the failure')
    t.match(reported, [{ error: { message: 'no database' }, what: /"room:7"/ }])
    t.throws(() => kept?.publish(said('late')), { code: 'FST_EVENTFEED_FEED_FREED' })
    t.equal(rooms.size, 0)
    t.ok(await rooms.open('7'))
    t.equal(calls, 2)
  }
})

t.test('whoever opens a room and does not look at the promise ends nothing', async (t) => {
  const { rooms, reported } = familyOf(t, { onOpen: () => { throw new Error('no database') } })
  rooms.open('7')
  rooms.open('no id')
  await turns()
  t.equal(reported.length, 1)
})

t.test('onOpen that never settles is waited for 30 seconds, and other rooms go on', async (t) => {
  let hangs = true
  const { rooms, clock } = familyOf(t, { onOpen: (id) => id === '7' && hangs ? new Promise(() => {}) : undefined })
  const opening = rooms.open('7')
  await turn()
  clock.advance(ROOM_HOOK_MS - 2)
  t.notOk(await hasSettled(opening))
  t.ok(await rooms.open('8'))
  clock.advance(2)
  await t.rejects(opening, { code: 'FST_EVENTFEED_ROOM_TIMED_OUT', statusCode: 503, message: /"room:7" waits for onOpen/ })
  hangs = false
  t.ok(await rooms.open('7'), 'the next one tries again')
})

t.test('an open of the same room within onOpen waits for itself, and no longer than 30 seconds', async (t) => {
  const { rooms, clock } = familyOf(t, { onOpen: async (id) => { await rooms.open(id) } })
  const opening = rooms.open('7')
  await turn()
  clock.advance(ROOM_HOOK_MS)
  await t.rejects(opening, { code: 'FST_EVENTFEED_ROOM_TIMED_OUT' })
  t.equal(rooms.size, 0)
})

t.test('a room that is ended while it is opened is refused', async (t) => {
  const { rooms } = familyOf(t, { onOpen: (id) => { rooms.end(id) } })
  await t.rejects(rooms.open('7'), { code: 'FST_EVENTFEED_FEED_ENDED' })
  t.equal(rooms.size, 0)
  const opening = rooms.open('8')
  rooms.end('8')
  await t.rejects(opening, { code: 'FST_EVENTFEED_FEED_ENDED' }, 'also before onOpen was called')
})

t.test('onIdle stores the room before it is freed, and nothing is published meanwhile', async (t) => {
  const stored = new Later()
  const told: unknown[] = []
  const { rooms, clock } = familyOf(t, {
    freeWhenIdleMs: 100,
    onIdle: async (id, feed) => {
      told.push(id)
      const stream = new OpenStream(feed.subscribe({ from: 'earliest' }))
      told.push(...textsOf(stream))
      stream.close()
      await stored.promise
      told.push('stored')
    }
  })
  t.teardown(() => { stored.settle() })
  const feed = await rooms.open('7')
  await feed.publish(said('one'))
  clock.advance(100)
  t.strictSame(told, ['7', 'one'])
})

t.test('a room that is being stored takes no event, which would be lost', async (t) => {
  const stored = new Later()
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100, onIdle: () => stored.promise })
  const feed = await rooms.open('7')
  clock.advance(100)
  t.throws(() => feed.publish(said('late')), { code: 'FST_EVENTFEED_FEED_FREED' })
  t.equal(await rooms.open('7'), feed, 'who opens it again cancels the freeing')
  await feed.publish(said('in time'))
  stored.settle()
  await turns()
  t.equal(rooms.get('7'), feed)
  t.equal(feed.stats().entries, 1)
  clock.advance(100)
  await turns()
  t.equal(rooms.get('7'), undefined, 'and it is freed when it was idle again')
})

t.test('100 who open a room during a slow onIdle all get the room that is there', async (t) => {
  const stored = new Later()
  let opened = 0
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100, onOpen: () => { opened++ }, onIdle: () => stored.promise })
  const feed = await rooms.open('7')
  clock.advance(100)
  const waiting = await Promise.all(Array.from({ length: 100 }, () => rooms.open('7')))
  t.ok(waiting.every((one) => one === feed))
  stored.settle()
  await turns()
  t.equal(rooms.get('7'), feed)
  t.equal(opened, 1)
})

t.test('a stream that begins while the room is stored keeps it', async (t) => {
  const stored = new Later()
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100, onIdle: () => stored.promise })
  const feed = await rooms.open('7')
  clock.advance(100)
  const stream = new OpenStream(feed.subscribe())
  stored.settle()
  await turns()
  t.equal(rooms.get('7'), feed)
  await feed.publish(said('hi'))
  await turn()
  t.strictSame(textsOf(stream), ['hi'])
  stream.close()
})

t.test('onIdle may read the feed: by entries(), or by a loop that it leaves', async (t) => {
  const stored: unknown[] = []
  const { rooms, clock } = familyOf(t, {
    freeWhenIdleMs: 100,
    onIdle: async (_id, feed) => {
      stored.push(...feed.entries().map(({ data }) => data))
      const loop = feed.subscribe({ from: 'earliest' })[Symbol.asyncIterator]()
      stored.push((await loop.next()).value?.data)
      await loop.return?.()
    }
  })
  await (await rooms.open('7')).publish(said('one'))
  clock.advance(100)
  await turns()
  t.strictSame(stored, [{ text: 'one' }, { text: 'one' }])
  t.equal(rooms.get('7'), undefined)
})

t.test('onIdle with a loop that never ends is reported after 30 seconds, and the room is freed', async (t) => {
  const { rooms, clock, reported } = familyOf(t, {
    freeWhenIdleMs: 100,
    onIdle: async (_id, feed) => { for await (const { data } of feed.subscribe()) t.fail(String(data)) }
  })
  await rooms.open('7')
  clock.advance(100)
  await turns()
  clock.advance(ROOM_HOOK_MS)
  await turns()
  t.match(reported, [{ error: { code: 'FST_EVENTFEED_ROOM_TIMED_OUT' } }])
  t.equal(rooms.size, 0)
  t.equal(rooms.stats().streams, 0)
})

t.test('onIdle runs once at a time for each room', async (t) => {
  const stores: Later[] = []
  const { rooms, clock } = familyOf(t, {
    freeWhenIdleMs: 100,
    onIdle: () => {
      const store = new Later()
      stores.push(store)
      return store.promise
    }
  })
  const feed = await rooms.open('7')
  clock.advance(100)
  await rooms.open('7')
  clock.advance(100)
  await turns()
  t.equal(stores.length, 1, 'the one that was cancelled still runs')
  stores[0]?.settle()
  await turns()
  t.equal(stores.length, 2)
  t.equal(rooms.get('7'), feed)
  stores[1]?.settle()
  await turns()
  t.equal(rooms.get('7'), undefined)
})

t.test('onIdle that fails is reported, and the room is freed', async (t) => {
  for (const fail of [() => { throw new Error('no database') }, async () => { throw new Error('no database') }]) {
    const { rooms, clock, reported } = familyOf(t, { freeWhenIdleMs: 100, onIdle: fail })
    await rooms.open('7')
    clock.advance(100)
    await turns()
    t.match(reported, [{ error: { message: 'no database' }, what: /"room:7".*onIdle/ }])
    t.equal(rooms.size, 0)
  }
})

t.test('after a freeing, open waits for onIdle and then for onOpen', async (t) => {
  const told: string[] = []
  const stored = new Later()
  const loaded = new Later()
  const { rooms, clock, reported } = familyOf(t, {
    freeWhenIdleMs: 100,
    onOpen: async () => {
      told.push('opens')
      if (told.length > 1) await loaded.promise
    },
    onIdle: async () => {
      told.push('stores')
      await stored.promise
      told.push('stored')
    }
  })
  const feed = await rooms.open('7')
  clock.advance(100)
  await turns()
  // it takes too long, and so the room is freed all the same
  clock.advance(ROOM_HOOK_MS)
  await turns()
  t.match(reported, [{ error: { code: 'FST_EVENTFEED_ROOM_TIMED_OUT' } }])
  t.throws(() => feed.publish(said('late')), { code: 'FST_EVENTFEED_FEED_FREED' })
  const opening = rooms.open('7')
  t.notOk(await hasSettled(opening))
  t.strictSame(told, ['opens', 'stores'], 'onOpen does not read what is still being written')
  stored.settle()
  t.notOk(await hasSettled(opening))
  t.strictSame(told, ['opens', 'stores', 'stored', 'opens'])
  loaded.settle()
  t.not(await opening, feed)
})

t.test('onIdle that never settles keeps the id for a minute, and not for ever', async (t) => {
  let opened = 0
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100, onOpen: () => { opened++ }, onIdle: () => new Promise(() => {}) })
  await rooms.open('7')
  clock.advance(100)
  await turns()
  clock.advance(ROOM_HOOK_MS)
  await turns()
  const opening = rooms.open('7')
  t.notOk(await hasSettled(opening))
  clock.advance(ROOM_HOOK_MS)
  t.ok(await opening)
  t.equal(opened, 2)
})

t.test('a room that has ended gives what remains, and its id is free at once', async (t) => {
  let stored = 0
  const { rooms } = familyOf(t, { onIdle: () => { stored++ } })
  const feed = await rooms.open('7')
  const stream = new OpenStream(feed.subscribe(), { isStalled: true })
  await feed.publish(said('last words'))
  rooms.end('7')
  rooms.end('7')
  t.equal(rooms.get('7'), undefined)
  t.equal(rooms.size, 0)
  const next = await rooms.open('7')
  t.not(next, feed)
  t.throws(() => feed.publish(said('late')), { code: 'FST_EVENTFEED_FEED_ENDED', message: /open the room again/ })
  stream.resume()
  t.strictSame(textsOf(stream), ['last words'])
  t.match(stream.source.end, { kind: 'done' })
  stream.close()
  next.end()
  t.equal(rooms.size, 0, 'end() of the feed is the same')
  t.equal(stored, 0)
  for (const id of ['nobody', '', 'no id', '__proto__']) rooms.end(id)
})

t.test('a room that has ended and is kept gives all to those who come later, and then its id is free', async (t) => {
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100, maxOpen: 1 })
  const feed = await rooms.open('7')
  await feed.publish(said('all'))
  rooms.end('7', { keepMs: 1_000 })
  clock.advance(500)
  t.equal(rooms.get('7'), feed)
  const stream = new OpenStream((await rooms.open('7')).subscribe())
  t.strictSame(textsOf(stream), ['all'])
  t.match(stream.source.end, { kind: 'done' })
  stream.close()
  t.throws(() => feed.publish(said('late')), { code: 'FST_EVENTFEED_FEED_ENDED' })
  await t.rejects(rooms.open('8'), { code: 'FST_EVENTFEED_TOO_MANY_FEEDS' }, 'it counts')
  clock.advance(500)
  t.equal(rooms.get('7'), undefined)
  await turns()
  t.not(await rooms.open('7'), feed)
  t.match(rooms.stats().rooms, { open: 1, opened: 2, freed: 0, ended: 1 })
})

t.test('onOpen may give what has ended already', async (t) => {
  const { rooms, clock } = familyOf(t, {
    freeWhenIdleMs: 100,
    onOpen: async (_id, feed) => {
      await feed.publish(said('all'))
      feed.end({ keepMs: 1_000 })
    }
  })
  const feed = await rooms.open('7')
  t.ok(feed.hasEnded)
  clock.advance(999)
  t.equal(await rooms.open('7'), feed)
  clock.advance(1)
  t.equal(rooms.get('7'), undefined)
})

t.test('a room that fails is left, as one that ends', async (t) => {
  const { rooms, reported } = familyOf(t)
  const feed = await rooms.open('7')
  const stream = new OpenStream(feed.subscribe())
  feed.fail(new Error('no engine'))
  await turn()
  t.match(stream.source.end, { kind: 'failed' })
  t.match(reported, [{ error: { message: 'no engine' }, what: /room:7/ }])
  t.not(await rooms.open('7'), feed)
  stream.close()
})

t.test('a room that is ended during onIdle waits for that before it is opened again', async (t) => {
  const stored = new Later()
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100, onIdle: () => stored.promise })
  await rooms.open('7')
  clock.advance(100)
  rooms.end('7')
  t.equal(rooms.get('7'), undefined)
  const opening = rooms.open('7')
  // the same once more, of one that waits already
  rooms.end('7')
  const third = rooms.open('7')
  t.notOk(await hasSettled(third))
  stored.settle()
  await t.rejects(opening, { code: 'FST_EVENTFEED_FEED_ENDED' })
  t.ok(await third)
})

t.test('hooks may open, end and look at their own room', async (t) => {
  const { rooms, clock, reported } = familyOf(t, {
    freeWhenIdleMs: 100,
    onIdle: (id) => {
      if (id === 'opens') rooms.open(id)
      if (id === 'ends') rooms.end(id)
      if (id === 'looks') t.ok(rooms.get(id))
    }
  })
  const feed = await rooms.open('opens')
  await rooms.open('ends')
  await rooms.open('looks')
  clock.advance(100)
  await turns()
  t.equal(rooms.get('opens'), feed)
  t.equal(rooms.size, 1)
  t.match(rooms.stats().rooms, { open: 1, opened: 3, freed: 1, ended: 1 })
  t.strictSame(reported, [])
})

t.test('log(id), onOpen and onIdle see no request of whoever opened the room', async (t) => {
  const users = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const see = (): void => { seen.push(users.getStore()) }
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100, onOpen: see, onIdle: see, log: () => { see(); return new MemoryLog() } })
  await users.run('ada', async () => { await rooms.open('7') })
  users.run('bob', () => { clock.advance(100) })
  await turns()
  t.strictSame(seen, [undefined, undefined, undefined])
})

t.test('at most maxOpen rooms are open, whatever they do', async (t) => {
  const stored = new Later()
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100, maxOpen: 2, onIdle: () => stored.promise })
  const opening = [rooms.open('1'), rooms.open('2'), rooms.open('3')]
  await t.rejects(Promise.all(opening), { code: 'FST_EVENTFEED_TOO_MANY_FEEDS', statusCode: 503, message: /2 rooms "room"/ })
  t.ok(await rooms.open('1'), 'those that are there may be opened')
  clock.advance(100)
  await t.rejects(rooms.open('3'), { code: 'FST_EVENTFEED_TOO_MANY_FEEDS' }, 'one that is stored counts')
  stored.settle()
  await turns()
  t.ok(await rooms.open('3'))
  t.match(rooms.stats().rooms, { open: 1, opened: 3, freed: 2, ended: 0 })
})

t.test('what is no id is refused with a reason, and odd ids are ids', async (t) => {
  const { rooms } = familyOf(t, { maxOpen: 100 })
  for (const id of ['', 'a b', 'a,b', 'a=b', '~a', 'a\n', 'a'.repeat(129), '\0']) {
    await t.rejects(rooms.open(id), { code: 'FST_EVENTFEED_BAD_OPTION', message: /the id of a room must be a string of 1 to 128 characters/ }, JSON.stringify(id))
  }
  for (const id of [undefined, null, 7, {}, Symbol('7'), ['7']]) {
    await t.rejects(rooms.open(id as unknown as string), { code: 'FST_EVENTFEED_BAD_OPTION' }, String(typeof id)) // what JavaScript may give
    t.equal(rooms.get(id as unknown as string), undefined) // the same
  }
  t.equal(rooms.size, 0)
  for (const id of ['__proto__', 'constructor', 'hasOwnProperty', '../../etc/passwd', 'a:b', ':', '日本', '🦊', '%2F', '"', 'a'.repeat(128)]) {
    const feed = await rooms.open(id)
    t.equal(feed.name, `room:${id}`)
    t.equal(rooms.get(id), feed)
  }
})

t.test('the figures of a family are those of all its rooms, and never decrease', async (t) => {
  const { rooms, clock } = familyOf(t, { freeWhenIdleMs: 100 })
  const one = await rooms.open('1')
  const two = await rooms.open('2')
  const streams = [new OpenStream(one.subscribe()), new OpenStream(two.subscribe()), new OpenStream(two.subscribe(), { isStalled: true })]
  await one.publish(said('a'))
  await two.publish(said('b'))
  await turn()
  t.match(rooms.stats(), { entries: 2, streams: 3, published: 2, delivered: 2, lag: { entries: { max: 1 } }, rooms: { open: 2, opened: 2 } })
  for (const stream of streams) stream.close()
  rooms.end('1')
  clock.advance(100)
  await turns()
  t.match(rooms.stats(), { entries: 0, bytes: 0, streams: 0, published: 2, delivered: 2, lag: { entries: { max: 0 } }, rooms: { open: 0, opened: 2, freed: 1, ended: 1 } })
})

t.test('a room that has ended counts while a stream still reads it', async (t) => {
  const { rooms } = familyOf(t)
  const feed = await rooms.open('1')
  const stream = new OpenStream(feed.subscribe(), { isStalled: true })
  await feed.publish(said('a'))
  rooms.end('1')
  t.match(rooms.stats(), { entries: 1, streams: 1, published: 1, delivered: 0, rooms: { open: 0 } })
  stream.resume()
  stream.close()
  await turns()
  t.match(rooms.stats(), { entries: 0, streams: 0, published: 1, delivered: 1 })
})

t.test('the application closes: rooms are stored, at most 100 at once, and then no room is opened', async (t) => {
  let running = 0
  let most = 0
  const stored = new Set<string>()
  const { rooms, reported } = familyOf(t, {
    onIdle: async (id) => {
      most = Math.max(most, ++running)
      await turn()
      running--
      stored.add(id)
    }
  })
  for (let id = 0; id < 250; id++) await rooms.open(String(id))
  await rooms.drain(1_000)
  t.equal(stored.size, 250)
  t.equal(most, 100)
  t.equal(rooms.size, 0)
  await t.rejects(rooms.open('1'), { code: 'FST_EVENTFEED_ROOMS_CLOSED', statusCode: 503 })
  t.strictSame(reported, [])
})

t.test('the application closes during onIdle that never settles: it closes in time, and says what was not stored', async (t) => {
  const { rooms, clock, reported } = familyOf(t, { freeWhenIdleMs: 100, onIdle: () => new Promise(() => {}) })
  await rooms.open('1')
  clock.advance(100)
  await rooms.open('2')
  const draining = rooms.drain(1_000)
  await turns()
  clock.advance(1_000)
  await draining
  t.match(reported, [{ what: /2 of them/ }])
  await rooms.close()
  t.equal(clock.timers, 0)
})

t.test('the application closes during onOpen: whoever waits is refused', async (t) => {
  const loaded = new Later()
  let kept: Feed | undefined
  const { rooms, clock, reported } = familyOf(t, { onOpen: (_id, feed) => { kept = feed; return loaded.promise } })
  const opening = [rooms.open('7'), rooms.open('7')]
  await turn()
  await rooms.drain(1_000)
  await rooms.close()
  for (const open of opening) await t.rejects(open, { code: 'FST_EVENTFEED_ROOMS_CLOSED' })
  loaded.fail(new Error('too late'))
  await turns()
  t.throws(() => kept?.publish(said('late')), { code: 'FST_EVENTFEED_LOG_CLOSED' })
  t.strictSame(reported, [])
  t.equal(clock.timers, 0)
})

t.test('10,000 rooms with a stream each close at once', async (t) => {
  const { rooms, clock } = familyOf(t)
  const streams: OpenStream[] = []
  for (let id = 0; id < 10_000; id++) streams.push(new OpenStream((await rooms.open(String(id))).subscribe()))
  t.equal(rooms.stats().streams, 10_000)
  await rooms.close()
  t.ok(streams.every(({ source }) => source.end?.kind === 'drain'), 'their clients come back')
  for (const stream of streams) stream.close()
  t.equal(rooms.size, 0)
  t.equal(clock.timers, 0)
})
