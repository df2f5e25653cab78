import { EventSourceParserStream } from 'eventsource-parser/stream'
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Type } from 'typebox'
import eventfeed from '../../lib/index.ts'
import { nginx } from '../programs.ts'
import { startNginx } from './nginx-server.ts'

const EVENTS = 50

t.test('behind nginx with its default buffering, every event of a feed arrives while the stream is open', { skip: nginx.skip }, async (t) => {
  const app = await openApp(t)
  const feed = app.feed('prices', { events: { price: Type.Number() } })
  app.get('/prices', (_request, reply) => reply.sse(feed.subscribe()))
  const stream = await open(t, `${await startNginx(t, await app.listen({ host: '127.0.0.1', port: 0 }))}/prices`)

  t.match(await stream.next(), { event: 'stream:bookmark' }, 'the head and the first bytes come without an event')
  const delays: number[] = []
  for (let count = 1; count <= EVENTS; count++) {
    const publishedAt = performance.now()
    const id = await feed.publish({ event: 'price', data: count })
    // the next event is published when this one has arrived, so nothing behind it can have pushed it through
    t.strictSame(await stream.next(), { event: 'price', data: String(count), id })
    delays.push(performance.now() - publishedAt)
  }
  t.equal(app.eventfeed.stats().connections, 1, 'the stream is still open')
  t.comment(`through nginx, from publish to the client: ${summary(delays)}`)
})

t.test('behind nginx with its default buffering, every event of a generator arrives before the next is made', { skip: nginx.skip }, async (t) => {
  const app = await openApp(t)
  let arrived = () => {}
  app.get('/steps', (_request, reply) => reply.sse(async function * ({ until }) {
    for (let step = 1; step <= EVENTS; step++) {
      const arrival = new Promise<void>((resolve) => { arrived = resolve })
      yield { event: 'step', data: step, id: step }
      await until(arrival)
    }
  }))
  const stream = await open(t, `${await startNginx(t, await app.listen({ host: '127.0.0.1', port: 0 }))}/steps`)

  for (let step = 1; step <= EVENTS; step++) {
    t.strictSame(await stream.next(), { event: 'step', data: String(step), id: String(step) })
    arrived()
  }
  t.match(await stream.next(), { event: 'stream:done' })
  t.equal(await stream.next(), undefined, 'the end arrives too')
})

t.test('a client that leaves nginx ends its stream in the app', { skip: nginx.skip }, async (t) => {
  const app = await openApp(t)
  const left = new Promise((resolve) => {
    app.get('/endless', (_request, reply) => reply.sse(async function * ({ signal, until }) {
      signal.addEventListener('abort', () => resolve(signal.reason))
      yield 'here'
      await until(new Promise(() => {}))
    }))
  })
  const stream = await open(t, `${await startNginx(t, await app.listen({ host: '127.0.0.1', port: 0 }))}/endless`)

  t.match(await stream.next(), { data: 'here' })
  stream.leave()
  t.ok(await left, 'its signal is aborted')
})

async function openApp (t: Test) {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(eventfeed, { drainTimeoutMs: 500 })
  return app
}

/** Opens a stream; `next` gives its next event, and `undefined` at its end. It closes when the test ends, if not before. */
async function open (t: Test, url: string) {
  const leaving = new AbortController()
  t.teardown(() => leaving.abort())
  const response = await fetch(url, { headers: { accept: 'text/event-stream' }, signal: leaving.signal })
  t.match(response.headers.get('server'), /^nginx/)
  if (response.status !== 200 || response.body === null) throw new Error(`${response.status}: ${await response.text()}`)
  const reader = response.body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream()).getReader()
  return {
    next: async () => (await reader.read()).value,
    leave: () => leaving.abort()
  }
}

function summary (delays: number[]): string {
  const sorted = delays.toSorted((a, b) => a - b)
  const shown = (delay: number | undefined) => `${delay?.toFixed(1)} ms`
  return `median ${shown(sorted[Math.floor(sorted.length / 2)])}, longest ${shown(sorted.at(-1))} of ${sorted.length} events`
}
