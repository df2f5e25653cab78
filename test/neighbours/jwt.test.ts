/** Beside @fastify/jwt: who has no valid token gets an ordinary 401 and opens no stream. */
import jwt from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { ORDERS, serveBeside } from './serve-beside.ts'

const never = (): Promise<never> => new Promise(() => {})

/** What the tokens of this test hold. */
function claimsOf ({ user }: FastifyRequest): { sub: string, exp: number } {
  return user as { sub: string, exp: number }
}

/** One stream for each place at which a token can be verified. */
function routes (app: FastifyInstance): void {
  const verify = async (request: FastifyRequest): Promise<void> => { await request.jwtVerify() }
  app.get('/on-request', { onRequest: verify }, (request, reply) => reply.sse([`hello ${claimsOf(request).sub}`]))
  app.get('/pre-handler', { preHandler: verify, schema: { events: {} } }, (request, reply) => reply.sse([{ comment: `hello ${claimsOf(request).sub}` }]))
  app.get('/handler', async (request, reply) => {
    await request.jwtVerify()
    return reply.sse([`hello ${claimsOf(request).sub}`])
  })
  app.get('/source', (request, reply) => reply.sse(async () => {
    await request.jwtVerify()
    return [`hello ${claimsOf(request).sub}`]
  }))
  app.get('/until-expired', { onRequest: verify }, (request, reply) => reply.sse(
    async function * ({ until }) { yield 'begun'; await until(never()) }, { expiresAt: new Date(claimsOf(request).exp * 1000) }
  ))
}

for (const order of ORDERS) {
  t.test(`@fastify/jwt, registered ${order} the plugin`, async (t) => {
    const clock = new ManualClock({ now: Date.now() })
    const { app, port, url, log, closeQuietly } = await serveBeside(t, async (app) => { await app.register(jwt, { secret: 'secret' }) }, order, routes, { clock })
    const token = app.jwt.sign({ sub: 'ada' }, { expiresIn: '1h' })
    const authorization = `Bearer ${token}`
    const expiresAt = (app.jwt.decode<{ exp: number }>(token)?.exp ?? 0) * 1000
    const client = await RawClient.connect(t, port)
    for (const path of ['/on-request', '/pre-handler', '/handler', '/source']) {
      await t.test(`verified at ${path.slice(1)}: 401 as ordinary JSON without a valid token, a stream with one, and 401 comes before 204`, async (t) => {
        for (const headers of [{}, { authorization: `${authorization}x` }, ...(path.startsWith('/pre') || path.startsWith('/on') ? [{ 'last-event-id': '~done.' }] : [])] as Array<Record<string, string>>) {
          const response = await fetch(url + path, { headers: { accept: 'text/event-stream', 'cache-control': 'no-cache', ...headers } })
          t.equal(response.status, 401)
          t.match(response.headers.get('content-type'), /^application\/json/)
          t.match(await response.json(), { statusCode: 401, error: 'Unauthorized' })
        }
        client.forget()
        client.ask(path, { authorization })
        await client.whole()
        t.equal(client.status, 200)
        t.match(client.body, /^retry: \d+\n(?:data)?: ?hello ada\n/)
      })
    }

    await t.test('a stream ends when its token expires', async (t) => {
      client.forget()
      client.ask('/until-expired', { authorization })
      await client.until('data: begun')
      clock.advance(expiresAt - clock.now() - 1)
      await app.inject('/nothing')
      t.equal(app.eventfeed.stats().connections, 1, 'not before')
      clock.advance(1)
      await client.whole()
      t.notMatch(client.body, 'stream:done', 'a client with a new token may come back')
      await eventually(() => log.some(({ stream }) => stream?.reason === 'expired'), 'it is logged')
    })

    await closeQuietly()
  })
}
