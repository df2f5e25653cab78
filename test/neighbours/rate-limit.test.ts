/** Beside @fastify/rate-limit: a stream is one request, however many events it carries. */
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { Type } from 'typebox'
import { RawClient } from '../story/raw-client.ts'
import { ORDERS, serveBeside } from './serve-beside.ts'

const HOOKS = ['onRequest', 'preHandler'] as const

function routes (app: FastifyInstance): void {
  const events = { said: Type.Object({ text: Type.String() }) }
  const feed = app.feed('said', { events })
  app.get('/feed', { schema: { events } }, (_request, reply) => reply.sse(feed.subscribe()))
  app.get('/say', { config: { rateLimit: false } }, async () => await feed.publish({ event: 'said', data: { text: 'hello' } }))
  app.get('/json', async () => ({ is: 'json' }))
  app.get('/once', { config: { rateLimit: { max: 1 } } }, (_request, reply) => reply.sse(['one']))
}

for (const order of ORDERS) {
  for (const hook of HOOKS) {
    t.test(`@fastify/rate-limit in ${hook}, registered ${order} the plugin`, async (t) => {
      const { app, port, url, closeQuietly } = await serveBeside(t, async (app) => { await app.register(rateLimit, { max: 3, hook }) }, order, routes)
      const stream = await RawClient.get(t, port, '/feed')
      await stream.until('event: stream:bookmark')

      await t.test('a stream counts as one request, and says so on its head', async (t) => {
        for (const line of ['x-ratelimit-limit: 3', 'x-ratelimit-remaining: 2', 'x-ratelimit-reset: 60']) t.ok(stream.head.includes(line), line)
        for (let said = 1; said <= 5; said++) {
          await app.inject('/say')
          await stream.until(new RegExp(`(?:"hello"[^]*){${said}}`))
        }
        const json = await fetch(`${url}/json`)
        t.equal(json.headers.get('x-ratelimit-remaining'), '1')
        t.strictSame(await json.json(), { is: 'json' })
      })

      await t.test('over the limit a stream is an ordinary 429, and one that is open goes on', async (t) => {
        t.equal((await fetch(`${url}/json`)).status, 200)
        const refused = await RawClient.get(t, port, '/feed', { accept: 'text/event-stream' })
        await refused.until('}')
        t.equal(refused.status, 429)
        t.ok(refused.head.includes('content-type: application/json; charset=utf-8'))
        for (const line of ['x-ratelimit-limit: 3', 'x-ratelimit-remaining: 0']) t.ok(refused.head.includes(line), line)
        t.match(refused.head.join('\n'), /^retry-after: \d+$/m)
        t.match(JSON.parse(refused.body), { statusCode: 429, error: 'Too Many Requests' })
        t.equal(app.eventfeed.stats().connections, 1)
        stream.forget()
        await app.inject('/say')
        await stream.until('"hello"')
      })

      await t.test('a limit of the route: the last within it streams, the first over it is refused', async (t) => {
        const client = await RawClient.get(t, port, '/once')
        await client.whole()
        t.equal(client.status, 200)
        t.ok(client.head.includes('x-ratelimit-remaining: 0'))
        client.forget()
        client.ask('/once')
        await client.until('}')
        t.equal(client.status, 429)
      })
      await closeQuietly()
    })
  }
}
