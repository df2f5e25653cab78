/** A stream asks its application now and then whether it may go on. */
import t from 'tap'
import { EventStreamEnded } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient, standsStill } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

const never = (): Promise<never> => new Promise(() => {})

t.test('a stream that is not allowed any more ends, and its client comes back to the ordinary authentication', async (t) => {
  const clock = new ManualClock()
  const allowed = new Set(['ada'])
  const asked: string[] = []
  let reason: unknown
  const userOf = (url: string): string => new URL(url, 'http://localhost').searchParams.get('user') ?? ''
  const { app, port, log, ends, empty } = await serve(t, (app) => {
    app.addHook('onRequest', async (request, reply) => { if (!allowed.has(userOf(request.url))) await reply.code(401).send() })
    app.get('/', (_request, reply) => reply.sse(async function * ({ signal, until }) {
      try {
        yield { id: '1', data: 'begun' }
        await until(never())
      } finally {
        reason = signal.reason
      }
    }))
  }, { clock, recheck: async (request) => { asked.push(request.url); return allowed.has(userOf(request.url)) } })

  const client = await RawClient.get(t, port, '/?user=ada')
  await client.until('data: begun')
  clock.advance(60_000)
  await eventually(() => clock.timers === 1 && asked.length === 1, 'it was asked, and will be again')
  t.equal(app.eventfeed.stats().connections, 1)
  allowed.clear()
  clock.advance(60_000)
  await client.whole()
  t.strictSame(await ends(1), ['revoked'])
  t.strictSame(asked, ['/?user=ada', '/?user=ada'])
  t.type(reason, EventStreamEnded)
  t.match(reason, { reason: 'revoked' })
  t.notMatch(client.text, 'stream:done', 'it is to come back')
  t.notMatch(client.text, 'stream:error')
  t.match(log.find(({ stream }) => stream !== undefined), { level: 30, msg: 'an event stream of GET / ended: revoked' })
  client.destroy()
  const back = await RawClient.get(t, port, '/?user=ada', { 'last-event-id': '1' })
  await eventually(() => back.status === 401, 'the route authenticates')
  back.destroy()
  await empty()
  t.equal(clock.timers, 0, 'no timer is left')
})

t.test('a stream of a feed without events is asked too, and gets what is ready before it ends', async (t) => {
  const clock = new ManualClock()
  let isAllowed = true
  const { app, port, ends, empty } = await serve(t, (app) => {
    const feed = app.feed('quiet')
    app.get('/', (_request, reply) => reply.sse(feed.subscribe(), { recheckIntervalMs: 1_000, recheck: () => isAllowed }))
    app.post('/last', async () => {
      await feed.publish({ event: 'last', data: 'word' })
      isAllowed = false
      clock.advance(1_000)
      return ''
    })
  }, { clock, heartbeatIntervalMs: Infinity })
  const client = await RawClient.get(t, port, '/')
  await client.until('stream:bookmark')
  clock.advance(1_000)
  await eventually(() => clock.timers > 0, 'it will be asked again')
  t.equal(app.eventfeed.stats().connections, 1)
  await app.inject({ method: 'POST', url: '/last' })
  await client.whole()
  t.match(client.body, /event: last\ndata: word\nid: .*\n\n$/)
  t.strictSame(await ends(1), ['revoked'])
  client.destroy()
  await empty()
})

t.test('a check that fails ends its stream, and is logged once with route and stack', async (t) => {
  const clock = new ManualClock()
  const { port, log, ends } = await serve(t, (app) => {
    app.get('/throws', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }, {
      recheck: () => { throw new Error('no such session') }
    }))
    app.get('/rejects', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }, {
      recheck: async () => { throw new Error('no such session') }
    }))
  }, { clock, recheckIntervalMs: 1_000 })
  for (const [count, route] of ['/throws', '/rejects'].entries()) {
    const client = await RawClient.get(t, port, route)
    await client.until('data: begun')
    clock.advance(1_000)
    await client.whole()
    t.notMatch(client.text, /stream:|no such session/, 'the client hears nothing of it')
    t.equal((await ends(count + 1)).at(-1), 'revoked')
    const errors = log.filter(({ level, msg }) => level >= 40 && msg.includes(`GET ${route}`))
    t.equal(errors.length, 1)
    t.match(errors[0], { level: 50, err: { message: 'no such session', stack: /recheck\.test/ }, stream: { reason: 'revoked' } })
  }
})

t.test('a client that leaves while it is asked about has left; the answer is not heard', async (t) => {
  const clock = new ManualClock()
  let refuse: ((error: Error) => void) | undefined
  const { port, log, ends, empty } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }))
  }, { clock, recheck: () => new Promise((_resolve, reject) => { refuse = reject }) })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: begun')
  clock.advance(60_000)
  t.type(refuse, 'function')
  client.destroy()
  t.strictSame(await ends(1), ['client'])
  refuse?.(new Error('too late'))
  await empty()
  t.strictSame(log.filter(({ level }) => level >= 40), [])
  t.equal(clock.timers, 0)
})

t.test('while a stream waits for its stalled client to take the rest, nobody is asked any more', async (t) => {
  const clock = new ManualClock()
  let asked = 0
  let yielded = 0
  const { app, port, ends } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(function * () { for (;;) { yielded++; yield 'x'.repeat(1024 * 1024) } }, { recheckIntervalMs: 1_000, recheck: () => ++asked < 2 }))
  }, { clock })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: x')
  client.stall()
  await standsStill(() => yielded, 'the socket is full')
  await eventually(() => { clock.advance(1_000); return asked === 2 }, 'it is asked')
  for (let count = 0; count < 5; count++) {
    await new Promise((resolve) => { setImmediate(resolve) })
    clock.advance(1_000)
  }
  t.equal(asked, 2)
  t.equal(app.eventfeed.stats().connections, 1, 'its last bytes are on their way')
  client.flow()
  await client.whole()
  t.strictSame(await ends(1), ['revoked'])
})

t.test('one route may ask of itself, or not at all', async (t) => {
  const clock = new ManualClock()
  const asked: string[] = []
  const { app, port, ends } = await serve(t, (app) => {
    const source = async function * ({ until }: { until: (promise: Promise<never>) => Promise<never> }): AsyncGenerator<string> { yield 'begun'; await until(never()) }
    app.get('/plugin', (_request, reply) => reply.sse(source))
    app.get('/own', (request, reply) => reply.sse(source, { recheck: (given) => asked.push(given === request ? 'own' : 'another request') }))
    app.get('/undefined', (_request, reply) => reply.sse(source, { recheck: undefined, recheckIntervalMs: undefined }))
    app.get('/never', (_request, reply) => reply.sse(source, { recheckIntervalMs: Infinity }))
    app.get('/bad', (_request, reply) => reply.sse(source, { recheck: true as never }))
  }, { clock, recheck: ({ url }) => { asked.push(url); return false } })
  const clients = await Promise.all(['/plugin', '/own', '/undefined', '/never'].map((path) => RawClient.get(t, port, path)))
  for (const client of clients) await client.until('data: begun')
  clock.advance(60_000)
  t.strictSame(await ends(2), ['revoked', 'revoked'])
  t.strictSame(asked.toSorted(), ['/plugin', '/undefined', 'own'])
  t.strictSame(app.eventfeed.stats().routes, { 'GET /own': 1, 'GET /never': 1 })
  const bad = await app.inject('/bad')
  t.match(bad.json(), { code: 'FST_EVENTFEED_BAD_OPTION', message: /recheck.*true/ })
})
