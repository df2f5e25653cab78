/** Refused streams: counted by reason, logged without a flood, told on a channel, and told to an `EventSource`. */
import type { FastifyRequest } from 'fastify'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import { REFUSALS_LOGGED_MS, TURN_TIMEOUT_MS, TURNS_PER_SOCKET } from '../../lib/defaults.ts'
import type { EventfeedOptions, RefusedMessage } from '../../lib/index.ts'
import { REFUSAL_REASONS, type RefusalReason } from '../../lib/plugin/refusal-reasons.ts'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve, type LogLine } from '../story/serve.ts'

const never = (): Promise<never> => new Promise(() => {})
const NOBODY = Object.fromEntries(REFUSAL_REASONS.map((reason) => [reason, 0]))
const EVENT_SOURCE = { accept: 'text/event-stream', 'x-user': 'ada' }

interface Refused extends LogLine { refused?: { reason: RefusalReason, route: string, connectionKey?: string, since?: number } }

/** The lines about refusals. */
function linesOf (log: readonly LogLine[]): Refused[] {
  return (log as Refused[]).filter(({ refused }) => refused !== undefined)
}

/** By the user in a header. */
const connectionKey: EventfeedOptions['connectionKey'] = ({ headers }) => String(headers['x-user'])

t.test('each reason is counted, logged, and told on the channel, with the route and the key', async (t) => {
  const messages: RefusedMessage[] = []
  const listener = (message: unknown): void => { messages.push(message as RefusedMessage) }
  subscribe('fastify-eventfeed:refused', listener)
  t.teardown(() => { unsubscribe('fastify-eventfeed:refused', listener) })

  const REFUSING: Array<{ reason: RefusalReason, options?: EventfeedOptions, headers?: Record<string, string>, status: number, level: number, key?: string }> = [
    { reason: 'not-acceptable', headers: { accept: 'application/json', 'x-user': 'ada' }, status: 406, level: 30 },
    { reason: 'max-connections', options: { maxConnections: 0 }, status: 503, level: 40, key: 'ada' },
    { reason: 'max-connections-per-key', options: { maxConnectionsPerKey: 0 }, status: 429, level: 40, key: 'ada' }
  ]
  for (const { reason, options = {}, headers = { 'x-user': 'ada' }, status, level, key } of REFUSING) {
    const requests: FastifyRequest[] = []
    const { app, log } = await serve(t, (app) => {
      app.addHook('onRequest', async (request) => { requests.push(request) })
      app.get('/rooms/:id', (_request, reply) => reply.sse(['no']))
    }, { connectionKey, ...options })
    t.equal((await app.inject({ url: '/rooms/7', headers })).statusCode, status)
    t.strictSame(app.eventfeed.stats().refused, { ...NOBODY, [reason]: 1 })
    t.match(app.eventfeed.stats(), { opened: 0, connections: 0, events: 0 }, 'it is no stream')
    const message = messages.pop()
    t.strictSame(message, { route: 'GET /rooms/:id', connectionKey: key, request: requests[0], reason })
    const lines = linesOf(log)
    t.equal(lines.length, 1)
    t.match(lines[0], { level, msg: `an event stream of GET /rooms/:id was refused: ${reason}`, refused: { reason, route: 'GET /rooms/:id', since: 0 } })
    t.equal(lines[0]?.refused?.connectionKey, key)
  }
  t.strictSame(messages, [])
})

t.test('thousands of refusals write one line a minute for each reason, with their number', async (t) => {
  const clock = new ManualClock()
  const { app, log } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(['no'])) }, { clock, connectionKey, maxConnections: 0 })
  const refuse = async (times: number, accept: string): Promise<void> => {
    for (; times > 0; times--) await app.inject({ url: '/', headers: { accept, 'x-user': 'ada' } })
  }
  await refuse(1_000, 'text/event-stream')
  await refuse(10, 'text/html')
  const seen = (): Refused[] => linesOf(log).filter(({ level }) => level > 20)
  t.strictSame(seen().map(({ refused }) => refused?.reason), ['max-connections', 'not-acceptable'])
  t.equal(linesOf(log).length, 1_010, 'each stands in the log for who debugs')
  clock.advance(REFUSALS_LOGGED_MS - 1)
  await refuse(1, 'text/event-stream')
  t.equal(seen().length, 2)
  clock.advance(1)
  await refuse(1, 'text/event-stream')
  t.equal(seen().length, 3)
  t.match(seen()[2], { refused: { since: 1_000 }, msg: /, as 1000 others were since the last such line$/ })
  t.match(app.eventfeed.stats().refused, { 'max-connections': 1_002, 'not-acceptable': 10 })
})

t.test('an EventSource is told why, in a comment that says nothing of the server', async (t) => {
  const secret = { 'x-user': 'secret-key', accept: 'text/event-stream' }
  const full = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(['no'])) }, { connectionKey, maxConnections: 0 })
  const perKey = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(['no'])) }, { connectionKey, maxConnectionsPerKey: 0 })
  const toAll = await full.app.inject({ url: '/', headers: secret })
  t.equal(toAll.statusCode, 200)
  t.match(toAll.body, /^: too many connections to this server: come back later\nretry: 1[0-5]\d{3}\n\n$/)
  t.match((await perKey.app.inject({ url: '/', headers: secret })).body, /^: too many connections of this client: close some, or come back later\nretry: 1[0-5]\d{3}\n\n$/)
})

t.test('who comes while the application drains is counted, and told why', async (t) => {
  let goOn = (): void => {}
  let handled = 0
  const drains = new Promise<void>((resolve) => { goOn = resolve })
  const { app, port } = await serve(t, (app) => {
    app.get('/', async (_request, reply) => { handled++; await drains; return reply.sse(['no']) })
  })
  const client = await RawClient.get(t, port, '/', EVENT_SOURCE)
  const other = await RawClient.get(t, port, '/', { accept: '*/*' })
  await eventually(() => handled === 2, 'the handlers run')
  const closed = app.close()
  await eventually(() => !app.server.listening, 'it drains')
  goOn()
  await client.until(/: this server is closing: come back later\nretry: \d+\n\n/)
  await other.until('FST_EVENTFEED_DRAINING')
  t.strictSame(app.eventfeed.stats().refused, { ...NOBODY, drain: 2 })
  for (const each of [client, other]) each.destroy()
  await closed
})

t.test('pipelined streams that do not begin are counted by why', async (t) => {
  const clock = new ManualClock()
  let asked = 0
  const { app, port, log } = await serve(t, (app) => {
    app.get('/endless', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }))
    app.get('/next', (_request, reply) => { asked++; return reply.sse(['no']) })
  }, { clock, connectionKey, maxConnections: 2 })
  const open = async (): Promise<RawClient> => {
    const client = await RawClient.get(t, port, '/endless', EVENT_SOURCE)
    await client.until('data: begun')
    return client
  }
  const ask = async (client: RawClient, times: number): Promise<void> => {
    const awaited = asked + times
    client.socket.write('GET /next HTTP/1.1\r\nhost: localhost\r\nx-user: ada\r\n\r\n'.repeat(times))
    await eventually(() => asked === awaited, 'all have asked')
  }
  const client = await open()
  await ask(client, 1)
  clock.advance(TURN_TIMEOUT_MS + 1)
  t.strictSame(app.eventfeed.stats().refused, { ...NOBODY, 'not-begun': 1 })
  await ask(client, 3)
  t.strictSame(app.eventfeed.stats().refused, { ...NOBODY, 'not-begun': 1, 'max-connections': 1 }, 'as many wait as streams may be open')
  const flood = await open()
  flood.socket.write('GET /next HTTP/1.1\r\nhost: localhost\r\nx-user: eve\r\n\r\n'.repeat(TURNS_PER_SOCKET + 1))
  await flood.closed()
  t.equal(app.eventfeed.stats().refused['too-many-pipelined'], 1)
  t.match(linesOf(log).find(({ refused }) => refused?.reason === 'too-many-pipelined'), { refused: { connectionKey: 'eve', route: 'GET /next' } })
  client.destroy()
})

t.test('whoever listens may cause more refusals, and kick, from within', async (t) => {
  const { app } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(['no'])) }, { connectionKey, maxConnections: 0 })
  let depth = 0
  const listener = (): void => {
    if (depth++ < 3) app.inject({ url: '/', headers: EVENT_SOURCE }).catch(t.error)
    app.eventfeed.kick(() => true)
  }
  subscribe('fastify-eventfeed:refused', listener)
  t.teardown(() => { unsubscribe('fastify-eventfeed:refused', listener) })
  t.equal((await app.inject({ url: '/', headers: EVENT_SOURCE })).statusCode, 200)
  await eventually(() => app.eventfeed.stats().refused['max-connections'] === 4, 'each is counted')
})
