/** `app.close()`: every stream gets what remains, and nothing is left. */
import fastify from 'fastify'
import { ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { queryObjects } from 'node:v8'
import t from 'tap'
import eventfeed from '../../lib/index.ts'
import { eventually, RawClient } from './raw-client.ts'
import { openSockets, serve } from './serve.ts'

/** What keeps a process alive, but for what tap and the clients have. */
function resources (): string[] {
  return process.getActiveResourcesInfo().filter((name) => !/^(PipeWrap|TTYWrap|FSReqCallback|CloseReq|TickObject|Immediate|TCPSocketWrap)$/.test(name)).sort()
}

const retryOf = (body: string): number => Math.max(...[...body.matchAll(/^retry: (\d+)$/gm)].map(([, value]) => Number(value)))

t.test('1,000 open streams and one stalled reader: all 1,000 get the tail, and it returns by its time-out', async (t) => {
  const before = resources()
  const drainTimeoutMs = 3_000
  const { app, port } = await serve(t, (app) => {
    const news = app.feed('news')
    app.get('/', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/endless', (_request, reply) => reply.sse(function * () { for (;;) yield 'z'.repeat(256 * 1024) }))
    app.get('/publish', async (request) => { await news.publish({ event: 'message', data: (request.query as { text: string }).text }); return 'published' })
  }, { drainTimeoutMs }, { logger: false })
  const stalled = await RawClient.get(t, port, '/endless')
  await stalled.until('data: z')
  stalled.stall()

  const clients: RawClient[] = []
  for (let i = 0; i < 1_000; i++) clients.push(await RawClient.get(t, port, '/'))
  await eventually(() => clients.every(({ text }) => text.includes('stream:bookmark')), 'all are open')
  t.equal(app.eventfeed.stats().connections, 1_001)
  await app.inject('/publish?text=early')
  await app.inject({ url: '/publish', query: { text: 't'.repeat(20_000) } })
  await app.inject('/publish?text=the-tail')

  const startedAt = performance.now()
  await app.close()
  const took = performance.now() - startedAt
  t.ok(took >= drainTimeoutMs - 10, `the stalled one is waited for: ${took} ms`)
  t.ok(took < drainTimeoutMs + 5_000, `by its time-out: ${took} ms`)
  t.equal(await openSockets(app), 0)
  t.equal(app.eventfeed.stats().connections, 0)

  await eventually(() => clients.every((client) => client.isClosed || client.hasEnded), 'the clients hear of it')
  t.equal(clients.filter(({ body }) => body.includes('data: the-tail\n')).length, 1_000, 'the tail')
  t.equal(clients.filter(({ text }) => text.endsWith('0\r\n\r\n')).length, 1_000, 'their ends are whole')
  t.equal(clients.filter(({ body }) => retryOf(body) >= drainTimeoutMs).length, 1_000, 'none comes back before all is over')
  t.ok(new Set(clients.map(({ body }) => retryOf(body))).size > 100, 'nor all together')
  t.equal(clients.filter(({ body }) => body.includes('stream:done')).length, 0, 'all are to come back')
  stalled.flow()
  await eventually(() => stalled.isClosed || stalled.hasEnded, 'the stalled one was cut')
  for (const client of clients) client.destroy()
  stalled.destroy()
  await eventually(() => clients.every(({ isClosed }) => isClosed), 'the clients are closed')
  await turn()
  // the listeners of a stream hang on its response: of 1,001 Node itself may keep a few for reuse
  await eventually(() => queryObjects(ServerResponse, { format: 'count' }) < 10, 'no response is left, and so no listener')
  t.strictSame(resources().filter((name) => name === 'TCPServerWrap' || name === 'Timeout').length, before.filter((name) => name === 'Timeout').length, resources().join())
})

t.test('a large rest is sent whole, and idle keep-alive sockets do not hold the end up', async (t) => {
  const tail = 'r'.repeat(8 * 1024 * 1024)
  const { app, port, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) {
      yield 'begun'
      yield tail
      yield 'last'
      await until(new Promise(() => {}))
    }))
    app.get('/json', async () => ({}))
  }, { drainTimeoutMs: 20_000 })
  const idle = await RawClient.get(t, port, '/json')
  await idle.until('{}')
  const client = await RawClient.get(t, port, '/')
  await client.until('data: begun')
  client.stall()
  const startedAt = performance.now()
  const closing = app.close()
  await turn()
  client.flow()
  await closing
  await client.closed()
  t.ok(performance.now() - startedAt < 15_000)
  t.match(client.text, /0\r\n\r\n$/)
  t.ok(client.length > tail.length || !client.body.includes('rrr'), 'no event is cut')
  t.ok(retryOf(client.body) >= 20_000)
  await eventually(() => idle.isClosed || idle.hasEnded, 'the idle one is closed')
  t.match(log.filter(({ stream }) => stream !== undefined), [{ stream: { reason: 'drain' } }])
})

t.test('while it listens on several addresses', async (t) => {
  const app = fastify()
  await app.register(eventfeed, { drainTimeoutMs: 5_000 })
  let reason: unknown
  app.get('/', (_request, reply) => reply.sse(async function * ({ signal, until }) {
    try {
      yield 'begun'
      await until(new Promise(() => {}))
    } finally {
      reason = signal.reason
    }
  }))
  await app.listen({ port: 0, host: 'localhost' })
  const addresses = app.addresses() as AddressInfo[]
  const clients: RawClient[] = []
  for (const address of addresses) {
    const client = await RawClient.connect(t, address.port, address.address)
    client.ask('/')
    await client.until('data: begun')
    clients.push(client)
  }
  t.ok(clients.length > 0)
  await app.close()
  for (const client of clients) {
    await client.closed()
    t.match(client.text, /retry: \d+\n\n\r\n0\r\n\r\n$/)
  }
  t.match(reason, { reason: 'drain' })
  for (const { port, address } of addresses) await t.rejects(RawClient.connect(t, port, address))
})

t.test('streams in set-up are opened and ended: to a browser that means "come back"', async (t) => {
  const { app, port, ends } = await serve(t, (app) => {
    app.get('/generator', (_request, reply) => reply.sse(async function * ({ until }) { await until(new Promise(() => {})); yield '' }, { commitDelayMs: 3_600_000 }))
    app.get('/function', (_request, reply) => reply.sse(async ({ until }) => await until(new Promise<string[]>(() => {})), { commitDelayMs: 3_600_000 }))
    app.get('/stream', (_request, reply) => reply.sse(new Readable({ read () {} }), { commitDelayMs: 3_600_000 }))
    app.get('/hooked', { onSend: async () => { await turn() } }, (_request, reply) => reply.sse(new Readable({ read () {} }), { commitDelayMs: 3_600_000 }))
  })
  const clients = await Promise.all(['/generator', '/function', '/stream', '/hooked'].map((path) => RawClient.get(t, port, path)))
  await eventually(() => app.eventfeed.stats().connections === 4, 'they are in set-up')
  await app.close()
  for (const client of clients) {
    await client.closed()
    t.equal(client.status, 200)
    t.ok(retryOf(client.body) >= 2_000)
    t.match(client.text, /0\r\n\r\n$/)
  }
  t.strictSame(await ends(4), ['drain', 'drain', 'drain', 'drain'])
})

t.test('a stream whose head waits for a hook that never ends is cut off at the time-out', async (t) => {
  const { app, port } = await serve(t, (app) => {
    app.get('/', { onSend: () => new Promise(() => {}) }, (_request, reply) => reply.sse(['one']))
  }, { drainTimeoutMs: 50 })
  const client = await RawClient.get(t, port, '/')
  await eventually(() => app.eventfeed.stats().connections === 1, 'it is in set-up')
  await app.close()
  await client.closed()
  t.equal(client.text, '')
})

t.test('a source that yields after its signal was aborted, and one that is parked, do not hold the end up', async (t) => {
  const { app, port, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () { yield 'begun'; await new Promise(() => {}) }))
  }, { drainTimeoutMs: 20_000 })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: begun')
  const startedAt = performance.now()
  await app.close()
  t.ok(performance.now() - startedAt < 10_000)
  await client.closed()
  t.equal(log.filter(({ msg }) => msg.includes('still runs')).length, 1, 'but it is told')
})

t.test('an application without streams, and one that never listened, close', async (t) => {
  const app = fastify()
  await app.register(eventfeed)
  app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(new Promise(() => {})) }))
  await app.ready()
  const response = await app.inject({ url: '/', payloadAsStream: true })
  response.stream().resume()
  await app.close()
  t.equal(app.eventfeed.stats().connections, 0)
  const other = await serve(t, () => {})
  await other.app.close()
})
