/** Mistakes of a handler beside `reply.sse`: whatever the source, the same clear error, and nothing of the stream is left. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { Readable } from 'node:stream'
import t from 'tap'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

const never = (): Promise<never> => new Promise(() => {})

/** A source, and how to see that nothing of it is open. */
interface Made { readonly source: unknown, readonly isClosed: () => boolean }

/** Each kind of source. */
const SOURCES: Record<string, (app: FastifyInstance) => Made> = {
  'a feed': (app) => {
    const feed = app.feed.get('chat') ?? app.feed('chat')
    return { source: feed.subscribe({ from: 'earliest' }), isClosed: () => feed.stats().streams === 0 }
  },
  'a feed with history': (app) => {
    const feed = app.feed.get('full') ?? app.feed('full')
    for (let n = 0; n < 10; n++) feed.publish({ data: n })
    return { source: feed.subscribe({ from: 'earliest', where: ({ data }) => data !== 3 }), isClosed: () => feed.stats().streams === 0 }
  },
  'several feeds': (app) => {
    const feeds = ['a', 'b'].map((name) => app.feed.get(name) ?? app.feed(name))
    return { source: feeds.map((feed) => feed.subscribe()), isClosed: () => feeds.every((feed) => feed.stats().streams === 0) }
  },
  'a function that gives a feed': (app) => {
    const feed = app.feed.get('chat') ?? app.feed('chat')
    return { source: async () => feed.subscribe(), isClosed: () => feed.stats().streams === 0 }
  },
  'a run': (app) => {
    const runs = app.runs(`runs-${Math.random()}`)
    const { id } = runs.start(async function * () { yield 'one' })
    return { source: runs.follow(id), isClosed: () => Object.values(app.eventfeed.stats().runs).every(({ streams }) => streams === 0) }
  },
  'several runs': (app) => {
    const runs = app.runs(`runs-${Math.random()}`)
    return { source: runs.follow([runs.start(() => ['one']).id, 'later']), isClosed: () => Object.values(app.eventfeed.stats().runs).every(({ streams }) => streams === 0) }
  },
  'an async generator function': () => {
    let open = 0
    return { source: async function * ({ until }: { until: (promise: Promise<never>) => Promise<never> }) { open++; try { yield 'one'; await until(never()) } finally { open-- } }, isClosed: () => open === 0 }
  },
  'an async generator that waits': () => {
    let open = 0
    return { source: async function * ({ until }: { until: (promise: Promise<never>) => Promise<never> }) { open++; try { await until(never()) } finally { open-- } }, isClosed: () => open === 0 }
  },
  'a generator': () => {
    let open = 0
    return { source: function * () { open++; try { for (;;) yield 'one' } finally { open-- } }, isClosed: () => open === 0 }
  },
  'an array of events': () => ({ source: ['one', 'two'], isClosed: () => true }),
  'no event, for ever': () => ({ source: [], isClosed: () => true }),
  'a Node stream': () => {
    const source = Readable.from(['one\n', 'two\n'])
    return { source, isClosed: () => source.destroyed }
  },
  'a quiet Node stream': () => {
    const source = new Readable({ read () {} })
    return { source, isClosed: () => source.destroyed }
  },
  'a web stream': () => {
    let isClosed = false
    return { source: new ReadableStream({ start (controller) { controller.enqueue('one\n') }, cancel () { isClosed = true } }), isClosed: () => isClosed }
  }
}

interface Mistake {
  /** What the handler does; `make` gives one more source. */
  readonly handler: (reply: FastifyReply, make: () => never) => unknown
  readonly code: string
  readonly message: RegExp
  /** What is answered, where that is not the error: then it is in the log. */
  readonly answer?: string
}

const BESIDE = (what: string): RegExp =>
  new RegExp(`^the handler of GET /\\S+ called reply\\.sse\\(\\), and then returned, sent or threw ${what}: a reply is one answer\\. Write \`return reply\\.sse\\(…\\)\`, and answer nothing beside it$`)
const FORGOTTEN = /^the async handler of GET \/\S+ called reply\.sse\(\) but did not return its result, so Fastify answered in its place: write `return reply\.sse\(…\)`$/
const TWICE = /^reply\.sse\(\) was called twice by the handler of GET \/\S+: a reply is one event stream; give an array of subscriptions to merge feeds$/
const SENT = /^reply\.sse\(\) was called by the handler of GET \/\S+ after the reply was sent: call it instead of reply\.send\(\), not after it$/

const NO_ERROR: unknown = { statusCode: 418 }

const MISTAKES: Record<string, Mistake> = {
  'calls reply.sse twice': { handler: (reply, make) => { reply.sse(make()); return reply.sse(make()) }, code: 'ALREADY_STREAMING', message: TWICE },
  'calls reply.sse twice, and is async': { handler: async (reply, make) => { reply.sse(make()); return reply.sse(make()) }, code: 'ALREADY_STREAMING', message: TWICE },
  'is async, and forgets to return': { handler: async (reply, make) => { reply.sse(make()) }, code: 'NOT_RETURNED', message: FORGOTTEN },
  'is async, and forgets to return after a wait': { handler: async (reply, make) => { await Promise.resolve(); reply.sse(make()) }, code: 'NOT_RETURNED', message: FORGOTTEN },
  'is async, and waits a moment before it forgets to return': { handler: async (reply, make) => { reply.sse(make()); for (let n = 0; n < 20; n++) await Promise.resolve() }, code: 'NOT_RETURNED', message: FORGOTTEN },
  'is async, and returns something else': { handler: async (reply, make) => { reply.sse(make()); return { other: true } }, code: 'NOT_RETURNED', message: BESIDE('an object') },
  'returns something else': { handler: (reply, make) => { reply.sse(make()); return 'other' }, code: 'NOT_RETURNED', message: BESIDE('a string') },
  'returns null': { handler: async (reply, make) => { reply.sse(make()); return null }, code: 'NOT_RETURNED', message: BESIDE('null') },
  'calls reply.send after it': { handler: (reply, make) => { reply.sse(make()); return reply.send({ other: true }) }, code: 'NOT_RETURNED', message: BESIDE('an object') },
  'is async, and calls reply.send after it': { handler: async (reply, make) => { reply.sse(make()); return await reply.send('other') }, code: 'NOT_RETURNED', message: BESIDE('a string') },
  'throws what is no error': { handler: async (reply, make) => { reply.sse(make()); throw NO_ERROR }, code: 'NOT_RETURNED', message: BESIDE('an object') },
  'calls reply.send before it': { handler: (reply, make) => { reply.send('sent'); return reply.sse(make()) }, code: 'REPLY_SENT', message: SENT, answer: 'sent' },
  'is async, and calls reply.send before it': { handler: async (reply, make) => { reply.send('sent'); return reply.sse(make()) }, code: 'REPLY_SENT', message: SENT, answer: 'sent' }
}

for (const [mistake, { handler, code, message, answer }] of Object.entries(MISTAKES)) {
  t.test(`a handler that ${mistake}: the same error for every source, which is closed, and its slot is free`, async (t) => {
    const made: Made[] = []
    let kind = ''
    const { app, port, log, empty } = await serve(t, (app) => {
      const make = (): never => {
        const one = SOURCES[kind]?.(app) as Made // the kinds are the table's own
        made.push(one)
        return one.source as never // of any kind, as a mistake may be
      }
      app.get('/:kind', async (_request, reply) => handler(reply, make))
      app.get('/:kind/sync', (_request, reply) => handler(reply, make))
      app.get('/good', (_request, reply) => reply.sse(['good']))
    }, { maxConnections: 1 })
    for (kind of Object.keys(SOURCES)) {
      // a handler that is not async need not return
      for (const path of message === FORGOTTEN ? ['/it'] : ['/it', '/it/sync']) {
        const client = await RawClient.get(t, port, path, { accept: '*/*' })
        await client.until(answer ?? '}')
        t.equal(client.status, answer === undefined ? 500 : 200, kind)
        const error = answer === undefined ? JSON.parse(client.body) as { code: string, message: string } : log.findLast(({ err }) => err?.code === `FST_EVENTFEED_${code}`)?.err
        t.equal(error?.code, `FST_EVENTFEED_${code}`, kind)
        t.match(error?.message, message, kind)
        client.forget()
        client.ask('/good')
        await client.until('data: good')
        t.equal(client.status, 200, `${kind}: the connection and the slot are free`)
        client.destroy()
        await eventually(() => made.every(({ isClosed }) => isClosed()), `${kind} is closed`)
      }
    }
    t.equal(app.eventfeed.stats().connections, 0)
    await empty()
  })
}

t.test('a handler that returns its stream may wait before and after it: every source is sent', async (t) => {
  const { app, port } = await serve(t, (app) => {
    for (const [index, make] of Object.values(SOURCES).entries()) {
      const give = (): never => make(app).source as never // of any kind
      app.get(`/sync/${index}`, (_request, reply) => reply.sse(give()))
      app.get(`/async/${index}`, async (_request, reply) => reply.sse(give()))
      app.get(`/awaits/${index}`, async (_request, reply) => { await new Promise(setImmediate); return await reply.sse(give()) })
      app.get(`/nothing/${index}`, (_request, reply) => { reply.sse(give()) })
      app.get(`/reply/${index}`, async (_request, reply) => { reply.sse(give()); return reply })
    }
  })
  for (const way of ['sync', 'async', 'awaits', 'nothing', 'reply']) {
    for (const index of Object.keys(SOURCES).keys()) {
      const client = await RawClient.get(t, port, `/${way}/${index}`, { accept: '*/*' })
      await client.until('\r\n\r\n')
      t.equal(client.status, 200, `${way}: ${Object.keys(SOURCES)[index] ?? ''}`)
      client.destroy()
    }
  }
  await eventually(() => app.eventfeed.stats().connections === 0, 'all have left')
})

t.test('what a hook or a time-out sends in place of a stream that was returned goes out as it is', async (t) => {
  const clock = new ManualClock()
  let replyOf: FastifyReply | undefined
  const { app, port } = await serve(t, (app) => {
    app.get('/', async (_request, reply) => { replyOf = reply; return reply.sse(async function * ({ until }) { await until(never()); yield '' }) })
  }, { clock })
  const client = await RawClient.get(t, port, '/')
  await eventually(() => app.eventfeed.stats().connections === 1, 'its source runs')
  await new Promise(setImmediate)
  replyOf?.code(503).send({ late: true })
  await client.until('{"late":true}')
  t.equal(client.status, 503)
  client.destroy()
})
