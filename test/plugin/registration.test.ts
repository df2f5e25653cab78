/** What `app.register(eventfeed, options)` accepts, and beside what. */
import fastifySse from '@fastify/sse'
import fastify, { type FastifyPluginAsync } from 'fastify'
import t from 'tap'
import eventfeed, { type EventfeedOptions } from '../../lib/index.ts'

// both declare the type of reply.sse, so the type checker is told less
const theirs = fastifySse as unknown as FastifyPluginAsync

const never = (): Promise<never> => new Promise(() => {})

t.test('an option is what it must be, or registration fails by its name', async (t) => {
  const pairs: Array<[name: string, good: unknown[], bad: unknown[]]> = [
    ['heartbeatIntervalMs', [100, 15_000, Infinity, undefined], [99, 0, -1, 100.5, NaN, -Infinity, '100', null]],
    ['retryMs', [0, 1, Number.MAX_SAFE_INTEGER], [-1, 0.5, NaN, Infinity, '1', null, 2 ** 53]],
    ['commitDelayMs', [0, 50], [-1, 0.5, NaN, Infinity, '1']],
    ['maxAgeMs', [1, Infinity], [0, -1, 1.5, NaN, '1']],
    ['idleTimeoutMs', [1, Infinity], [0, -1, 1.5, NaN, '1']],
    ['writeTimeoutMs', [1, 30_000], [0, -1, Infinity, NaN, '1']],
    ['recheckIntervalMs', [1_000, 60_000, Infinity, undefined], [999, 0, -1, 1_000.5, NaN, '1000']],
    ['recheck', [() => true, undefined], [true, null, 7, {}]],
    ['expiresAt', [new Date(), undefined], [new Date(NaN), 0, '2026-01-01', null]],
    ['onEnd', ['stop', 'reconnect', undefined], ['Stop', '', null, true]],
    ['maxConnections', [0, 1, Infinity], [-1, 0.5, NaN, '1']],
    ['maxConnectionsPerKey', [0, 1, Infinity], [-1, 0.5, NaN, '1']],
    ['connectionKey', [() => '', undefined], ['ip', null, 7]],
    ['refuse', ['status', 'retry', undefined], ['', 'Status', null, 503]],
    ['drainTimeoutMs', [0, 5_000], [-1, 0.5, NaN, Infinity, '1']],
    ['validateEvents', [true, false, undefined], [1, 'true', null]],
    ['clock', [undefined], [{}, 7, null]]
  ]
  const register = async (options: object): Promise<unknown> => {
    const app = fastify()
    try {
      await app.register(eventfeed, options as EventfeedOptions)
      await app.ready()
      return undefined
    } catch (error) {
      return error
    } finally {
      await app.close()
    }
  }
  for (const [name, good, bad] of pairs) {
    for (const value of good) t.equal(await register({ [name]: value }), undefined, `${name}: ${String(value)}`)
    // `null` is nothing, as `??` has it, for what is a number
    for (const value of bad.filter((value) => value !== null)) {
      t.match(await register({ [name]: value }), { code: 'FST_EVENTFEED_BAD_OPTION', message: new RegExp(name) }, `${name}: ${String(value)}`)
    }
  }
  t.match(await register({ heartbeatInterval: 1 }), { code: 'FST_EVENTFEED_BAD_OPTION', message: /heartbeatInterval.*heartbeatIntervalMs/ })
  for (const name of ['connectionKey', 'refuse', 'clock', 'onEnd', 'expiresAt', 'recheck', 'validateEvents']) t.match(await register({ [name]: null }), { code: 'FST_EVENTFEED_BAD_OPTION' }, `${name}: null`)
})

t.test('registered twice it says so, in a child too', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  await t.rejects(async () => { await app.register(eventfeed) }, { code: 'FST_EVENTFEED_ALREADY_REGISTERED' })
  const other = fastify()
  t.teardown(() => other.close().catch(() => {}))
  other.register(eventfeed)
  other.register(async (child) => { await child.register(eventfeed) })
  await t.rejects(async () => { await other.ready() }, { code: 'FST_EVENTFEED_ALREADY_REGISTERED' })
})

t.test('beside @fastify/sse it says so, in either order', async (t) => {
  const clear = { code: 'FST_EVENTFEED_REPLY_SSE_TAKEN', message: /@fastify\/sse/ }
  const theirsFirst = fastify()
  t.teardown(() => theirsFirst.close().catch(() => {}))
  theirsFirst.register(theirs)
  theirsFirst.register(eventfeed)
  await t.rejects(async () => { await theirsFirst.ready() }, clear)

  const oursFirst = fastify()
  t.teardown(() => oursFirst.close().catch(() => {}))
  oursFirst.register(eventfeed)
  oursFirst.register(theirs)
  await t.rejects(async () => { await oursFirst.ready() }, clear)

  const apart = fastify()
  t.teardown(() => apart.close())
  apart.register(async (child) => { await child.register(eventfeed) })
  apart.register(async (child) => { await child.register(theirs) })
  await t.resolves(async () => { await apart.ready() }, 'in contexts of their own they live together')

  const another = fastify()
  t.teardown(() => another.close().catch(() => {}))
  another.decorateReply('sse', null as never)
  another.register(eventfeed)
  await t.rejects(async () => { await another.ready() }, clear)
})

t.test('a child has its own, and what is outside has none', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  for (const name of ['one', 'two']) {
    app.register(async (child) => {
      await child.register(eventfeed)
      child.feed('same-name')
      child.get('/', (_request, reply) => reply.sse(async function * ({ until }) { yield name; await until(never()) }))
      child.get('/stats', async () => child.eventfeed.stats())
      child.register(async (grandchild) => { grandchild.get('/deep', (_request, reply) => reply.sse([name])) })
    }, { prefix: `/${name}` })
  }
  app.get('/outside', async (_request, reply) => ({ sse: typeof reply.sse }))
  await app.ready()
  t.strictSame((await app.inject('/outside')).json(), { sse: 'undefined' })
  t.notOk(app.hasDecorator('eventfeed'))
  t.match((await app.inject('/two/deep')).body, 'data: two\n')
  const leaving = new AbortController()
  const response = await app.inject({ url: '/one', payloadAsStream: true, signal: leaving.signal })
  response.stream().on('error', () => {}).resume()
  t.match((await app.inject('/one/stats')).json(), { connections: 1, feeds: { 'same-name': { entries: 0 } } })
  t.match((await app.inject('/two/stats')).json(), { connections: 0 })
  leaving.abort()
})
