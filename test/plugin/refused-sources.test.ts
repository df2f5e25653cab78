/** A source that was handed over and is not started, for whatever reason, is closed: nothing of it stays open, and nothing it does ends the process. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { EventEmitter, on } from 'node:events'
import { createReadStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { EventfeedOptions } from '../../lib/index.ts'
import { canCountDescriptors, descriptors } from '../hostile/process.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { openSockets, serve } from '../story/serve.ts'

const FILE = fileURLToPath(import.meta.url)
const never = (): Promise<never> => new Promise(() => {})

interface Watched { source: unknown, isClosed: () => boolean, more?: () => void }

/** What may be handed over, and how to see that it was closed. */
const KINDS: Record<string, () => Watched> = {
  'a Readable': () => {
    const source = new Readable({ read () {} })
    return { source, isClosed: () => source.destroyed }
  },
  'a Readable that fails': () => {
    const source = new Readable({ read () {}, destroy (_error, done) { setImmediate(() => { done(new Error('closing failed')) }) } })
    return { source, isClosed: () => source.destroyed }
  },
  'a web stream': () => {
    let isClosed = false
    return { source: new ReadableStream({ cancel () { isClosed = true } }), isClosed: () => isClosed }
  },
  'a web stream whose cancel() rejects': () => {
    let isClosed = false
    return { source: new ReadableStream({ async cancel () { isClosed = true; throw new Error('closing failed') } }), isClosed: () => isClosed }
  },
  'a locked web stream': () => {
    const source = new ReadableStream({})
    source.getReader()
    return { source, isClosed: () => true }
  },
  'events.on': () => {
    const emitter = new EventEmitter()
    return { source: on(emitter, 'event'), isClosed: () => emitter.listenerCount('event') === 0 && emitter.listenerCount('error') === 0 }
  },
  'an async generator that has not begun': () => {
    const source = (async function * () { yield 'no' })()
    let isClosed = false
    return { source, isClosed: () => { source.next().then(({ done }) => { isClosed = done === true }, () => {}); return isClosed } }
  },
  'a generator that has begun': () => {
    let isClosed = false
    const source = (function * () { try { yield 'first'; yield 'no' } finally { isClosed = true } })()
    source.next()
    return { source, isClosed: () => isClosed }
  },
  'an iterator whose return() throws': () => {
    let isClosed = false
    return { source: { next: never, return () { isClosed = true; throw new Error('closing failed') }, [Symbol.asyncIterator] () { return this } }, isClosed: () => isClosed }
  },
  'an iterator whose return() rejects': () => {
    let isClosed = false
    return { source: { next: never, async return () { isClosed = true; throw new Error('closing failed') }, [Symbol.asyncIterator] () { return this } }, isClosed: () => isClosed }
  },
  'an iterator whose return() never settles': () => {
    let isClosed = false
    return { source: { next: never, return () { isClosed = true; return never() }, [Symbol.asyncIterator] () { return this } }, isClosed: () => isClosed }
  },
  'an iterable that cannot be iterated': () => ({ source: { [Symbol.asyncIterator] () { throw new Error('no iterator') } }, isClosed: () => true }),
  'a function': () => ({ source: () => { throw new Error('it was called') }, isClosed: () => true }),
  nothing: () => ({ source: undefined, isClosed: () => true })
}

interface Refusal {
  options?: EventfeedOptions
  /** What the handler does in place of `reply.sse(source)`. */
  handler?: (reply: FastifyReply, source: never) => unknown
  method?: string
  headers?: Record<string, string>
  status: number
}

function streams (reply: FastifyReply, source: never): unknown {
  return reply.sse(source)
}

/** All ways in which `reply.sse` does not start what it was given. */
const REFUSALS: Record<string, Refusal> = {
  'that does not accept event streams': { headers: { accept: 'application/json' }, status: 406 },
  'by HEAD': { method: 'HEAD', status: 200 },
  'of a client that has seen the end': { headers: { 'last-event-id': '~done.' }, status: 204 },
  'over maxConnections': { headers: { accept: '*/*' }, options: { maxConnections: 0 }, status: 503 },
  'over maxConnections, by retry': { options: { maxConnections: 0, refuse: 'retry' }, status: 200 },
  'over maxConnectionsPerKey': { headers: { accept: '*/*' }, options: { maxConnectionsPerKey: 0 }, status: 429 },
  'with a bad option': { handler: (reply, source) => reply.sse(source, { retryMs: -1 }), status: 500 },
  'whose key cannot be had': { options: { connectionKey: () => { throw new Error('no key') } }, status: 500 },
  'whose second call of reply.sse it is': { handler: (reply, source) => { reply.sse(async function * ({ until }) { await until(never()); yield '' }); return reply.sse(source) }, status: 500 },
  'whose reply was sent': { handler: (reply, source) => { reply.send('sent'); return reply.sse(source) }, status: 200 }
}

for (const [refusal, { options = {}, handler = streams, method = 'GET', headers = {}, status }] of Object.entries(REFUSALS)) {
  t.test(`a request ${refusal}: its source is closed`, async (t) => {
    let source: unknown
    const { app, port } = await serve(t, (app: FastifyInstance) => {
      app.get('/', async (_request, reply) => handler(reply, source as never))
    }, options)
    for (const [kind, make] of Object.entries(KINDS)) {
      const watched = make()
      source = watched.source
      const client = await RawClient.connect(t, port)
      client.ask('/', headers, method)
      await client.until('\r\n\r\n')
      t.equal(client.status, status, kind)
      await eventually(watched.isClosed, `${kind} is closed`)
      client.destroy()
    }
    await turn()
    t.equal(app.eventfeed.stats().connections, 0)
  })
}

t.test('a request that is refused while the application drains: its source is closed', async (t) => {
  const made = Object.entries(KINDS).map(([kind, make]) => ({ kind, ...make() }))
  let handled = 0
  let goOn = (): void => {}
  const drains = new Promise<void>((resolve) => { goOn = resolve })
  const { app, port } = await serve(t, (app) => {
    app.get<{ Params: { index: number } }>('/:index', async (request, reply) => {
      handled++
      await drains
      return reply.sse(made[request.params.index]?.source as never)
    })
  })
  const clients = await Promise.all(made.map((_, index) => RawClient.get(t, port, `/${index}`)))
  await eventually(() => handled === made.length, 'the handlers run')
  const closed = app.close()
  await eventually(() => !app.server.listening, 'it drains')
  goOn()
  for (const { kind, isClosed } of made) await eventually(isClosed, `${kind} is closed`)
  for (const client of clients) {
    await client.until('retry: ')
    client.destroy()
  }
  await closed
})

t.test('a client that has left before its handler called reply.sse: its source is closed, and a function is not called', async (t) => {
  let calls = 0
  let goesOn = (): void => {}
  let handled = 0
  let source: unknown
  const { port, app } = await serve(t, (app) => {
    app.get('/', async (_request, reply) => {
      await new Promise<void>((resolve) => { goesOn = resolve; handled++ })
      return reply.sse(source as never)
    })
  })
  const kinds = [...Object.entries(KINDS), ['a function that counts', () => ({ source: () => { calls++; return [] }, isClosed: () => true })] as const]
  for (const [kind, make] of kinds) {
    const watched = make()
    source = watched.source
    const before = handled
    const client = await RawClient.get(t, port, '/')
    await eventually(() => handled > before, 'the handler runs')
    client.destroy()
    await eventually(async () => await openSockets(app) === 0, 'the client has left')
    goesOn()
    await eventually(watched.isClosed, `${kind} is closed`)
  }
  t.equal(calls, 0)
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('what a function gives when its stream has ended is closed', async (t) => {
  let gives = (_given: unknown): void => {}
  let called = 0
  const { port, app } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse((() => new Promise((resolve) => { gives = resolve; called++ })) as never))
  })
  for (const [kind, make] of Object.entries(KINDS)) {
    const watched = make()
    const before = called
    const client = await RawClient.get(t, port, '/')
    await eventually(() => called > before, 'the function is called')
    client.destroy()
    await eventually(() => app.eventfeed.stats().connections === 0, 'the stream has ended')
    gives(watched.source)
    await eventually(watched.isClosed, `${kind} is closed`)
  }
})

t.test('what stands among subscriptions in an array is closed, and a promise that was handed over is followed', async (t) => {
  for (const [kind, make] of Object.entries(KINDS)) {
    const watched = make()
    const promised = make()
    const { app } = await serve(t, (app) => {
      const chat = app.feed('chat')
      app.get('/', (_request, reply) => reply.sse([chat.subscribe(), watched.source] as never))
      app.get('/promise', (_request, reply) => reply.sse(Promise.resolve(promised.source) as never))
      app.get('/rejected', (_request, reply) => reply.sse(Promise.reject(new Error('refused too')) as never))
    })
    for (const path of ['/', '/promise', '/rejected']) t.match((await app.inject(path)).json(), { code: 'FST_EVENTFEED_BAD_SOURCE' }, kind)
    await eventually(watched.isClosed, `${kind} is closed`)
    await eventually(promised.isClosed, `${kind} in a promise is closed`)
    await app.close()
  }
})

t.test('a clean-up that fails is logged, once', async (t) => {
  let source: unknown
  const { app, log } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(source as never)) })
  const failing = ['a web stream whose cancel() rejects', 'an iterator whose return() throws', 'an iterator whose return() rejects']
  for (const kind of failing) {
    source = KINDS[kind]?.().source
    await app.inject({ url: '/', headers: { accept: 'application/json' } })
  }
  const logged = (): number => log.filter(({ level, err, msg }) => level === 50 && err?.message === 'closing failed' && msg.includes('GET /')).length
  await eventually(() => logged() === failing.length, 'each is logged')
})

t.test('300 refused requests leave no descriptor', { skip: canCountDescriptors ? false : 'this system does not count them' }, async (t) => {
  const { app } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(createReadStream(FILE) as never)) })
  const refused = async (): Promise<void> => { await app.inject({ url: '/', headers: { accept: 'application/json' } }) }
  await refused()
  const before = descriptors()
  await Promise.all(Array.from({ length: 300 }, refused))
  await eventually(() => descriptors() <= before, 'all are closed')
})
