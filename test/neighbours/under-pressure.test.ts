/** Beside @fastify/under-pressure: new streams are refused under pressure, open ones flow. */
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { Type } from 'typebox'
import { eventually, RawClient } from '../story/raw-client.ts'
import { ORDERS, serveBeside } from './serve-beside.ts'

function routes (app: FastifyInstance): void {
  const events = { said: Type.Object({ text: Type.String() }) }
  const feed = app.feed('said', { events })
  app.get('/feed', { schema: { events } }, (_request, reply) => reply.sse(feed.subscribe()))
  app.post('/feed', { config: { pressureHandler: () => undefined } }, async () => await feed.publish({ event: 'said', data: { text: 'hello' } }))
}

for (const order of ORDERS) {
  t.test(`@fastify/under-pressure, registered ${order} the plugin`, async (t) => {
    let isHealthy = true
    const { app, port, url, closeQuietly } = await serveBeside(t, async (app) => {
      await app.register(underPressure, { healthCheck: async () => isHealthy, healthCheckInterval: 5, retryAfter: 7, exposeStatusRoute: '/status' })
    }, order, routes)
    const stream = await RawClient.get(t, port, '/feed')
    await stream.until('event: stream:bookmark')

    await t.test('a stream flows while there is no pressure, and its own route answers', async (t) => {
      await app.inject({ method: 'POST', url: '/feed' })
      await stream.until('"hello"')
      t.strictSame(await (await fetch(`${url}/status`)).json(), { status: 'ok' })
    })

    await t.test('under pressure a new stream is an ordinary 503 with Retry-After; one that is open flows on', async (t) => {
      isHealthy = false
      await eventually(() => app.isUnderPressure(), 'it is under pressure')
      const refused = await RawClient.get(t, port, '/feed', { accept: 'text/event-stream' })
      await refused.until('}')
      t.equal(refused.status, 503)
      for (const line of ['retry-after: 7', 'content-type: application/json; charset=utf-8']) t.ok(refused.head.includes(line), line)
      t.match(JSON.parse(refused.body), { code: 'FST_UNDER_PRESSURE' })
      t.equal(app.eventfeed.stats().connections, 1)
      stream.forget()
      await app.inject({ method: 'POST', url: '/feed' })
      await stream.until('"hello"')
    })

    await t.test('when the pressure is over there are streams again', async () => {
      isHealthy = true
      await eventually(() => !app.isUnderPressure(), 'it is over')
      const again = await RawClient.get(t, port, '/feed')
      await again.until('event: stream:bookmark')
      t.equal(app.eventfeed.stats().connections, 2)
    })
    // Fastify itself logs what it answers with 503
    await closeQuietly(({ err }) => err?.code === 'FST_UNDER_PRESSURE')
    await stream.closed()
  })

  t.test(`@fastify/under-pressure, registered ${order} the plugin, refuses streams when the event loop is late`, async (t) => {
    const { app, port } = await serveBeside(t, async (app) => { await app.register(underPressure, { maxEventLoopDelay: 1, sampleInterval: 20 }) }, order, routes)
    await eventually(async () => {
      const until = performance.now() + 50
      while (performance.now() < until) { /* the loop is late */ }
      const client = await RawClient.get(t, port, '/feed')
      await client.until('\r\n\r\n')
      client.destroy()
      return client.status === 503 && client.head.includes('retry-after: 10')
    }, 'a stream is refused')
    await eventually(() => app.eventfeed.stats().connections === 0, 'no stream is left')
  })
}
