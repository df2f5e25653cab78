/** The client and the plugin: what one says, the other understands. */
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Type } from 'typebox'
import { defineEvents, openFeed, resumingFetch, type FeedState } from '../../lib/client/index.ts'
import type { Feed } from '../../lib/index.ts'
import { eventually } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'
import { all, told } from './servers.ts'

const events = defineEvents({ message: Type.Object({ number: Type.Number() }), text: Type.String() })
/** Retries that cost a test no second. */
const SOON = { firstDelayMs: 5, longestDelayMs: 20 }

t.test('a feed is followed with its types over cuts and kicks: each event once, in order, then a quiet end', async (t) => {
  let chat: Feed<{ message: { number: number }, text: string }> | undefined
  const { app, port } = await serve(t, (app) => {
    const feed = chat = app.feed('chat', { events })
    app.get('/chat', { schema: { events } }, (_request, reply) => reply.sse(feed.subscribe()))
  }, { retryMs: 5 })
  const states: FeedState[] = []
  const feed = openFeed(`http://127.0.0.1:${port}/chat`, { ...SOON, events, onState: (state) => { states.push(state) } })
  const numbers: number[] = []
  const texts: string[] = []
  feed.on('text', ({ data }) => { texts.push(data) })
  const reading = (async () => { for await (const event of feed) if (event.event === 'message') numbers.push(event.data.number) })()
  await eventually(() => app.eventfeed.stats().connections === 1, 'the stream is open')
  for (let number = 1; number <= 300; number++) {
    await chat?.publish({ event: 'message', data: { number } })
    await chat?.publish({ event: 'text', data: `{"${number}` })
    // cut, and then events while the client is away
    if (number % 60 === 20) app.server.closeAllConnections()
    if (number % 60 === 50) app.eventfeed.kick('127.0.0.1', 'test')
    if (number % 30 === 0) await eventually(() => states.filter(({ state }) => state === 'open').length === 1 + number / 30, 'the stream is open again')
  }
  chat?.end()
  await reading
  t.strictSame(numbers, Array.from({ length: 300 }, (_, index) => index + 1))
  t.strictSame(texts, numbers.map((number) => `{"${number}`))
  t.ok(states.filter(({ state }) => state === 'retrying').length >= 10, told(states).join())
  t.strictSame(states.at(-1), { state: 'closed' })
  await eventually(() => app.eventfeed.stats().connections === 0, 'no stream is open')
})

t.test('a restart is told as a gap, and the client goes on with the new server', async (t) => {
  const states: FeedState[] = []
  const routes = (app: Parameters<Parameters<typeof serve>[1]>[0]): void => {
    const feed = app.feed('chat', { events })
    app.get('/chat', { schema: { events } }, (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
    app.post('/chat/:number', async (request) => await feed.publish({ data: { number: Number((request.params as { number: string }).number) } }))
  }
  const first = await serve(t, routes, { drainTimeoutMs: 20 })
  const feed = openFeed(`http://127.0.0.1:${first.port}/chat`, { ...SOON, events, onState: (state) => { states.push(state) } })
  t.teardown(() => { feed.close() })
  const loop = feed[Symbol.asyncIterator]()
  await first.app.inject({ method: 'POST', url: '/chat/1' })
  t.match((await loop.next()).value, { data: { number: 1 } })
  await first.app.close()
  const { default: fastify } = await import('fastify')
  const { default: eventfeed } = await import('../../lib/index.ts')
  const second = fastify()
  await second.register(eventfeed)
  routes(second)
  await second.listen({ port: first.port, host: '127.0.0.1' })
  t.teardown(async () => {
    second.server.closeAllConnections()
    await second.close()
  })
  await second.inject({ method: 'POST', url: '/chat/2' })
  t.match((await loop.next()).value, { data: { number: 2 } })
  t.match(states.find(({ state }) => state === 'gap'), { state: 'gap', reason: 'epoch' })
})

t.test('429 and 503 of a full server are retried until there is room', async (t) => {
  const { app, port } = await serve(t, (app) => {
    const feed = app.feed('chat', { events })
    app.get('/chat', { schema: { events } }, (_request, reply) => reply.sse(feed.subscribe()))
  }, { maxConnectionsPerKey: 1, refuse: 'status' })
  const url = `http://127.0.0.1:${port}/chat`
  const first = openFeed(url, { ...SOON, events })
  first.on('message', () => {})
  await eventually(() => app.eventfeed.stats().connections === 1, 'the first is in')
  const states: FeedState[] = []
  const leaving = new AbortController()
  // a clock of its own: the server asks for seconds
  const clock = { now: () => Date.now(), after: (delayMs: number, run: () => void) => { const timer = setTimeout(run, delayMs > 40_000 ? delayMs : 1); return () => { clearTimeout(timer) } } }
  const second = openFeed(url, { ...SOON, clock, events, signal: leaving.signal, onState: (state) => { states.push(state) } })
  second.on('message', () => {})
  await eventually(() => states.length >= 2, 'the second is refused')
  t.match(states[0], { state: 'retrying', error: { code: 'FST_EVENTFEED_CLIENT_UNAVAILABLE', status: 429 } })
  t.ok(states[0]?.state === 'retrying' && states[0].delayMs >= 1_000, 'it waits as long as the server says')
  first.close()
  await eventually(() => states.some(({ state }) => state === 'open'), 'the second is in')
  leaving.abort()
})

t.test('a run that has failed closes the feed with what the server said; one that was stopped, quietly with its reason', async (t) => {
  const { app, port } = await serve(t, (app) => {
    const runs = app.runs('answers', { events })
    app.get('/:id', { schema: { events } }, (request, reply) => reply.sse(runs.follow((request.params as { id: string }).id)))
    runs.start(async function * () { yield { event: 'text' as const, data: 'a' }; throw new Error('of the model') }, { id: 'failing' })
    runs.start(async function * ({ until }) { yield { event: 'text' as const, data: 'a' }; await until(new Promise(() => {})) }, { id: 'stopped' })
    app.delete('/:id', async (request) => await runs.stop((request.params as { id: string }).id, 'user'))
  })
  app.log.level = 'silent'
  await t.rejects(all(openFeed(`http://127.0.0.1:${port}/failing`, { ...SOON, events })), { code: 'FST_EVENTFEED_CLIENT_FAILED', serverCode: 'FST_EVENTFEED_RUN_FAILED' })
  const states: FeedState[] = []
  const feed = openFeed(`http://127.0.0.1:${port}/stopped`, { ...SOON, events, onState: (state) => { states.push(state) } })
  for await (const { event } of feed) if (event === 'text') await app.inject({ method: 'DELETE', url: '/stopped' })
  t.strictSame(states.at(-1), { state: 'closed', reason: 'user' })
  await t.rejects(all(openFeed(`http://127.0.0.1:${port}/unknown`, { events })), { code: 'FST_EVENTFEED_CLIENT_REFUSED', status: 404 })
})

t.test('who asks for control events by the parameter gets it back in the type, on streams that have them alone', async (t) => {
  const { port } = await serve(t, (app) => {
    app.all('/auto', (_request, reply) => reply.sse(['a']))
    app.all('/none', (_request, reply) => reply.sse(['a'], { control: 'none' }))
    app.all('/words', (_request, reply) => reply.sse(['a'], { control: () => undefined }))
    app.all('/late', (_request, reply) => reply.sse(async function * () { throw new Error('too late') }))
  })
  const typeOf = async (path: string, method: string, accept: string): Promise<string | null> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers: { accept } })
    await response.text()
    return response.headers.get('content-type')
  }
  const PLAIN = 'text/event-stream; charset=utf-8'
  for (const method of ['GET', 'POST']) {
    t.equal(await typeOf('/auto', method, '*/*, text/event-stream;control=events'), `${PLAIN}; control=events`)
    t.equal(await typeOf('/auto', method, 'text/event-stream'), PLAIN, 'an EventSource')
    t.equal(await typeOf('/auto', method, '*/*'), PLAIN)
    for (const path of ['/none', '/words']) t.equal(await typeOf(path, method, 'text/event-stream;control=events'), PLAIN, path)
    t.equal(await typeOf('/late', method, 'text/event-stream;control=events'), 'application/json; charset=utf-8', 'an error')
  }
})

t.test('resumingFetch: an answer to a POST is whole over cuts, and a drain, a kick or a failure of a plain stream is no end', async (t) => {
  const { app, port } = await serve(t, (app) => {
    const runs = app.runs('answers', { events })
    app.post('/answers', async (_request, reply) => {
      const { id } = runs.start(async function * () {
        for (let number = 1; number <= 100; number++) {
          yield { data: { number } }
          await sleep(1)
        }
      })
      reply.header('content-location', `/answers/${id}`)
      return reply.sse(runs.follow(id))
    })
    app.get('/answers/:id', (request, reply) => reply.sse(runs.follow((request.params as { id: string }).id)))
    app.post('/plain', (_request, reply) => reply.sse(async function * ({ until }) { yield 'a'; await until(new Promise(() => {})) }))
    app.post('/words', (_request, reply) => reply.sse(['a'], { control: () => undefined }))
  })
  const origin = `http://127.0.0.1:${port}`
  const send = resumingFetch(SOON)
  const cutting = setInterval(() => { app.server.closeAllConnections() }, 50)
  t.teardown(() => { clearInterval(cutting) })
  // the first answer may be cut before its head is there: it is not repeated, so this asks until one is
  let response: Response | undefined
  while (response === undefined) response = await send(`${origin}/answers`, { method: 'POST' }).catch(() => undefined)
  const text = await response.text()
  clearInterval(cutting)
  t.strictSame([...text.matchAll(/"number":(\d+)/g)].map(([, number]) => Number(number)), Array.from({ length: 100 }, (_, index) => index + 1))
  t.notMatch(text, 'stream:')

  const plain = await send(`${origin}/plain`, { method: 'POST' })
  const reading = plain.text()
  await eventually(() => app.eventfeed.kick('127.0.0.1', 'test') > 0, 'the stream is kicked')
  await t.rejects(reading, { code: 'FST_EVENTFEED_CLIENT_CUT' })
  t.equal(await (await send(`${origin}/words`, { method: 'POST' })).text(), 'data: a\n\n', 'a route with words of its own ends as it says')
})
