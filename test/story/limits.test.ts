/** How many streams, for how long, and how they end. */
import t from 'tap'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient } from './raw-client.ts'
import { serve } from './serve.ts'

const never = (): Promise<never> => new Promise(() => {})

t.test('over a limit the newcomer is refused, and a slot is free again when a stream ends', async (t) => {
  const { app, port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }))
    app.get('/fails', (_request, reply) => reply.sse(() => { throw new Error('no') }))
  }, { maxConnections: 2, maxConnectionsPerKey: 1, connectionKey: ({ headers }) => String(headers['x-user']), refuse: 'status' })
  for (let i = 0; i < 3; i++) t.equal((await app.inject({ url: '/fails', headers: { 'x-user': 'ada' } })).statusCode, 500, 'a failed one keeps no slot')
  const ada = await RawClient.get(t, port, '/', { 'x-user': 'ada' })
  await ada.until('data: begun')
  const second = await app.inject({ url: '/', headers: { 'x-user': 'ada' } })
  t.equal(second.statusCode, 429)
  t.match(second.json(), { code: 'FST_EVENTFEED_TOO_MANY_CONNECTIONS_PER_KEY', statusCode: 429 })
  const bob = await RawClient.get(t, port, '/', { 'x-user': 'bob' })
  await bob.until('data: begun')
  const waits = new Set<number>()
  for (let i = 0; i < 40; i++) {
    const third = await app.inject({ url: '/', headers: { 'x-user': 'eve', accept: 'text/event-stream' } })
    t.equal(third.statusCode, 503)
    t.match(third.json(), { code: 'FST_EVENTFEED_TOO_MANY_CONNECTIONS', statusCode: 503 })
    waits.add(Number(third.headers['retry-after']))
  }
  t.ok([...waits].every((wait) => wait >= 10 && wait <= 15))
  t.ok(waits.size > 1, 'jittered')
  t.notOk(ada.isClosed || bob.isClosed, 'nobody is evicted')
  ada.destroy()
  await eventually(() => app.eventfeed.stats().connections === 1, 'she has left')
  const eve = await RawClient.get(t, port, '/', { 'x-user': 'eve' })
  await eve.until('data: begun')
  t.equal(app.eventfeed.stats().connections, 2)
})

t.test('refused by retry: a 200 that says when to come back, and ends', async (t) => {
  let runs = 0
  const retry = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(() => { runs++; return [] })) }, { maxConnections: 0, refuse: 'retry' })
  const response = await retry.app.inject('/')
  t.equal(response.statusCode, 200)
  t.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8')
  t.match(response.body, /^: too many connections to this server: come back later\nretry: 1[0-5]\d{3}\n\n$/)
  const byAccept = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(() => { runs++; return [] })) }, { maxConnections: 0 })
  t.equal((await byAccept.app.inject({ url: '/', headers: { accept: 'text/event-stream' } })).statusCode, 200, 'an EventSource gives up on a status')
  for (const accept of ['*/*', 'text/*']) t.equal((await byAccept.app.inject({ url: '/', headers: { accept } })).statusCode, 503, accept)
  t.equal((await byAccept.app.inject('/')).statusCode, 503)
  t.equal(runs, 0)
})

t.test('limits of time, and kick', async (t) => {
  const clock = new ManualClock()
  const reasons: unknown[] = []
  const { app, port, ends, log, empty } = await serve(t, (app) => {
    const expiresAt = new Date(clock.now() + 60_000)
    const options: Record<string, object> = { '/max-age': { maxAgeMs: 100_000 }, '/expired': { expiresAt }, '/idle': { idleTimeoutMs: 30_000 }, '/kick': {}, '/long-ago': { expiresAt: new Date(0) } }
    for (const [path, each] of Object.entries(options)) {
      app.get(path, (_request, reply) => reply.sse(async function * ({ until, signal }) {
        try { yield { id: 'last', data: 'begun' }; await until(never()) } finally { reasons.push(signal.reason) }
      }, each))
    }
  }, { clock, connectionKey: ({ url }) => url })
  const open = async (path: string): Promise<RawClient> => {
    const client = await RawClient.get(t, port, path)
    await client.until('data: begun')
    return client
  }
  const paths = ['/max-age', '/expired', '/idle', '/kick'] as const
  const clients = await Promise.all(paths.map(open))
  const over = async (client: RawClient | undefined, count: number): Promise<void> => {
    await client?.whole()
    t.equal((await ends(count)).length, count)
    t.notMatch(client?.text, 'stream:done', 'it is to come back')
  }
  t.equal(app.eventfeed.kick('nobody'), 0)
  t.equal(app.eventfeed.kick('/kick', 'banned'), 1)
  await over(clients[3], 1)
  clock.advance(29_900)
  t.equal(app.eventfeed.stats().connections, 3)
  clock.advance(200)
  await over(clients[2], 2)
  clock.advance(29_800)
  t.equal(app.eventfeed.stats().connections, 2)
  clock.advance(200)
  await over(clients[1], 3)
  clock.advance(29_000)
  t.equal(app.eventfeed.stats().connections, 1, 'at most a tenth less')
  clock.advance(11_000)
  await over(clients[0], 4)
  t.strictSame(await ends(4), ['kick', 'idle', 'expired', 'max-age'])
  t.match(reasons, [{ reason: 'kick', detail: 'banned' }, { reason: 'idle' }, { reason: 'expired' }, { reason: 'max-age' }])
  t.match(log.find(({ stream }) => stream?.reason === 'kick'), { stream: { detail: 'banned' } })
  const late = await RawClient.get(t, port, '/long-ago')
  await late.until('data: begun')
  clock.advance(1)
  await late.whole()
  for (const client of [...clients, late]) client.destroy()
  await empty()
  t.equal(clock.timers, 0, 'no timer is left')
})

t.test('a source that kicks itself ends', async (t) => {
  const { app, port, ends } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(() => { app.eventfeed.kick('me'); return (async function * () { yield 'no' })() }, { commitDelayMs: 3_600_000 }))
  }, { connectionKey: () => 'me' })
  const client = await RawClient.get(t, port, '/')
  await client.whole()
  t.strictSame(await ends(1), ['kick'])
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('a source that returns: stream:done, and 204 for who comes back with its id', async (t) => {
  let handled = 0
  let authenticated = 0
  const { app, port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => { handled++; return reply.sse([{ id: 7, data: 'one' }]) })
    app.get('/none', (_request, reply) => reply.sse(new Set<string>()))
    app.get('/reconnect', (_request, reply) => reply.sse([{ id: 7, data: 'one' }], { onEnd: 'reconnect' }))
    app.get('/declared', {
      schema: { events: {} },
      onRequest: async (request, reply) => { authenticated++; if (request.headers.authorization === undefined) return await reply.code(401).send({}) }
    }, (_request, reply) => { handled++; return reply.sse([]) })
  })
  const client = await RawClient.get(t, port, '/')
  await client.whole()
  t.match(client.body, /data: one\nid: 7\n\nevent: stream:done\ndata: \{\}\nid: ~done\.7\n\n$/)
  t.match((await app.inject({ url: '/none', headers: { accept: 'text/event-stream', 'last-event-id': 'before' } })).body, /id: ~done\.before\n\n$/)
  t.match((await app.inject('/reconnect')).body, /data: one\nid: 7\n\n$/)
  t.equal(handled, 1)

  for (const headers of [{ 'last-event-id': '~done.7' }, { 'last-event-id': '~done' }]) {
    const response = await app.inject({ url: '/', headers })
    t.equal(response.statusCode, 204)
    t.equal(response.body, '')
  }
  t.equal((await app.inject('/?lastEventId=~done.7')).statusCode, 204)
  handled = 0
  t.equal((await app.inject({ url: '/declared', headers: { 'last-event-id': '~done.7' } })).statusCode, 401, 'after authentication')
  t.equal((await app.inject({ url: '/declared', headers: { 'last-event-id': '~done.7', authorization: 'yes' } })).statusCode, 204)
  t.equal(handled, 0, 'before the handler')
  t.equal(authenticated, 2)
})
