/** Rooms of an application, over HTTP: names, figures, refusals, resuming, and its closing. */
import { Registry } from 'prom-client'
import t from 'tap'
import { Type } from 'typebox'
import { sqliteLogs } from '../../lib/sqlite/index.ts'
import metrics from '../../lib/metrics/index.ts'
import { ManualClock } from '../clock.ts'
import { appOf, listen, Listener } from '../feed/listener.ts'
import { openDatabase } from '../sqlite/database.ts'
import { turns } from './family.ts'

const events = { message: Type.Object({ text: Type.String() }) }
const said = (text: string) => ({ event: 'message' as const, data: { text, secret: 'not declared' } })

t.test('a client follows a room, leaves, and comes back in time or too late', async (t) => {
  const clock = new ManualClock()
  const app = await appOf(t, { clock })
  const rooms = app.feeds('room', { events, freeWhenIdleMs: 100 })
  app.get<{ Params: { id: string } }>('/:id', ({ params: { id } }, reply) => reply.sse(async () => (await rooms.open(id)).subscribe()))
  await listen(app)
  const first = await Listener.open(t, app, '/7')
  await first.until(() => first.events.length === 1)
  const room = await rooms.open('7')
  await room.publish(said('one'))
  await first.until(() => first.events.length === 2)
  t.strictSame(first.events[1]?.data, '{"text":"one"}', 'what the schema does not name is not sent')
  first.leave()
  await room.publish(said('two'))
  while (rooms.stats().streams > 0) await turns()
  clock.advance(90)
  const second = await Listener.open(t, app, '/7', first.lastEventId)
  await second.until(() => second.events.some(({ data }) => data === '{"text":"two"}'))
  t.notOk(second.events.some(({ event }) => event === 'stream:gap'))
  second.leave()
  while (rooms.stats().streams > 0) await turns()
  clock.advance(100)
  t.equal(rooms.get('7'), undefined)
  const third = await Listener.open(t, app, '/7', second.lastEventId)
  await third.until(() => third.events.length === 1)
  t.match(third.events[0], { event: 'stream:gap', data: /"reason":"epoch"/ })
})

t.test('a room with a log outlives its freeing: who comes back goes on', async (t) => {
  const clock = new ManualClock()
  const app = await appOf(t, { clock })
  const database = openDatabase(':memory:')
  const logs = sqliteLogs({ database })
  let loaded = 0
  const rooms = app.feeds('room', { events, freeWhenIdleMs: 100, log: (id) => logs(`room-${id}`), onOpen: () => { loaded++ } })
  const room = await rooms.open('7')
  const id = await room.publish(said('one'))
  await room.publish(said('two'))
  clock.advance(100)
  while (rooms.size > 0) await turns()
  t.throws(() => room.publish(said('late')), { code: 'FST_EVENTFEED_FEED_FREED' })
  const again = await rooms.open('7')
  t.not(again, room)
  t.equal(loaded, 2)
  t.strictSame(again.entries().map(({ data }) => data), [{ text: 'one' }, { text: 'two' }])
  const loop = again.subscribe({ after: id })[Symbol.asyncIterator]()
  t.match(await loop.next(), { value: { data: { text: 'two' } } })
  await loop.return?.()
  rooms.end('7')
  const third = await rooms.open('7')
  t.equal(third.stats().entries, 0, 'an end deletes the history, and the next one waits for that')
  await app.close()
  database.close()
})

t.test('a log that cannot be had refuses the room, and no other', async (t) => {
  const app = await appOf(t)
  const faults: Record<string, () => unknown> = {
    throws: () => { throw new Error('no disk') },
    'is none': () => 7,
    'is nothing': () => undefined,
    'throws when opened': () => ({ ...Object.fromEntries(['append', 'locate', 'earliest', 'page', 'end', 'delete', 'close'].map((name) => [name, () => {}])), tail: () => { throw new Error('no disk') } }),
    'rejects when opened': () => ({ ...Object.fromEntries(['append', 'locate', 'earliest', 'page', 'end', 'delete', 'close'].map((name) => [name, () => {}])), tail: async () => { throw new Error('no disk') } })
  }
  const database = openDatabase(':memory:')
  const logs = sqliteLogs({ database })
  const rooms = app.feeds('room', { log: (id) => (faults[id.replaceAll('-', ' ')]?.() ?? logs(id)) as ReturnType<typeof logs> }) // what JavaScript may give
  for (const what of Object.keys(faults).filter((what) => what !== 'is nothing')) {
    const code = what === 'is none' ? 'FST_EVENTFEED_BAD_OPTION' : 'FST_EVENTFEED_LOG_FAILED'
    await t.rejects(rooms.open(what.replaceAll(' ', '-')), { code }, what)
    t.equal(rooms.size, 0)
  }
  t.ok(await rooms.open('7'))
  await app.close()
  database.close()
})

t.test('a room that cannot be opened tells a browser to come back, and other clients 503', async (t) => {
  const app = await appOf(t)
  const rooms = app.feeds('room', { maxOpen: 1 })
  app.get<{ Params: { id: string } }>('/:id', ({ params: { id } }, reply) => reply.sse(async () => (await rooms.open(id)).subscribe()))
  await rooms.open('1')
  const headers = { accept: 'text/event-stream' }
  const browser = await app.inject({ url: '/2', headers })
  t.equal(browser.statusCode, 200)
  t.match(browser.payload, /^: this stream cannot be read now.*\nretry: \d+\n\n$/)
  const other = await app.inject({ url: '/2' })
  t.equal(other.statusCode, 503)
  t.ok(other.headers['retry-after'])
  t.equal(other.json().code, 'FST_EVENTFEED_TOO_MANY_FEEDS')
})

t.test('a family, its rooms and feeds have different names', async (t) => {
  const app = await appOf(t)
  app.feed('chat')
  app.feed('case:1')
  const rooms = app.feeds('room')
  for (const name of ['chat', 'case', 'room']) t.throws(() => app.feeds(name), { code: 'FST_EVENTFEED_FEED_EXISTS' }, name)
  for (const name of ['room', 'room:7']) t.throws(() => app.feed(name), { code: 'FST_EVENTFEED_FEED_EXISTS' }, name)
  for (const name of ['', 'a:b', 'a b', '~a', 7, undefined]) t.throws(() => app.feeds(name as string), { code: 'FST_EVENTFEED_BAD_OPTION' }, String(name)) // what JavaScript may give
  t.equal(app.feed.get('room:7'), undefined)
  const room = await rooms.open('7')
  t.equal(app.feed.get('room:7'), room)
  t.equal(app.feed.get('room'), undefined)
  t.equal(app.feed.get('room:'), undefined)
  t.ok(app.feed('rooms:7'), 'another prefix is free')
  t.ok(app.feeds('__proto__').get('constructor') === undefined)
})

t.test('options that are none are refused at once', async (t) => {
  const app = await appOf(t)
  for (const options of [null, 7, { log: {} }, { maxOpen: 0 }, { maxOpen: 1.5 }, { freeWhenIdleMs: -1 }, { freeWhenIdleMs: '1' }, { onOpen: true }, { onIdle: 'no' }, { retain: { entries: 0 } }, { idle: 1 }, { slowConsumer: 'no' }]) {
    t.throws(() => app.feeds('room', options as object), { code: 'FST_EVENTFEED_BAD_OPTION', message: options !== null && typeof options === 'object' && 'retain' in options ? /retain/ : /app\.feeds\(/ }, JSON.stringify(options))
  }
  t.ok(app.feeds('room', { maxOpen: Infinity, freeWhenIdleMs: Infinity }))
  t.throws(() => app.feeds('bad', { events: { message: { type: 'nothing' } } as unknown as typeof events }), { code: 'FST_EVENTFEED_BAD_SCHEMA', message: /message/ }) // no schema
})

t.test('a family has one series for each metric, however many rooms there are', async (t) => {
  const app = await appOf(t)
  const registry = new Registry()
  await app.register(metrics, { registry })
  const rooms = app.feeds('room')
  app.feed('chat')
  for (const id of ['1', '2', '3']) await (await rooms.open(id)).publish({ data: id })
  rooms.end('3')
  const text = await registry.metrics()
  t.match(text, /^eventfeed_feed_published_total\{feed="room"\} 3$/m)
  t.match(text, /^eventfeed_feed_entries\{feed="room"\} 2$/m)
  t.match(text, /^eventfeed_feed_rooms\{feed="room"\} 2$/m)
  t.match(text, /^eventfeed_feed_rooms_opened_total\{feed="room"\} 3$/m)
  t.match(text, /^eventfeed_feed_rooms_freed_total\{feed="room"\} 0$/m)
  t.match(text, /^eventfeed_feed_rooms_ended_total\{feed="room"\} 1$/m)
  t.notMatch(text, /room:|rooms[^ ]*\{feed="chat"/)
  t.match(app.eventfeed.stats().feeds, { room: { entries: 2, rooms: { open: 2 } } })
  t.notOk('rooms' in (app.eventfeed.stats().feeds.chat ?? {}))
})

t.test('the application closes: clients leave, rooms are stored, and a log that hangs is not awaited', async (t) => {
  const stored: string[] = []
  const app = await appOf(t, { drainTimeoutMs: 2_000 })
  const rooms = app.feeds('room', { onIdle: async (id, feed) => { stored.push(`${id} ${feed.entries().length} ${feed.stats().streams}`) } })
  app.get<{ Params: { id: string } }>('/:id', ({ params: { id } }, reply) => reply.sse(async () => (await rooms.open(id)).subscribe()))
  await listen(app)
  const listener = await Listener.open(t, app, '/7')
  await listener.until(() => listener.events.length === 1)
  await (await rooms.open('7')).publish({ data: 'one' })
  await rooms.open('8')
  await app.close()
  t.strictSame(stored.sort(), ['7 1 0', '8 0 0'])
  await t.rejects(rooms.open('9'), { code: 'FST_EVENTFEED_ROOMS_CLOSED' })
  t.equal(app.feed.get('room:7'), undefined)
})

t.test('the application closes during onOpen: whoever waits for the room is refused, and it closes in time', async (t) => {
  const app = await appOf(t, { drainTimeoutMs: 50 })
  const rooms = app.feeds('room', { onOpen: () => new Promise(() => {}) })
  const opening = rooms.open('7')
  await turns()
  await app.close()
  await t.rejects(opening, { code: 'FST_EVENTFEED_ROOMS_CLOSED' })
})
