/** Clients that ask for many streams on one socket: one has its turn, and the others cost little and take no place. */
import type { FastifyInstance, RouteShorthandOptions } from 'fastify'
import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter, on } from 'node:events'
import { Readable } from 'node:stream'
import t from 'tap'
import { TURN_TIMEOUT_MS, TURNS_PER_SOCKET } from '../../lib/defaults.ts'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'
import { buffersHeld, heapUsed } from './process.ts'

const never = (): Promise<never> => new Promise(() => {})
const LARGE = 'l'.repeat(256 * 1024)
/** For the time-out of a handler; apart, because the types of older versions of Fastify 5 do not know the option. */
const SOON: RouteShorthandOptions & { handlerTimeout: number } = { handlerTimeout: 20 }

/** `/endless`; and `/first`, which ends with `end`. */
function addFirst (app: FastifyInstance): { end: () => void } {
  const first = { end: (): void => {} }
  app.get('/endless', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }))
  app.get('/first', (_request, reply) => reply.sse(async function * ({ until }) {
    yield 'begun'
    await until(new Promise<void>((resolve) => { first.end = resolve }))
  }))
  return first
}

t.test('1,000 pipelined streams on a socket take one place, hold little, and lose their socket', async (t) => {
  let asked = 0
  let begun = 0
  const { app, port, empty } = await serve(t, (app) => {
    addFirst(app)
    app.get('/large', (_request, reply) => {
      asked++
      return reply.sse(function * () { for (;;) { begun++; yield LARGE } })
    })
  })
  const before = await heapUsed() + await buffersHeld()
  const clients = await Promise.all(Array.from({ length: 13 }, () => RawClient.get(t, port, '/endless')))
  for (const client of clients) await client.until('data: begun')
  for (const client of clients) {
    client.socket.write('GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(TURNS_PER_SOCKET))
  }
  await eventually(() => asked === clients.length * TURNS_PER_SOCKET, 'all have asked')
  t.equal(app.eventfeed.stats().connections, 13)
  const held = (await heapUsed() + await buffersHeld() - before) / 13
  t.ok(held < 2 * 1024 * 1024, `${Math.round(held / 1024)} KiB for each socket`)
  const other = await RawClient.get(t, port, '/endless')
  await other.until('data: begun')
  for (const client of clients) client.socket.write('GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(1_000 - TURNS_PER_SOCKET))
  await eventually(() => clients.every(({ isClosed }) => isClosed), 'who asks for more is cut off')
  await eventually(() => app.eventfeed.stats().connections === 1, 'the other has its place')
  t.equal(begun, 0, 'none of them has begun')
  other.destroy()
  await empty()
})

t.test('as many as may wait get their streams, in order', async (t) => {
  const { port, ends } = await serve(t, (app) => {
    app.get('/:n', (request, reply) => reply.sse(async function * () { yield (request.params as { n: string }).n }))
  })
  const client = await RawClient.connect(t, port)
  client.socket.write(Array.from({ length: TURNS_PER_SOCKET + 1 }, (_, n) => `GET /${n} HTTP/1.1\r\nhost: localhost\r\n\r\n`).join(''))
  await client.until(`data: ${TURNS_PER_SOCKET}\n`)
  t.strictSame([...client.text.matchAll(/^data: (\d+)$/gm)].map(([, n]) => Number(n)), Array.from({ length: TURNS_PER_SOCKET + 1 }, (_, n) => n))
  t.ok((await ends(TURNS_PER_SOCKET + 1)).every((reason) => reason === 'done'))
})

/** Sources that hold something before they are started, and whether it is let go of. */
const KINDS: Record<string, () => { source: unknown, isClosed: () => boolean }> = {
  'a Readable': () => {
    const source = new Readable({ read () {} })
    return { source, isClosed: () => source.destroyed }
  },
  'a Readable that fails': () => {
    const source = new Readable({ read () {} })
    setImmediate(() => { source.destroy(new Error('it failed while it waited')) })
    return { source, isClosed: () => source.destroyed }
  },
  'a web stream': () => {
    let isClosed = false
    return { source: new ReadableStream({ cancel () { isClosed = true } }), isClosed: () => isClosed }
  },
  'an iterator of events': () => {
    const emitter = new EventEmitter()
    return { source: on(emitter, 'event'), isClosed: () => emitter.listenerCount('event') === 0 }
  },
  'an iterator of its own': () => {
    let isClosed = false
    const end = async (): Promise<IteratorResult<string>> => { isClosed = true; return { done: true, value: undefined } }
    return { source: { [Symbol.asyncIterator]: () => ({ next: never, return: end }) }, isClosed: () => isClosed }
  }
}

for (const [kind, make] of Object.entries(KINDS)) {
  t.test(`${kind} is let go of when its turn does not come, whatever the reason`, async (t) => {
    const clock = new ManualClock()
    let made: ReturnType<typeof make> | undefined
    const { app, port, log } = await serve(t, (app) => {
      addFirst(app)
      const answer = (reply: { sse (source: never): unknown }): unknown => {
        made = make()
        // what a source may be is tried here
        return reply.sse(made.source as never)
      }
      app.get('/waits', (_request, reply) => answer(reply) as typeof reply)
      app.post('/waits', async (_request, reply) => answer(reply) as typeof reply)
      app.get('/forgets', async (_request, reply) => { answer(reply) })
      app.get('/slow', SOON, (_request, reply) => answer(reply) as typeof reply)
    }, { clock, connectionKey: ({ url }) => url })
    const closing = {
      'the client leaves': (client) => { client.destroy() },
      'the client leaves, and had sent a body': (client) => { client.destroy() },
      'it takes too long': () => { clock.advance(TURN_TIMEOUT_MS) },
      'its key is kicked': () => { app.eventfeed.kick('/waits') },
      'the handler did not return it': () => {},
      'a time-out answers': () => {},
      'the application closes': async () => { await app.close() }
    } satisfies Record<string, (client: RawClient) => void | Promise<void>>
    for (const [reason, close] of Object.entries(closing)) {
      // older versions of Fastify 5 have no `handlerTimeout`
      if (reason.includes('time-out') && !('handlerTimeout' in app.initialConfig)) continue
      made = undefined
      const client = await RawClient.get(t, port, '/endless')
      await client.until('data: begun')
      if (reason.includes('body')) {
        client.ask('/waits', { 'content-type': 'application/json', 'content-length': '2' }, 'POST')
        client.socket.write('{}')
      } else {
        client.ask(reason.includes('handler') ? '/forgets' : reason.includes('time-out') ? '/slow' : '/waits')
      }
      await eventually(() => made !== undefined, 'it is asked for')
      await close(client)
      await eventually(() => made?.isClosed() === true, `it is let go of when ${reason}`)
      if (!client.isClosed && reason !== 'the application closes') t.notOk(client.hasEnded, 'the stream ahead goes on')
      client.destroy()
      await eventually(() => app.eventfeed.stats().connections === 0, 'the stream ahead has ended')
    }
    t.strictSame(log.filter(({ level, err }) => level >= 40 && err?.code !== 'FST_EVENTFEED_NOT_RETURNED' && err?.code !== 'FST_ERR_HANDLER_TIMEOUT'), [])
  })
}

t.test('who has waited too long learns to come back when the turn comes, and the socket serves on', async (t) => {
  const clock = new ManualClock()
  let first = { end: (): void => {} }
  let asked = 0
  const { app, port } = await serve(t, (app) => {
    first = addFirst(app)
    app.get('/waits', (_request, reply) => { asked++; return reply.sse(['late']) })
    app.get('/json', async () => ({ json: true }))
  }, { clock })
  const client = await RawClient.get(t, port, '/first')
  await client.until('data: begun')
  client.ask('/waits')
  client.ask('/json')
  await eventually(() => asked === 1, 'it is asked for')
  clock.advance(TURN_TIMEOUT_MS - 2)
  client.ask('/waits')
  await eventually(() => asked === 2, 'another one too')
  clock.advance(2)
  first.end()
  await client.until('data: late')
  const [, late, json, last] = client.text.split(/(?=HTTP\/1\.1 )/)
  t.match(late, /^HTTP\/1\.1 200 [^]*\r\n: this stream could not begin: come back later\nretry: 1\d{4}\n\n/)
  t.match(json, '{"json":true}')
  t.match(last, 'data: late')
  t.equal(app.eventfeed.stats().opened, 2)
})

t.test('a source that failed while it waited is answered by an error in its turn', async (t) => {
  let first = { end: (): void => {} }
  const source = new Readable({ read () {} })
  const { port } = await serve(t, (app) => {
    first = addFirst(app)
    app.get('/fails', (_request, reply) => { setImmediate(() => { source.destroy(new Error('early')) }); return reply.sse(source) })
  })
  const client = await RawClient.get(t, port, '/first')
  await client.until('data: begun')
  client.ask('/fails')
  await eventually(() => source.destroyed, 'it fails')
  first.end()
  await client.until('"message":"early"')
  t.match(client.text, /HTTP\/1\.1 500 /)
})

t.test('the limits hold when the turn comes, and count no one who waits', async (t) => {
  let answer = (): void => {}
  let asked = 0
  const { app, port } = await serve(t, (app) => {
    addFirst(app)
    app.get('/slow', async () => await new Promise((resolve) => { answer = () => { resolve({ slow: true }) } }))
    app.get('/waits', (_request, reply) => { asked++; return reply.sse(['begun too']) })
  }, { maxConnections: 2, refuse: 'status' })
  const client = await RawClient.get(t, port, '/slow')
  // of three that wait, two may
  for (let count = 0; count < 3; count++) client.ask('/waits')
  await eventually(() => asked === 3, 'all are asked for')
  t.equal(app.eventfeed.stats().connections, 0)
  const others = await Promise.all([RawClient.get(t, port, '/endless'), RawClient.get(t, port, '/endless')])
  for (const other of others) await other.until('data: begun')
  answer()
  await eventually(() => client.text.split('HTTP/1.1 503').length === 4, 'each is refused in its turn')
  t.match(client.text, /^HTTP\/1\.1 200 [^]*{"slow":true}HTTP/)
  others[0]?.destroy()
  await eventually(() => app.eventfeed.stats().connections === 1, 'there is room')
  client.ask('/waits')
  await client.until('data: begun too')
})

t.test('a stream that has waited begins as if it were asked for then, in the context of its own request', async (t) => {
  const users = new AsyncLocalStorage<string>()
  const clock = new ManualClock()
  let first = { end: (): void => {} }
  const seen: Array<string | undefined> = []
  let asked = 0
  const { app, port, ends } = await serve(t, (app) => {
    app.addHook('onRequest', (request, _reply, done) => { users.run(String(request.headers['x-user']), done) })
    first = addFirst(app)
    app.get('/waits', (_request, reply) => {
      asked++
      return reply.sse(async function * ({ until }) { seen.push(users.getStore()); yield 'begun too'; await until(never()) }, { maxAgeMs: 10_000 })
    })
  }, { clock })
  const client = await RawClient.connect(t, port)
  client.ask('/first', { 'x-user': 'ada' })
  await client.until('data: begun')
  client.ask('/waits', { 'x-user': 'bob' })
  await eventually(() => asked === 1, 'it is asked for')
  clock.advance(20_000)
  t.equal(app.eventfeed.stats().opened, 1)
  first.end()
  await client.until('data: begun too')
  t.strictSame(seen, ['bob'])
  clock.advance(8_000)
  t.equal(app.eventfeed.stats().connections, 1, 'its age is counted from its turn')
  clock.advance(2_000)
  t.strictSame(await ends(2), ['done', 'max-age'])
})
