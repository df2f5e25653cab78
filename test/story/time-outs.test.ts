/** The server's time-outs are for requests: a stream has its own, and gives the connection back as it was. */
import type { Socket } from 'node:net'
import t from 'tap'
import { eventually, RawClient } from './raw-client.ts'
import { serve } from './serve.ts'

/** Apart, because the types of older versions of Fastify 5 do not know the option. */
const HANDLER = { handlerTimeout: 700 }

const never = (): Promise<never> => new Promise(() => {})

t.test('no time-out of the server ends a stream', async (t) => {
  const { app, port } = await serve(t, (app) => {
    const news = app.feed('news')
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/generator', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }))
    app.get('/publish', async () => { await news.publish({ event: 'message', data: 'late' }); return '' })
  }, {}, { connectionTimeout: 700, requestTimeout: 700, keepAliveTimeout: 700, ...HANDLER })
  // they live as long as the server's time-outs are: when two of those have ended, each stream has outlived its own
  const feed = await RawClient.get(t, port, '/feed')
  const generator = await RawClient.get(t, port, '/generator')
  await feed.until('stream:bookmark')
  await generator.until('data: begun')
  for (let i = 0; i < 3; i++) {
    const idle = await RawClient.connect(t, port)
    await idle.closed()
  }
  t.notOk(feed.isClosed || generator.isClosed)
  t.equal(app.eventfeed.stats().connections, 2)
  await app.inject('/publish')
  await feed.until('data: late')
  t.notMatch(generator.text, '0\r\n\r\n')
})

t.test('after a finite stream the same socket serves a next request, with the server\'s time-outs', async (t) => {
  for (const keepAliveTimeout of [600, 0]) {
    for (const path of ['/now', '/later', '/large']) {
      const sockets: Socket[] = []
      const { app, port, ends } = await serve(t, (app) => {
        app.get('/now', (request, reply) => { sockets.push(request.raw.socket); return reply.sse(['one']) })
        app.get('/later', (request, reply) => { sockets.push(request.raw.socket); return reply.sse(async function * () { yield 'one'; await new Promise((resolve) => { setTimeout(resolve, 5) }) }) })
        app.get('/large', (request, reply) => { sockets.push(request.raw.socket); return reply.sse(['L'.repeat(4 * 1024 * 1024)]) })
        app.get('/json', async (request) => { sockets.push(request.raw.socket); return { timeout: request.raw.socket.timeout } })
      }, { writeTimeoutMs: 17_000 }, { connectionTimeout: 5_000 })
      // of the options, 0 is not taken
      app.server.keepAliveTimeout = keepAliveTimeout
      const client = await RawClient.get(t, port, path)
      await client.whole()
      await ends(1)
      t.equal(sockets[0]?.listenerCount('timeout'), 1, 'Node\'s own')
      t.not(sockets[0]?.timeout, 17_000, `${path} with ${keepAliveTimeout}`)
      t.not(sockets[0]?.timeout, 0, `${path} with ${keepAliveTimeout}`)
      client.forget()
      client.ask('/json')
      await client.until('}')
      t.equal(sockets[1], sockets[0])
      t.strictSame(JSON.parse(client.body), { timeout: 5_000 }, `${path} with ${keepAliveTimeout}`)
      client.forget()
      client.ask('/now')
      await client.whole()
      t.match(client.body, 'data: one')
      if (keepAliveTimeout > 0) await client.closed()
      client.destroy()
    }
  }
})

t.test('a reader that takes nothing is cut off', async (t) => {
  let reason: unknown
  const { port, ends, empty } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(function * ({ signal }) {
      signal.addEventListener('abort', () => { reason = signal.reason })
      for (;;) yield 'w'.repeat(256 * 1024)
    }, { writeTimeoutMs: 150 }))
    app.get('/finite', (_request, reply) => reply.sse(['f'.repeat(16 * 1024 * 1024)], { writeTimeoutMs: 150 }))
  })
  for (const [path, ended] of [['/', 1], ['/finite', 2]] as const) {
    const client = await RawClient.get(t, port, path)
    await client.until(/data: [wf]/)
    client.stall()
    await ends(ended)
    client.flow()
    await client.closed()
  }
  t.equal((await ends(2))[0], 'write-timeout')
  t.match(reason, { reason: 'write-timeout' })
  await empty()
})

t.test('a slow one is not, nor one that is quiet', async (t) => {
  const { app, port } = await serve(t, (app) => {
    app.get('/large', (_request, reply) => reply.sse(async function * ({ until }) { yield 's'.repeat(24 * 1024 * 1024); yield 'the-end'; await until(never()) }, { writeTimeoutMs: 1_000 }))
    app.get('/quiet', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }, { writeTimeoutMs: 100 }))
  })
  const quiet = await RawClient.get(t, port, '/quiet')
  await quiet.until('data: begun')
  const slow = await RawClient.get(t, port, '/large')
  const startedAt = performance.now()
  // it reads a little, often, for longer than the time-out
  slow.stall()
  for (let read = 0; performance.now() - startedAt < 2_500 && !slow.isClosed; read++) {
    slow.flow()
    await new Promise((resolve) => { setTimeout(resolve, 2) })
    slow.stall()
    await new Promise((resolve) => { setTimeout(resolve, 60) })
  }
  t.notOk(slow.isClosed)
  slow.flow()
  await eventually(() => slow.length > 24 * 1024 * 1024, 'all of it comes')
  await slow.until('data: the-end')
  t.notOk(quiet.isClosed)
  t.equal(app.eventfeed.stats().connections, 2)
})
