/** The commit: hooks run, headers of other plugins count, and the head is out before the first event. */
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import type { ServerResponse } from 'node:http'
import { setImmediate as turn } from 'node:timers/promises'
import { PassThrough, type Readable } from 'node:stream'
import { queryObjects } from 'node:v8'
import t from 'tap'
import { Carrier } from '../../lib/stream/carrier-writer.ts'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient, standsStill } from './raw-client.ts'
import { serve } from './serve.ts'

const never = (): Promise<never> => new Promise(() => {})

t.test('the headers', async (t) => {
  const { port } = await serve(t, async (app) => {
    await app.register(cors, { origin: 'https://page.example', credentials: true })
    await app.register(helmet)
    await app.register(cookie)
    app.addHook('onSend', async (_request, reply) => { await turn(); reply.header('x-hook', 'ran') })
    app.get('/', (_request, reply) => { reply.setCookie('crumb', 'yes').header('x-mine', 'set'); return reply.sse(['one']) })
  })
  const client = await RawClient.get(t, port, '/', { origin: 'https://page.example', connection: 'close' })
  await client.closed()
  for (const header of [
    'content-type: text/event-stream; charset=utf-8; control=events', 'cache-control: no-cache, no-transform', 'x-accel-buffering: no', 'transfer-encoding: chunked', 'connection: close',
    'access-control-allow-origin: https://page.example', 'access-control-allow-credentials: true', 'x-frame-options: sameorigin', 'x-hook: ran', 'x-mine: set'
  ]) t.ok(client.head.includes(header), header)
  t.match(client.head.join('\n'), /^set-cookie: crumb=yes/m)
  t.equal(client.head.filter((line) => line.startsWith('connection:')).length, 1, 'Node\'s own alone')
  t.equal(client.head.filter((line) => line.startsWith('content-length')).length, 0)
  t.match(client.body, /^retry: \d+\ndata: one\n\n/)
})

t.test('of cache-control what is stricter stays, and what is missing is added', async (t) => {
  const pairs: Array<[string | string[], string]> = [
    ['private, no-store', 'private, no-store, no-cache, no-transform'],
    ['no-store', 'no-store, no-cache, no-transform'],
    ['no-cache', 'no-cache, no-transform'],
    ['No-Transform, NO-CACHE', 'no-cache, no-transform'],
    ['public, max-age=3600, s-maxage = 5, immutable, stale-while-revalidate=60', 'no-cache, no-transform'],
    ['private="set-cookie, x-mine", must-revalidate, max-age="1, 2"', 'private="set-cookie, x-mine", must-revalidate, no-cache, no-transform'],
    ['no-cache="set-cookie", private', 'private, no-cache, no-transform'],
    [['private', 'no-store'], 'private, no-store, no-cache, no-transform'],
    ['', 'no-cache, no-transform'],
    [' , ,', 'no-cache, no-transform']
  ]
  let value: string | string[] = ''
  const { app } = await serve(t, (app) => {
    app.get('/', { exposeHeadRoute: true }, (_request, reply) => reply.header('cache-control', value).sse(['one']))
    app.get('/raw', (_request, reply) => { reply.raw.setHeader('cache-control', 'private'); return reply.sse(['one']) })
  })
  for (const [given, sent] of pairs) {
    value = given
    for (const method of ['GET', 'HEAD'] as const) t.equal((await app.inject({ method, url: '/' })).headers['cache-control'], sent, `${method} ${String(given)}`)
  }
  t.equal((await app.inject('/raw')).headers['cache-control'], 'private, no-cache, no-transform')
})

t.test('the head is out before the first event', async (t) => {
  const clock = new ManualClock()
  const { app, port } = await serve(t, (app) => {
    app.get('/delay', (_request, reply) => reply.sse(async function * ({ until }) { await until(never()); yield '' }))
    app.get('/zero', (_request, reply) => reply.sse(async function * ({ until }) { await until(never()); yield '' }, { commitDelayMs: 0 }))
    app.get('/ready', (_request, reply) => reply.sse(async function * ({ until, ready }) { ready(); ready(); await until(never()); yield '' }))
    app.get('/ready-function', (_request, reply) => reply.sse(async ({ until, ready }) => { ready(); return await until(new Promise<string[]>(() => {})) }))
    app.get('/feed', (_request, reply) => reply.sse(app.feed('quiet').subscribe()))
  }, { clock, retryMs: 1_000 })
  for (const path of ['/ready', '/ready-function', '/feed']) {
    const client = await RawClient.get(t, port, path)
    await client.until('retry: ')
    t.match(client.body, /^retry: 1[0-5]\d\d\n/, path)
    client.destroy()
  }
  await eventually(() => app.eventfeed.stats().connections === 0, 'they have left')
  const client = await RawClient.get(t, port, '/delay')
  await eventually(() => app.eventfeed.stats().connections === 1, 'it is there')
  clock.advance(48)
  await app.inject('/nothing')
  t.equal(client.text, '', 'not before its time')
  clock.advance(2)
  await client.until('retry: ')
  const zero = await RawClient.get(t, port, '/zero')
  await eventually(() => app.eventfeed.stats().connections === 2, 'it is there')
  clock.advance(1)
  await zero.until('retry: ')
})

t.test('an onSend hook that wraps the payload in a stream, with its backpressure', async (t) => {
  let yielded = 0
  let isDone = false
  const { app, port, empty } = await serve(t, (app) => {
    app.addHook('onSend', async (_request, reply, payload) => {
      reply.header('x-wrapped', 'yes')
      return (payload as Readable).pipe(new PassThrough())
    })
    app.get('/', (_request, reply) => reply.sse(['one', 'two']))
    app.get('/large', (_request, reply) => reply.sse(function * () {
      try { for (;;) { yielded++; yield 'l'.repeat(64 * 1024) } } finally { isDone = true }
    }))
    app.get('/open', (_request, reply) => reply.sse(async function * ({ until }) { try { yield 'begun'; await until(never()) } finally { isDone = true } }))
  })
  const finite = await RawClient.get(t, port, '/')
  await finite.whole()
  t.ok(finite.head.includes('x-wrapped: yes'))
  t.match(finite.body, /^retry: \d+\ndata: one\n\ndata: two\n\nevent: stream:done\n/)
  finite.forget()
  finite.ask('/')
  await finite.whole()
  t.match(finite.body, 'data: two', 'the connection stays usable')
  finite.destroy()

  const open = await RawClient.get(t, port, '/open')
  await open.until('data: begun')
  open.destroy()
  await eventually(() => isDone, 'finally runs')

  isDone = false
  const large = await RawClient.get(t, port, '/large')
  await large.until('data: l')
  large.stall()
  const before = await standsStill(() => yielded, 'the generator stands still')
  large.flow()
  await eventually(() => yielded > before, 'it goes on')
  large.destroy()
  await eventually(() => isDone, 'finally runs')
  await empty()
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('an onSend hook that fails gives its error; one that replaces the payload answers; the source is cancelled', async (t) => {
  let finals = 0
  const source = async function * ({ until }: { until: (promise: Promise<never>) => Promise<never> }): AsyncGenerator<string> { try { yield 'begun'; await until(never()) } finally { finals++ } }
  const { app, port, empty, log } = await serve(t, (app) => {
    const fails = async (_request: unknown, _reply: unknown, payload: unknown): Promise<unknown> => {
      await turn()
      if (typeof payload === 'string') return payload
      throw Object.assign(new Error('the hook failed'), { statusCode: 409 })
    }
    app.get('/fails', { onSend: fails }, (_request, reply) => reply.sse(source))
    app.get('/replaces', { onSend: async () => 'another answer' }, (_request, reply) => reply.sse(source))
    app.get('/empties', { onSend: async () => null }, (_request, reply) => reply.sse(source))
    app.get('/slow', { onSend: async () => { await never() } }, (_request, reply) => reply.sse(source))
  })
  const fails = await RawClient.get(t, port, '/fails')
  await fails.until('}')
  t.equal(fails.status, 409)
  t.match(JSON.parse(fails.body), { message: 'the hook failed' })
  await eventually(() => finals === 1, 'finally runs')
  const replaces = await RawClient.get(t, port, '/replaces')
  await replaces.until('another answer')
  await eventually(() => finals === 2, 'finally runs')
  const empties = await RawClient.get(t, port, '/empties')
  await empties.until('\r\n\r\n')
  await eventually(() => finals === 3, 'finally runs')
  const slow = await RawClient.get(t, port, '/slow')
  await eventually(() => app.eventfeed.stats().connections === 1, 'it is there')
  slow.destroy()
  await eventually(() => finals === 4, 'finally runs when the client leaves meanwhile')
  for (const client of [fails, replaces, empties]) client.destroy()
  await empty()
  t.ok(log.length > 0)
})

t.test('an open stream that was committed at once keeps nothing of Fastify\'s watch over it; what hooks have put on the response stays', async (t) => {
  const streams = 20
  const responses: ServerResponse[] = []
  const heard: string[] = []
  let end = (): unknown => undefined
  const { port, empty, log } = await serve(t, (app) => {
    const news = app.feed('news')
    end = () => news.end()
    app.addHook('onSend', (_request, reply, payload, done) => {
      responses.push(reply.raw)
      reply.raw.on('close', () => { heard.push('response') }).on('finish', () => {})
      ;(payload as Readable).on('end', () => { heard.push('payload') }) // a stream's
      done()
    })
    app.get('/', (_request, reply) => reply.sse(news.subscribe()))
  })
  const clients = await Promise.all(Array.from({ length: streams }, () => RawClient.get(t, port, '/')))
  for (const client of clients) await client.until('stream:bookmark')
  t.strictSame(heard, Array(streams).fill('payload'), 'to a hook the payload has ended')
  for (const response of responses) {
    // the hook's and the plugin's; for errors the plugin's, and that by which Fastify logs them
    t.strictSame([response.listenerCount('end'), response.listenerCount('close'), response.listenerCount('error')], [0, 2, 2])
  }
  await eventually(() => queryObjects(Carrier, { format: 'count' }) < streams / 2, 'the payloads are collected')
  heard.length = 0
  clients.pop()?.destroy()
  await eventually(() => heard.length === 1, 'the hook hears of a client that leaves')
  await end()
  for (const client of clients) {
    await client.until('stream:done')
    client.destroy()
  }
  await empty()
  t.strictSame(heard, Array(streams).fill('response'))
  t.strictSame(log.filter(({ level }) => level >= 40), [])
})

t.test('inject', async (t) => {
  let isDone = false
  let reason: unknown
  const { app, ends } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(['one']))
    app.get('/open', (_request, reply) => reply.sse(async function * ({ until, signal }) {
      try { yield 'begun'; await until(never()) } finally { isDone = true; reason = signal.reason }
    }))
  })
  const whole = await app.inject({ url: '/', headers: { accept: 'text/event-stream' } })
  t.match(whole.body, /^retry: \d+\ndata: one\n\nevent: stream:done\ndata: \{\}\nid: ~done\.\n\n$/)
  const leaving = new AbortController()
  const response = await app.inject({ url: '/open', payloadAsStream: true, signal: leaving.signal })
  t.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8')
  let text = ''
  response.stream().setEncoding('utf8').on('data', (chunk: string) => { text += chunk }).on('error', () => {})
  await eventually(() => text.includes('data: begun'), 'the event comes')
  leaving.abort()
  await eventually(() => isDone, 'finally runs')
  t.match(reason, { reason: 'client' })
  t.strictSame((await ends(2)).at(-1), 'client')
  t.equal(app.eventfeed.stats().connections, 0)
})
