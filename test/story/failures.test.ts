/** The source fails, or the handler makes a mistake. */
import t from 'tap'
import { MemoryLog } from '../../lib/index.ts'
import { setImmediate as turn } from 'node:timers/promises'
import { eventually, RawClient } from './raw-client.ts'
import { serve } from './serve.ts'

const failing = Object.assign(new Error('the secret of the database'), { statusCode: 418, code: 'E_TEAPOT' })

t.test('a source that throws before its first event gives an ordinary error response', async (t) => {
  const sources: Record<string, unknown> = {
    'a generator function': function * () { throw failing },
    'an async generator function': async function * () { await turn(); throw failing },
    'a function': () => { throw failing },
    'an async function': async () => { await turn(); throw failing },
    'a web stream': new ReadableStream({ start (controller) { controller.error(failing) } }),
    'an iterable of a rejected promise': () => [Promise.reject(failing)]
  }
  const now: { source?: unknown } = {}
  const { app, port, empty } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(now.source as string[]))
    app.register(async (child) => {
      child.setErrorHandler((error: Error & { code: string }, _request, reply) => { reply.code(409).send({ mine: error.code }) })
      child.get('/own', (_request, reply) => reply.sse(() => { throw failing }))
    })
  }, { commitDelayMs: 3_600_000 })
  for (const [title, source] of Object.entries(sources)) {
    now.source = source
    const client = await RawClient.get(t, port, '/')
    await client.until('}')
    t.equal(client.status, 418, title)
    t.strictSame(JSON.parse(client.body), { statusCode: 418, code: 'E_TEAPOT', error: 'I\'m a Teapot', message: failing.message }, title)
    t.ok(client.head.includes('content-type: application/json; charset=utf-8'), title)
    client.destroy()
  }
  const own = await app.inject('/own')
  t.equal(own.statusCode, 409)
  t.strictSame(own.json(), { mine: 'E_TEAPOT' })
  await empty()
})

t.test('afterwards the client is told without internals, and the log with the stack', async (t) => {
  const { app, port, log, ends } = await serve(t, (app) => {
    app.get('/async', (_request, reply) => reply.sse(async function * () { yield { id: 'one', data: 'begun' }; throw failing }))
    app.get('/sync', (_request, reply) => reply.sse(function * () { yield { id: 'one', data: 'begun' }; throw failing }))
    app.get('/ready', (_request, reply) => reply.sse(({ ready }) => { ready(); throw failing }))
    app.get('/later', (_request, reply) => reply.sse(async ({ ready }) => { ready(); await turn(); throw failing }))
  }, { commitDelayMs: 3_600_000 })
  for (const path of ['/async', '/sync', '/ready', '/later']) {
    const client = await RawClient.get(t, port, path)
    await client.whole()
    t.equal(client.status, 200, path)
    t.match(client.body, /event: stream:error\ndata: \{"code":"FST_EVENTFEED_SOURCE_FAILED"\}\nretry: 1\d{4}\n\n$/, path)
    t.notMatch(client.text, /secret|TEAPOT|at .*failures\.test/, path)
    t.notMatch(client.text, 'stream:done')
  }
  t.strictSame(await ends(4), ['failed', 'failed', 'failed', 'failed'])
  const errors = log.filter(({ level }) => level === 50)
  t.equal(errors.length, 4)
  for (const error of errors) t.match(error, { err: { stack: /the secret of the database[^]*at / }, msg: /event stream of GET \/\w+ failed/ })
  t.equal((await app.inject('/nothing')).statusCode, 404)
})

t.test('what is no event fails its stream, and finally runs', async (t) => {
  let finals = 0
  const invalid: Record<string, unknown> = {
    id: { id: 'two\nlines', data: '' },
    event: { event: 'two\rlines', data: '' },
    retry: { retry: -1 },
    number: 7,
    nothing: undefined,
    ours: { event: 'stream:done', data: '{}' },
    circular: (() => { const data: Record<string, unknown> = {}; data.data = data; return { data } })()
  }
  const { port, log } = await serve(t, (app) => {
    app.get('/first/:what', (request, reply) => reply.sse(async function * () {
      try { yield invalid[(request.params as { what: string }).what] as string } finally { finals++ }
    }))
    app.get('/later/:what', (request, reply) => reply.sse(function * () {
      try { yield 'begun'; yield invalid[(request.params as { what: string }).what] as string } finally { finals++ }
    }))
  })
  let expected = 0
  for (const what of Object.keys(invalid)) {
    const first = await RawClient.get(t, port, `/first/${what}`)
    await first.until('}')
    t.equal(first.status, 500, what)
    t.match(JSON.parse(first.body), { statusCode: 500, code: /^FST_EVENTFEED_BAD_/ }, what)
    const later = await RawClient.get(t, port, `/later/${what}`)
    await later.whole()
    t.match(later.body, /data: begun\n\nevent: stream:error\n/, what)
    expected += 2
    await eventually(() => finals === expected, `finally runs after ${what}`)
  }
  t.ok(log.filter(({ level, err }) => level === 50 && err?.stack !== undefined).length >= expected)
})

t.test('a finally that throws after what is no event, while the head waits for a hook, does not end the process', async (t) => {
  const { app, port } = await serve(t, (app) => {
    app.get('/', { onSend: async () => { for (let i = 0; i < 50; i++) await turn() } }, (_request, reply) => reply.sse(async function * () {
      // eslint-disable-next-line no-unsafe-finally
      try { yield 'begun'; yield 7 as unknown as string } finally { throw new Error('the clean-up failed') }
    }))
  })
  const client = await RawClient.get(t, port, '/')
  await client.whole()
  t.match(client.body, 'stream:error')
  t.equal((await app.inject('/nothing')).statusCode, 404)
})

t.test('an iterable of promises, one of which is rejected, is closed', async (t) => {
  let isDone = false
  const { port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(function * () { try { yield 'begun'; yield Promise.reject(failing) as never; yield 'no' } finally { isDone = true } }))
  })
  const client = await RawClient.get(t, port, '/')
  await client.whole()
  t.match(client.body, 'stream:error')
  t.ok(isDone)
})

t.test('what cannot be streamed is refused by name', async (t) => {
  const now: { source?: unknown } = {}
  const { app, log } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(now.source as string[])) })
  for (const source of [undefined, null, 7, 'text', {}, Promise.resolve([]), () => undefined, async () => 'text', () => ({})]) {
    now.source = source
    const response = await app.inject('/')
    t.equal(response.statusCode, 500)
    t.match(response.json(), { code: 'FST_EVENTFEED_BAD_SOURCE' })
  }
  t.equal(app.eventfeed.stats().connections, 0)
  t.ok(log.length > 0)
})

t.test('mistakes of a handler', async (t) => {
  let reason: unknown
  let finals = 0
  async function * source ({ signal, until }: { signal: AbortSignal, until: (promise: Promise<never>) => Promise<never> }): AsyncGenerator<string> {
    try { await until(new Promise(() => {})); yield '' } finally { finals++; reason = signal.reason }
  }
  const { app, port } = await serve(t, (app) => {
    app.get('/forgets', async (_request, reply) => { reply.sse(source) })
    app.get('/returns-other', async (_request, reply) => { reply.sse(source); return { other: true } })
    app.get('/sync', (_request, reply) => { reply.sse(['one']) })
    app.get('/twice', (_request, reply) => { reply.sse(source); return reply.sse(source) })
    app.get('/after', async (_request, reply) => { reply.send('sent'); return reply.sse(source) })
    app.get('/throws', async (_request, reply) => { reply.sse(source); throw failing })
    app.get('/option', (_request, reply) => reply.sse(source, { retryMs: -1 }))
    app.get('/hooked', { onSend: async () => { await turn(); await turn() } }, async (_request, reply) => { reply.sse(['one']); await turn(); await turn() })
  }, { commitDelayMs: 3_600_000 })

  t.test('an async handler that forgets to return: 500, and the source is cancelled', async (t) => {
    const client = await RawClient.get(t, port, '/forgets')
    await client.until('}')
    t.equal(client.status, 500)
    t.match(JSON.parse(client.body), { code: 'FST_EVENTFEED_NOT_RETURNED', message: /GET \/forgets .*return reply\.sse/ })
    await eventually(() => finals === 1, 'finally runs')
    t.match(reason, { reason: 'superseded' })
    client.forget()
    client.ask('/sync')
    await client.whole()
    t.equal(client.status, 200, 'the connection stays usable')
  })
  t.test('a sync handler need not return', async (t) => {
    const client = await RawClient.get(t, port, '/sync')
    await client.whole()
    t.match(client.body, 'data: one\n\n')
  })
  t.test('a handler that answers otherwise ends its stream', async (t) => {
    t.match((await app.inject('/returns-other')).json(), { code: 'FST_EVENTFEED_NOT_RETURNED', message: /GET \/returns-other .*returned, sent or threw an object: .*return reply\.sse/ })
    const response = await app.inject('/throws')
    t.equal(response.statusCode, 418)
    await eventually(() => finals === 3, 'finally runs')
  })
  t.test('twice is refused by name, and the first is cancelled', async (t) => {
    const response = await app.inject('/twice')
    t.equal(response.statusCode, 500)
    t.match(response.json(), { code: 'FST_EVENTFEED_ALREADY_STREAMING' })
    await eventually(() => finals === 4, 'finally runs')
  })
  t.test('after the reply was sent: the answer stays, and the source does not run', async (t) => {
    const response = await app.inject('/after')
    t.equal(response.statusCode, 200)
    t.equal(response.body, 'sent')
    t.equal(finals, 4)
  })
  t.test('an option that is wrong is an ordinary error', async (t) => {
    t.match((await app.inject('/option')).json(), { statusCode: 500, code: 'FST_EVENTFEED_BAD_OPTION', message: /retryMs .*-1/ })
  })
  t.test('a handler that forgets to return while the head waits for a hook does no harm', async (t) => {
    const client = await RawClient.get(t, port, '/hooked')
    await client.whole()
    t.equal(client.status, 200)
    t.match(client.body, 'data: one\n\n')
  })
})

t.test('an error handler may answer by another stream: onError and the handler hear of the failure first, and the log keeps it', async (t) => {
  for (const moment of ['at once', 'later']) {
    const heard: string[] = []
    const source = moment === 'at once'
      ? () => { throw failing }
      : async function * () { await turn(); throw failing }
    const { app, port, ends, log } = await serve(t, (app) => {
      app.addHook('onError', async (_request, _reply, error) => { heard.push(`onError: ${error.message}`) })
      app.setErrorHandler((error: Error, _request, reply) => {
        heard.push(`handler: ${error.message}`)
        return reply.code(503).sse([{ event: 'sorry', data: 'later' }])
      })
      app.get('/', async (_request, reply) => reply.sse(source as never))
    }, { connectionKey: () => 'me', maxConnectionsPerKey: 1 })
    const client = await RawClient.get(t, port, '/')
    await client.whole()
    t.equal(client.status, 503)
    t.match(client.body, /^retry: \d+\nevent: sorry\ndata: later\n\nevent: stream:done\n/)
    t.strictSame(heard, [`onError: ${failing.message}`, `handler: ${failing.message}`])
    t.strictSame(await ends(2), ['failed', 'done'])
    t.equal(log.filter(({ level, err }) => level === 50 && err?.message === failing.message).length, 1, 'the log has the first error')
    t.equal(app.eventfeed.stats().connections, 0)
  }
})

t.test('where the second stream fails too, both errors are in the log', async (t) => {
  const { app, log } = await serve(t, (app) => {
    app.setErrorHandler((_error, _request, reply) => reply.sse(() => { throw new Error('the second') }))
    app.get('/', (_request, reply) => reply.sse(() => { throw failing }))
  })
  t.match((await app.inject('/')).json(), { statusCode: 500, message: 'the second' })
  for (const message of [failing.message, 'the second']) t.equal(log.filter(({ level, err }) => level === 50 && err?.message === message).length, 1, message)
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('a log that fails before the first event is in the server\'s log, with its cause, once', async (t) => {
  const { app, log } = await serve(t, (app) => {
    const failingLog = new MemoryLog()
    failingLog.locate = () => { throw failing }
    const news = app.feed('news', { log: failingLog })
    app.get('/', (_request, reply) => reply.sse(news.subscribe()))
  })
  for (const accept of ['text/event-stream', '*/*']) {
    log.length = 0
    t.equal((await app.inject({ url: '/', headers: { accept, 'last-event-id': '1700-1' } })).statusCode, accept === '*/*' ? 503 : 200)
    const errors = log.filter(({ level }) => level === 50)
    t.equal(errors.length, 1, accept)
    t.match(errors[0]?.err, { code: 'FST_EVENTFEED_LOG_FAILED', stack: /caused by: Error: the secret of the database/ })
  }
})
