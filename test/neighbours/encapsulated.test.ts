/** A neighbour or our plugin in a context of its own: it has its effect there, and none outside. */
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import eventfeed from '../../lib/index.ts'
import { RawClient } from '../story/raw-client.ts'
import { listen } from './serve-beside.ts'

/** Lines that these neighbours put on a head. */
const LINES = ['access-control-allow-origin: https://page.example', 'x-frame-options: sameorigin', 'x-ratelimit-limit: 1000', 'set-cookie: crumb=yes']

async function neighbours (app: FastifyInstance): Promise<void> {
  await app.register(cors, { origin: 'https://page.example' })
  await app.register(helmet)
  await app.register(cookie)
  await app.register(rateLimit, { max: 1_000 })
  await app.register(compress, { threshold: 0, customTypes: /./u })
  app.addHook('onRequest', async (_request, reply) => { reply.setCookie('crumb', 'yes', { path: undefined, sameSite: undefined }) })
}

function stream (app: FastifyInstance, path: string): void {
  app.get(path, (_request, reply) => reply.sse(['streamed']))
}

/** Which of the neighbours' lines are on the head of a whole answer. */
async function linesOf (client: RawClient, path: string): Promise<string[]> {
  client.forget()
  client.ask(path, { 'accept-encoding': 'gzip' })
  await client.whole()
  return LINES.filter((line) => client.head.includes(line))
}

t.test('neighbours in a child context are on the streams of that context, and on no others', async (t) => {
  const { port, closeQuietly } = await listen(t, async (app) => {
    await app.register(eventfeed)
    await app.register(async (child) => { await neighbours(child); stream(child, '/inside') })
    stream(app, '/outside')
  })
  const client = await RawClient.connect(t, port)
  t.strictSame(await linesOf(client, '/inside'), LINES)
  t.match(client.body, 'data: streamed\n\n')
  t.strictSame(await linesOf(client, '/outside'), [])
  t.match(client.body, 'data: streamed\n\n')
  await closeQuietly()
})

t.test('the plugin in a child context streams there, with the neighbours of the parent; outside there is no reply.sse', async (t) => {
  for (const isFirst of [true, false]) {
    const { app, port, url, closeQuietly } = await listen(t, async (app) => {
      if (isFirst) await neighbours(app)
      await app.register(async (child) => {
        await child.register(eventfeed)
        stream(child, '/inside')
        child.get('/open', (_request, reply) => reply.sse(child.feed('open').subscribe()))
      }, { prefix: '/child' })
      if (!isFirst) await neighbours(app)
      app.get('/outside', async (_request, reply) => ({ hasSse: 'sse' in reply }))
    })
    const client = await RawClient.connect(t, port)
    // Fastify hands later hooks down to the child, but does not announce its routes again, which the rate limit waits for
    t.strictSame(await linesOf(client, '/child/inside'), isFirst ? LINES : LINES.filter((line) => !line.startsWith('x-ratelimit')))
    t.match(client.body, 'data: streamed\n\n')
    const outside = await fetch(`${url}/outside`, { headers: { 'accept-encoding': 'gzip' } })
    t.strictSame(await outside.json(), { hasSse: false })
    t.equal(outside.headers.get('content-encoding'), 'gzip')
    t.equal(outside.headers.get('x-frame-options'), 'SAMEORIGIN')
    t.notOk(app.hasDecorator('eventfeed'))
    const open = await RawClient.get(t, port, '/child/open')
    await open.until('event: stream:bookmark')
    await closeQuietly()
    await open.whole()
    await open.closed()
  }
})

t.test('two children with a plugin each have feeds of the same name that know nothing of each other, and both drain', async (t) => {
  const { port, closeQuietly } = await listen(t, async (app) => {
    await neighbours(app)
    for (const prefix of ['/one', '/two']) {
      await app.register(async (child) => {
        await child.register(eventfeed)
        const feed = child.feed('said')
        child.get('/feed', (_request, reply) => reply.sse(feed.subscribe()))
        child.get('/say', async () => await feed.publish({ event: 'said', data: prefix }))
      }, { prefix })
    }
  })
  const one = await RawClient.get(t, port, '/one/feed')
  const two = await RawClient.get(t, port, '/two/feed')
  for (const client of [one, two]) await client.until('event: stream:bookmark')
  const asking = await RawClient.connect(t, port)
  for (const prefix of ['/one', '/two']) {
    asking.ask(`${prefix}/say`)
    await asking.until(/200 OK[^]*\r\n\r\n/)
    asking.forget()
  }
  await one.until('data: /one')
  await two.until('data: /two')
  t.notMatch(one.text, 'data: /two')
  t.notMatch(two.text, 'data: /one')
  asking.destroy()
  await closeQuietly()
  for (const client of [one, two]) await client.closed()
})
