/** Clients over HTTP/2 that leave in ways of which Node says too little, or nothing. */
import type { FastifyServerOptions } from 'fastify'
import { constants } from 'node:http2'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { eventually } from '../story/raw-client.ts'
import { serve, type Served } from '../story/serve.ts'
import { Session } from './http2-session.ts'

// Fastify types servers by their options
const HTTP2 = { http2: true } as FastifyServerOptions
/** All codes of RFC 9113, section 7, and one that is none. */
const CODES = [...Array.from({ length: 14 }, (_, code) => code), 4_711]
const { NGHTTP2_NO_ERROR } = constants

const never = (): Promise<never> => new Promise(() => {})

/** What waits for the client when it leaves, by path. */
const MOMENTS = {
  '/endless': 'while a generator waits for the client',
  '/small': 'while less than a socket\'s buffer waits',
  '/feed': 'while a feed waits for the client',
  '/last-word': 'while the end waits for the client',
  '/set-up': 'before the head',
  '/hook': 'while a hook holds the head back',
  '/quiet': 'when nothing waits'
} as const

interface Moments extends Served { begun (): number, ended (): number }

async function serveMoments (t: Test): Promise<Moments> {
  let begun = 0
  let ended = 0
  const served = await serve(t, (app) => {
    const news = app.feed('news')
    const LARGE = 'l'.repeat(200_000)
    for (let count = 0; count < 5; count++) news.publish({ event: 'message', data: LARGE })
    app.addHook('onSend', async (request) => { if (request.url === '/hook') for (let turns = 0; turns < 50; turns++) await turn() })
    const pathOf = (path: string, source: (until: (promise: Promise<unknown>) => Promise<unknown>) => AsyncGenerator<string>): void => {
      app.get(path, (_request, reply) => reply.sse(async function * ({ until }) {
        begun++
        try { yield * source(until) } finally { ended++ }
      }, path === '/set-up' ? { commitDelayMs: 3_600_000 } : {}))
    }
    pathOf('/endless', async function * () { for (;;) yield LARGE })
    pathOf('/small', async function * (until) { yield 'small'; await until(never()) })
    pathOf('/last-word', async function * () { yield 'the last word' })
    pathOf('/set-up', async function * (until) { await until(never()); yield '' })
    pathOf('/hook', async function * (until) { yield 'begun'; await until(never()) })
    pathOf('/quiet', async function * (until) { await until(never()); yield '' })
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe({ from: 'earliest' })))
    // long enough that no time-out ends what a reset does not
  }, { writeTimeoutMs: 4_000, commitDelayMs: 1 }, HTTP2)
  return { ...served, begun: () => begun, ended: () => ended }
}

for (const [path, moment] of Object.entries(MOMENTS)) {
  t.test(`a reset with any code ${moment} ends the stream`, async (t) => {
    const { app, port, begun, ended, log } = await serveMoments(t)
    let asked = 0
    for (const code of CODES) {
      const client = Session.connect(t, port, { initialWindowSize: 0 })
      const stream = client.ask(path)
      asked++
      if (path === '/set-up' || path === '/hook') await eventually(() => begun() === asked, 'the source begins')
      else await stream.begun()
      await client.ping()
      stream.reset(code)
      await eventually(() => app.eventfeed.stats().connections === 0, `the slot is free after the code ${code}`)
      if (path !== '/feed') await eventually(() => begun() === ended(), 'finally runs')
      client.session.destroy()
    }
    t.equal(app.eventfeed.stats().opened, CODES.length)
    t.strictSame(log.filter(({ level }) => level >= 40), [])
  })
}

t.test('streams that were reset with NO_ERROR while bytes waited do not hold app.close() up', async (t) => {
  const { app, port } = await serveMoments(t)
  const client = Session.connect(t, port, { initialWindowSize: 0 })
  for (const path of ['/endless', '/small', '/feed', '/last-word']) {
    const stream = client.ask(path)
    await stream.begun()
    stream.reset(NGHTTP2_NO_ERROR)
  }
  await client.ping()
  const startedAt = performance.now()
  await app.close()
  t.ok(performance.now() - startedAt < 1_500, 'before the drain is over')
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('a client that leaves with NO_ERROR frees its places, again and again', async (t) => {
  const { app, port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () { for (;;) yield 'x'.repeat(20_000) }))
  }, { maxConnections: 10 }, HTTP2)
  const client = Session.connect(t, port, { initialWindowSize: 0 })
  for (let wave = 0; wave < 20; wave++) {
    const streams = Array.from({ length: 10 }, () => client.ask('/'))
    for (const stream of streams) await stream.begun()
    t.ok(streams.every(({ status }) => status === 200), 'all are admitted')
    for (const stream of streams) stream.reset(NGHTTP2_NO_ERROR)
    await eventually(() => app.eventfeed.stats().connections === 0, 'all places are free')
  }
})
