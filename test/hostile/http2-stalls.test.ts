/** Clients over HTTP/2 of whose streams some take nothing: each is cut alone, whatever else happens on its session. */
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { PassThrough, type Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient, standsStill } from '../story/raw-client.ts'
import { serve, type Served } from '../story/serve.ts'
import { get, PREFACE, settings, windowUpdate } from './http2-frames.ts'
import { Session } from './http2-session.ts'

// Fastify types servers by their options
const HTTP2 = { http2: true } as FastifyServerOptions
const WRITE_TIMEOUT_MS = 20_000
/** More than a client that is paused and all between take. */
const LARGE = 'l'.repeat(600_000)

interface Stalls extends Served {
  readonly clock: ManualClock
  publish (text: string): Promise<unknown>
  ended (): number
}

async function serveStalls (t: Test, prepare: (app: FastifyInstance) => void = () => {}): Promise<Stalls> {
  const clock = new ManualClock()
  let ended = 0
  let publish: Stalls['publish'] = async () => {}
  const served = await serve(t, (app) => {
    prepare(app)
    const news = app.feed('news')
    publish = async (data) => await news.publish({ event: 'message', data })
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/endless', (_request, reply) => reply.sse(function * () { try { for (;;) yield 'e'.repeat(20_000) } finally { ended++ } }))
    app.get('/small', (_request, reply) => reply.sse(async function * ({ until }) { try { yield 'small'; await until(new Promise(() => {})) } finally { ended++ } }))
    app.get('/last', (_request, reply) => reply.sse(['last']))
    app.get('/waits', (_request, reply) => reply.sse(async function * ({ until }) { try { yield LARGE; await until(new Promise(() => {})) } finally { ended++ } }))
    app.get('/last-word', (_request, reply) => reply.sse(function * () { try { yield LARGE } finally { ended++ } }))
    app.get('/large', (_request, reply) => reply.sse(['l'.repeat(3_000_000)]))
  }, { clock, writeTimeoutMs: WRITE_TIMEOUT_MS, commitDelayMs: 0, heartbeatIntervalMs: Infinity }, HTTP2)
  return { ...served, clock, publish: (data) => publish(data), ended: () => ended }
}

/** What an `onSend` hook of somebody else's may do. */
const wrap = (app: FastifyInstance): void => {
  app.addHook('onSend', async (_request, _reply, payload) => {
    // what has `pipe` in a payload of Fastify's is a stream
    return typeof payload === 'object' && payload !== null && 'pipe' in payload ? (payload as Readable).pipe(new PassThrough()) : payload
  })
}

for (const [title, prepare] of [['', undefined], [', through a stream of a hook', wrap]] as const) {
  t.test(`a stalled stream is cut within writeTimeoutMs and a quarter, alone, though its session lives${title}`, async (t) => {
    const { app, port, clock, publish, ends, ended } = await serveStalls(t, prepare)
    const client = Session.connect(t, port, { initialWindowSize: 1_000 })
    const lives = client.ask('/feed')
    await lives.until('stream:bookmark')
    const stalled = ['/endless', '/waits', '/last-word'].map((path) => client.ask(path))
    for (const { stream } of stalled) stream.pause()
    for (const stream of stalled) await stream.begun()
    // takes what it has room for, and then nothing
    const full = client.ask('/feed')
    await full.until('stream:bookmark')
    full.stream.pause()
    for (let step = 1; step <= 5; step++) {
      clock.advance(WRITE_TIMEOUT_MS / 4)
      await publish(`step ${step} ${LARGE}`)
      await client.ping()
      await lives.until(`step ${step} `)
    }
    clock.advance(WRITE_TIMEOUT_MS / 4)
    await client.ping()
    clock.advance(WRITE_TIMEOUT_MS / 4)
    await eventually(() => app.eventfeed.stats().connections === 1, 'one is left')
    t.equal(ended(), 3)
    const reasons = await ends(4)
    t.strictSame(reasons, Array(4).fill('write-timeout'))
    for (const stream of [...stalled, full]) {
      stream.stream.resume()
      await eventually(() => stream.isClosed, 'its client sees the end')
    }
    t.notOk(lives.isClosed)
    await publish('after all')
    await lives.until('after all')
  })
}

t.test('of 300 stalled streams on a session none outlives the time-out', async (t) => {
  const { app, port, clock } = await serveStalls(t)
  const client = Session.connect(t, port, { initialWindowSize: 0 })
  const streams = Array.from({ length: 300 }, (_, index) => client.ask(['/endless', '/small', '/last'][index % 3] ?? ''))
  for (const stream of streams) await stream.begun()
  await eventually(() => app.eventfeed.stats().connections === 300, 'all are there')
  // where a write is looked at again and again, each look begins after it
  for (let quarter = 0; quarter < 5; quarter++) {
    await client.ping()
    clock.advance(WRITE_TIMEOUT_MS / 4)
  }
  await eventually(() => app.eventfeed.stats().connections === 0, 'all are cut')
  t.match(app.eventfeed.stats().ended, { 'write-timeout': 200, done: 100 }, 'of the last, the source had ended')
})

t.test('a reader that takes a little of one large event in each time-out keeps its stream', async (t) => {
  const { app, port, clock, ends } = await serveStalls(t)
  const client = Session.connect(t, port, { initialWindowSize: 65_535 })
  const slow = client.ask('/large')
  slow.stream.pause()
  await slow.begun()
  // paused streams are read by hand
  slow.stream.removeAllListeners('data')
  let length = 0
  for (let step = 0; step < 12; step++) {
    for (let wanted = length + 40_000; length < wanted;) {
      const chunk = slow.stream.read() as string | null
      if (chunk === null) await new Promise((resolve) => { setImmediate(resolve) })
      else length += chunk.length
    }
    await client.ping()
    clock.advance(WRITE_TIMEOUT_MS * 0.8)
    await client.ping()
  }
  t.equal(app.eventfeed.stats().connections, 1, 'it lives after ten time-outs')
  for (let quarter = 0; quarter < 5; quarter++) {
    await client.ping()
    clock.advance(WRITE_TIMEOUT_MS / 4)
  }
  t.strictSame(await ends(1), ['write-timeout'], 'and when it takes nothing more, it is cut')
})

t.test('a session whose socket is not read loses all of its streams', async (t) => {
  const { app, port, clock, ended } = await serveStalls(t)
  const WIDE = 2 ** 30
  const client = await RawClient.connect(t, port)
  client.socket.write(Buffer.concat([PREFACE, settings(WIDE), windowUpdate(0, WIDE)]))
  for (let id = 1; id <= 19; id += 2) client.socket.write(get(id, '/endless'))
  await eventually(() => app.eventfeed.stats().connections === 10, 'all are there')
  client.stall()
  await standsStill(() => app.eventfeed.stats().bytes, 'the socket is full')
  for (let quarter = 0; quarter < 6; quarter++) {
    clock.advance(WRITE_TIMEOUT_MS / 4)
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  t.equal(app.eventfeed.stats().connections, 0)
  t.equal(app.eventfeed.stats().ended['write-timeout'], 10)
  t.equal(ended(), 10)
})
