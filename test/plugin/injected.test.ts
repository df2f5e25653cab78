/** Streams that answer `app.inject`: they end, and their clients leave, as over a socket. */
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { ManualClock } from '../clock.ts'
import { eventually } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

const never = (): Promise<never> => new Promise(() => {})
const eventSource = { accept: 'text/event-stream', 'cache-control': 'no-cache' }
const LIB = new URL('../../lib/index.ts', import.meta.url).href

t.test('under node --test, where nothing else keeps the process alive, every time limit ends an injected stream', async (t) => {
  const file = join(t.testdir(), 'limits.test.ts')
  await writeFile(file, `
import assert from 'node:assert/strict'
import { test } from 'node:test'
import Fastify from ${JSON.stringify(import.meta.resolve('fastify'))}
import eventfeed from ${JSON.stringify(LIB)}
const LIMITS = {
  'max-age': { maxAgeMs: 200 }, idle: { idleTimeoutMs: 200 }, expired: { expiresAt: new Date(Date.now() + 1_000) }, revoked: { recheck: () => false, recheckIntervalMs: 1_000 }
}
for (const [reason, options] of Object.entries(LIMITS)) {
  for (const payloadAsStream of [false, true]) {
    test(reason + ' ' + payloadAsStream, async () => {
      const app = Fastify()
      await app.register(eventfeed)
      const chat = app.feed('chat')
      app.get('/', (_request, reply) => reply.sse(chat.subscribe(), options))
      const response = await app.inject({ url: '/', headers: { accept: 'text/event-stream', 'cache-control': 'no-cache' }, payloadAsStream })
      let text = ''
      for await (const chunk of response.stream()) text += String(chunk)
      assert.match(text, /stream:bookmark/)
      assert.equal(app.eventfeed.stats().ended[reason], 1)
      await app.close()
    })
  }
}
test('a quiet source', async () => {
  const app = Fastify()
  await app.register(eventfeed, { commitDelayMs: 100, heartbeatIntervalMs: 100 })
  app.get('/', (_request, reply) => reply.sse([]))
  const response = await app.inject({ url: '/', headers: { accept: 'text/event-stream', 'cache-control': 'no-cache' }, payloadAsStream: true })
  for await (const chunk of response.stream()) if (String(chunk).includes(':\\n')) break
  await app.close()
})
`)
  const { NODE_TEST_CONTEXT, NODE_OPTIONS, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', import.meta.resolve('tsx'), '--test', '--test-reporter=tap', file], { env })
  t.match(stdout, /^# pass 9$/m)
  t.match(stdout, /^# cancelled 0$/m)
})

t.test('the process is kept alive for as long as an injected stream is open, and no longer', async (t) => {
  const { app } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }))
    app.get('/ends', (_request, reply) => reply.sse(['one']))
    app.get('/fails', (_request, reply) => reply.sse(() => { throw new Error('no') }))
  })
  const timers = (): number => process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length
  const before = timers()
  const response = await app.inject({ url: '/', headers: eventSource, payloadAsStream: true })
  t.equal(timers(), before + 1)
  for (const url of ['/ends', '/fails']) await app.inject({ url, headers: eventSource })
  t.equal(timers(), before + 1, 'others have ended')
  response.stream().destroy()
  await eventually(() => app.eventfeed.stats().connections === 0, 'it has ended')
  t.equal(timers(), before)
})

/** How a test leaves. */
const LEAVINGS: Record<string, (stream: NodeJS.ReadableStream & AsyncIterable<unknown> & { destroy (error?: Error): void }, abort: () => void) => Promise<void>> = {
  'breaks off its loop': async (stream) => { for await (const chunk of stream) if (String(chunk).includes('begun')) break },
  'destroys the stream': async (stream) => { stream.destroy() },
  'destroys the stream with an error': async (stream) => { stream.on('error', () => {}); stream.destroy(new Error('of the test')) },
  'throws in its loop': async (stream) => {
    try { for await (const chunk of stream) if (String(chunk) !== '') throw new Error('of the test') } catch { /* its own */ }
  },
  'aborts its signal': async (stream, abort) => { stream.on('error', () => {}); abort() },
  'aborts its signal within its loop': async (stream, abort) => {
    try { for await (const chunk of stream) if (String(chunk) !== '') abort() } catch { /* the abort */ }
  }
}

for (const [manner, leave] of Object.entries(LEAVINGS)) {
  t.test(`a client that ${manner} has left: the source is closed, nothing is logged as a fault, and close() returns`, async (t) => {
    // it stands still, so close() does not return because its time is over
    const clock = new ManualClock()
    let closed = 0
    const { app, log, ends } = await serve(t, (app) => {
      const feed = app.feed('chat')
      feed.publish({ data: 'begun' })
      app.get('/generator', (_request, reply) => reply.sse(async function * ({ until }) { try { yield 'begun'; await until(never()) } finally { closed++ } }))
      app.get('/feed', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
      app.get('/wrapped', { onSend: async (_request, _reply, payload) => payload }, async (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
    }, { clock })
    let left = 0
    for (const url of ['/generator', '/feed', '/wrapped']) {
      for (const headers of [eventSource, { accept: '*/*' }]) {
        const leaving = new AbortController()
        const { signal } = leaving
        const response = await app.inject({ url, headers, payloadAsStream: true, signal })
        t.equal(response.statusCode, 200)
        await leave(response.stream(), () => { leaving.abort() })
        t.equal((await ends(++left)).at(-1), 'client', url)
      }
    }
    await eventually(() => closed === 2, 'finally runs')
    t.equal(app.feed.get('chat')?.stats().streams, 0)
    await app.close()
    t.strictSame(log.filter(({ level }) => level >= 40), [])
  })
}

t.test('an abort before the end reaches who has injected as an AbortError, and the server as a client that leaves', async (t) => {
  const { app, log, ends } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }))
    app.get('/quiet', (_request, reply) => reply.sse(async function * ({ until }) { await until(never()); yield '' }, { commitDelayMs: 3_600_000 }))
  })
  for (const [index, url] of ['/', '/quiet'].entries()) {
    const leaving = new AbortController()
    const answered = app.inject({ url, headers: eventSource, signal: leaving.signal })
    const rejected = t.rejects(answered, { name: 'AbortError' }, url)
    await eventually(() => app.eventfeed.streams().some(({ route }) => route === `GET ${url}`), 'it has begun')
    leaving.abort()
    await rejected
    t.equal((await ends(index + 1)).at(-1), 'client')
  }
  t.strictSame(log.filter(({ level }) => level >= 40), [])
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('an abort after the end changes nothing', async (t) => {
  const { app, log } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(['one'])) })
  const leaving = new AbortController()
  const response = await app.inject({ url: '/', headers: eventSource, signal: leaving.signal })
  t.match(response.body, 'data: one\n\n')
  leaving.abort()
  await new Promise(setImmediate)
  t.strictSame(log.filter(({ level }) => level >= 40), [])
  t.equal(app.eventfeed.stats().ended.done, 1)
})
