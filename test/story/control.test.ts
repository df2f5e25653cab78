/** The option `control`: in which form a stream says where it stands, what is missing, and how it ends. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Control, ControlFunction, ControlOption, EventStreamOptions, SourceArguments } from '../../lib/index.ts'
import { eventually, RawClient } from './raw-client.ts'
import { serve, type Served } from './serve.ts'

const EVENT_SOURCE = { accept: 'text/event-stream', 'cache-control': 'no-cache' }
const FETCH = { accept: '*/*' }
const LAST_CHUNK = /0\r\n\r\n$/

/** Routes that show each control. The options are those of each stream. */
async function served (t: Test, options: EventStreamOptions): Promise<Served> {
  return await serve(t, (app: FastifyInstance) => {
    const feed = app.feed('numbers')
    app.get('/feed', (_request, reply) => reply.sse(feed.subscribe({ where: poisonous }), options))
    app.get('/done', (_request, reply) => reply.sse([{ data: 'one', id: 1 }], options))
    app.post('/done', (_request, reply) => reply.sse([{ data: 'one', id: 1 }], options))
    app.get('/failed', (_request, reply) => reply.sse(async function * () {
      yield { data: 'one', id: 1 }
      throw new Error('secret')
    }, options))
    app.get('/open', (_request, reply) => reply.sse(async function * ({ until }: SourceArguments) {
      yield { data: 'one', id: 1 }
      await until(new Promise(() => {}))
    }, options))
    app.get('/again', (_request, reply) => reply.sse(async function * () { for await (const event of feed.subscribe({ after: 'unknown' })) yield event }, options))
    app.post('/publish', async (request) => ({ id: await feed.publish({ event: 'number', data: request.body }) }))
  }, { connectionKey: () => 'me' })
}

function poisonous ({ data }: { readonly data: unknown }): boolean {
  if (data === 'poison') throw new Error('a filter that throws')
  return true
}

/** What follows the opening `retry:`. */
function after (client: RawClient): string {
  return client.body.replace(/^retry: \d+\n/, '')
}

async function publish ({ app }: Served, data: unknown): Promise<string> {
  const published = await app.inject({ method: 'POST', url: '/publish', body: JSON.stringify(data), headers: { 'content-type': 'application/json' } })
  return published.json<{ id: string }>().id
}

t.test('events: any client gets named events, and only an EventSource plain ends that are not the source\'s', async (t) => {
  const { port, app } = await served(t, { control: 'events' })
  for (const method of ['GET', 'POST']) {
    const client = await RawClient.connect(t, port)
    client.ask('/done', FETCH, method)
    await client.whole()
    t.equal(after(client), 'data: one\nid: 1\n\nevent: stream:done\ndata: {}\nid: ~done.1\n\n', method)
  }
  for (const headers of [EVENT_SOURCE, { accept: 'text/event-stream;control=events' }]) {
    const open = await RawClient.get(t, port, '/open', headers)
    await open.until('data: one')
    app.eventfeed.kick('me')
    await open.whole()
  }
  const open = await RawClient.get(t, port, '/open', FETCH)
  await open.until('data: one')
  app.eventfeed.kick('me')
  await open.closed()
  t.notMatch(open.text, LAST_CHUNK)
})

t.test('a GET that names the format gets named events; where it is no EventSource, only the end of the source is a plain one', async (t) => {
  const { port, app } = await served(t, {})
  const named = { accept: 'text/event-stream' }
  const done = await RawClient.get(t, port, '/done', named)
  await done.whole()
  t.equal(after(done), 'data: one\nid: 1\n\nevent: stream:done\ndata: {}\nid: ~done.1\n\n')
  const failed = await RawClient.get(t, port, '/failed', named)
  await failed.closed()
  t.match(after(failed), /^data: one\nid: 1\n\nevent: stream:error\ndata: \{"code":"FST_EVENTFEED_SOURCE_FAILED"\}\nretry: \d+\n\n$/)
  const open = await RawClient.get(t, port, '/open', named)
  await open.until('data: one')
  app.eventfeed.kick('me')
  await open.closed()
  for (const { text } of [failed, open]) t.notMatch(text, LAST_CHUNK, 'the last chunk is missing, so no client takes it for whole')
})

for (const [name, value] of [['cache-control', 'no-cache'], ['Cache-Control', 'No-Cache, max-age=0'], ['pragma', 'no-cache'], ['pragma', 'other, no-cache']] as const) {
  t.test(`who sends ${name}: ${value} is an EventSource, which comes back after each end`, async (t) => {
    const { port } = await served(t, {})
    const failed = await RawClient.get(t, port, '/failed', { accept: 'text/event-stream', [name]: value })
    await failed.whole()
    t.match(after(failed), 'event: stream:error')
  })
}

t.test('comments: each control is a comment, and an end that is not the source\'s cuts the line', async (t) => {
  for (const headers of [EVENT_SOURCE, FETCH]) {
    const all = await served(t, { control: 'comments' })
    const { port, app } = all
    const done = await RawClient.get(t, port, '/done', headers)
    await done.whole()
    t.equal(after(done), 'data: one\nid: 1\n\n: stream:done {"id":"~done.1"}\n')
    const failed = await RawClient.get(t, port, '/failed', headers)
    await failed.closed()
    t.match(after(failed), /^data: one\nid: 1\n\n: stream:error \{"reason":"failed","code":"FST_EVENTFEED_SOURCE_FAILED","retryMs":\d+\}\n$/)
    t.notMatch(failed.text, LAST_CHUNK)
    const open = await RawClient.get(t, port, '/open', headers)
    await open.until('data: one')
    app.eventfeed.kick('me')
    await open.closed()
    t.equal(after(open), 'data: one\nid: 1\n\n: stream:error {"reason":"kick"}\n')
    t.notMatch(open.text, LAST_CHUNK)
    const feed = await RawClient.get(t, port, '/feed', { ...headers, 'last-event-id': 'unknown' })
    await feed.until('malformed')
    const first = await publish(all, 1)
    const poison = await publish(all, 'poison')
    const last = await publish(all, 2)
    await feed.until(last)
    const [gap = '', ...rest] = after(feed).split('\n')
    t.match(gap, /^: stream:gap \{"id":"[^"]+","requested":"unknown","oldest":(null|"[^"]+"),"reason":"malformed"\}$/)
    t.equal(rest.join('\n'), `event: number\ndata: 1\nid: ${first}\n\n: stream:gap ${JSON.stringify({ id: poison, requested: first, oldest: null, reason: 'failed' })}\nevent: number\ndata: 2\nid: ${last}\n\n`)
    feed.destroy()
  }
})

t.test('none: nothing is said, not even of gaps', async (t) => {
  const all = await served(t, { control: 'none' })
  const { port } = all
  const done = await RawClient.get(t, port, '/done', EVENT_SOURCE)
  await done.whole()
  t.equal(after(done), 'data: one\nid: 1\n\n')
  const failed = await RawClient.get(t, port, '/failed', EVENT_SOURCE)
  await failed.closed()
  t.equal(after(failed), 'data: one\nid: 1\n\n')
  t.notMatch(failed.text, LAST_CHUNK)
  for (const path of ['/feed', '/again']) {
    const fresh = await served(t, { control: 'none' })
    const { port, app } = fresh
    const feed = await RawClient.get(t, port, path, { ...EVENT_SOURCE, 'last-event-id': 'unknown' })
    await feed.until('retry: ')
    await eventually(() => app.eventfeed.stats().connections === 1, 'only it is open')
    const first = await publish(fresh, 'first')
    await feed.until('data: first')
    if (path === '/feed') await publish(fresh, 'poison')
    const last = await publish(fresh, 'last')
    await feed.until('data: last')
    t.equal(after(feed), `event: number\ndata: first\nid: ${first}\n\nevent: number\ndata: last\nid: ${last}\n\n`, path)
    feed.destroy()
  }
})

t.test('a function says each control in its own words', async (t) => {
  const controls: Control[] = []
  const word: ControlFunction = (control) => {
    controls.push(control)
    switch (control.type) {
      case 'bookmark': return { event: 'at', data: '', id: control.id }
      case 'gap': return [{ data: { missing: control.reason } }, { comment: 'and on', id: control.id }]
      case 'done': return [{ data: { finish: control.reason ?? 'end' }, id: control.id }, '[DONE]']
      case 'error': return { data: { abort: control.reason } }
    }
  }
  const all = await served(t, { control: word })
  const { port, app } = all
  const done = await RawClient.get(t, port, '/done', FETCH)
  await done.whole()
  t.equal(after(done), 'data: {"finish":"end"}\nid: ~done.1\n\ndata: [DONE]\n\n'.replace(/^/, 'data: one\nid: 1\n\n'))
  const back = await RawClient.get(t, port, '/done', { ...FETCH, 'last-event-id': '~done.1' })
  await back.until('HTTP/1.1 204')
  const failed = await RawClient.get(t, port, '/failed', FETCH)
  await failed.whole()
  t.equal(after(failed), 'data: one\nid: 1\n\ndata: {"abort":"failed"}\n\n', 'an end that has words is plain')
  const open = await RawClient.get(t, port, '/open', EVENT_SOURCE)
  await open.until('data: one')
  app.eventfeed.kick('me')
  await open.whole()
  t.equal(after(open), 'data: one\nid: 1\n\ndata: {"abort":"kick"}\n\n', 'and no retry')
  const feed = await RawClient.get(t, port, '/feed', FETCH)
  await feed.until('event: at')
  const first = await publish(all, 1)
  const poison = await publish(all, 'poison')
  const last = await publish(all, 2)
  await feed.until(last)
  t.match(after(feed), new RegExp(`^event: at\ndata:\nid: [^\n]+\n\nevent: number\ndata: 1\nid: ${first}\n\ndata: \\{"missing":"failed"\\}\n\n: and on\nid: ${poison}\n\nevent: number\ndata: 2\nid: ${last}\n\n$`))
  t.match(controls, [
    { type: 'done', id: '~done.1' },
    { type: 'error', reason: 'failed', code: 'FST_EVENTFEED_SOURCE_FAILED', retryMs: Number },
    { type: 'error', reason: 'kick' },
    { type: 'bookmark', id: String },
    { type: 'gap', id: poison, requested: first, oldest: null, reason: 'failed' }
  ])
  t.equal(controls.length, 5)
})

t.test('a function that says nothing: no bookmark, a plain end, the named gap, a cut', async (t) => {
  const all = await served(t, { control: () => undefined })
  const { port } = all
  const done = await RawClient.get(t, port, '/done', EVENT_SOURCE)
  await done.whole()
  t.equal(after(done), 'data: one\nid: 1\n\n')
  const failed = await RawClient.get(t, port, '/failed', EVENT_SOURCE)
  await failed.closed()
  t.notMatch(failed.text, LAST_CHUNK)
  const feed = await RawClient.get(t, port, '/feed', { ...EVENT_SOURCE, 'last-event-id': 'unknown' })
  await feed.until('malformed')
  t.match(after(feed), /^event: stream:gap\ndata: \{"requested":"unknown","oldest":null,"reason":"malformed"\}\nid: [^\n]+\n\n$/)
})

/** Functions that do what they should not, and what is logged. */
const CARELESS: Record<string, { word: unknown, message: RegExp }> = {
  'that throws': { word: () => { throw new Error('careless') }, message: /careless/ },
  'that is asynchronous': { word: async () => ({ data: 'late' }), message: /not a promise/ },
  'that rejects': { word: async () => { throw new Error('rejected') }, message: /not a promise/ },
  'that returns no event': { word: () => 42, message: /not a number/ },
  'that returns what is no event among events': { word: () => ['one', null], message: /not null/ },
  'that returns a field with a line end': { word: () => ({ event: 'a\nb', data: '' }), message: /the event of an event/ },
  'that returns a reserved type': { word: () => ({ event: 'stream:done', data: '' }), message: /stream:/ },
  'that returns a reserved id of its own': { word: () => ({ id: '~done.7', data: '' }), message: /"~"/ }
}

for (const [which, { word, message }] of Object.entries(CARELESS)) {
  t.test(`a function ${which} is logged once for each type, and stands for no words`, async (t) => {
    // what the type checker would refuse is what is tried
    const all = await served(t, { control: word as ControlFunction })
    const { port, log } = all
    const done = await RawClient.get(t, port, '/done', EVENT_SOURCE)
    await done.whole()
    t.equal(after(done), 'data: one\nid: 1\n\n')
    const feed = await RawClient.get(t, port, '/feed', { ...EVENT_SOURCE, 'last-event-id': 'unknown' })
    await feed.until('malformed')
    for (const data of ['poison', 'poison', 1]) await publish(all, data)
    await feed.until('data: 1\n')
    t.match(after(feed), /^event: stream:gap\n.*malformed.*\nid: .*\n\n(event: stream:gap\n.*failed.*\nid: .*\n\n){2}event: number\ndata: 1\n/)
    const failed = await RawClient.get(t, port, '/failed', EVENT_SOURCE)
    await failed.closed()
    t.notMatch(failed.text, LAST_CHUNK)
    const logged = log.filter(({ level, msg }) => level === 50 && msg.includes('the option control failed'))
    t.strictSame(logged.map(({ msg }) => /type (\w+)/.exec(msg)?.[1]), ['done', 'gap', 'error'])
    for (const { err } of logged) t.match(err?.message, message)
  })
}

t.test('a function that ends its stream, or publishes, does no harm', async (t) => {
  let reenter = (): void => {}
  const all = await served(t, { control: (control) => { reenter(); return { data: control.type } } })
  const { port, app, empty, ends } = all
  for (const [what, run] of Object.entries({
    kicks: () => { app.eventfeed.kick('me') },
    publishes: () => { app.inject({ method: 'POST', url: '/publish', body: '1', headers: { 'content-type': 'application/json' } }).catch(() => {}) }
  })) {
    reenter = () => { reenter = () => {}; run() }
    const feed = await RawClient.get(t, port, '/feed', EVENT_SOURCE)
    await feed.until(what === 'kicks' ? 'data: error' : 'event: number')
    feed.destroy()
    reenter = () => { reenter = () => {}; run() }
    const done = await RawClient.get(t, port, '/done', EVENT_SOURCE)
    await done.whole()
    t.equal(after(done), 'data: one\nid: 1\n\ndata: done\n\n', what)
    done.destroy()
  }
  await empty()
  t.strictSame((await ends(4)).sort(), ['client', 'done', 'done', 'kick'])
})

t.test('a function runs in the context of its request', async (t) => {
  const user = new AsyncLocalStorage<string>()
  const { port, app } = await serve(t, (app) => {
    const feed = app.feed('numbers')
    const control: ControlFunction = ({ type }) => type === 'gap' ? { data: user.getStore() ?? 'nobody' } : undefined
    app.get<{ Params: { name: string } }>('/:name', (request, reply) => user.run(request.params.name, () => reply.sse(feed.subscribe({ where: poisonous }), { control })))
    app.post('/', async () => await user.run('publisher', async () => await feed.publish({ event: 'number', data: 'poison' })))
  })
  const clients = [await RawClient.get(t, port, '/ada', FETCH), await RawClient.get(t, port, '/bob', FETCH)]
  for (const client of clients) await client.until('retry: ')
  await eventually(() => app.eventfeed.stats().connections === 2, 'both are open')
  await app.inject({ method: 'POST', url: '/' })
  for (const [index, client] of clients.entries()) {
    await client.until('data: ')
    t.equal(after(client), `data: ${index === 0 ? 'ada' : 'bob'}\n\n`)
  }
})

t.test('done: one more event before the end, in every form, where the source has said all', async (t) => {
  const expected: Array<[control: ControlOption, headers: typeof FETCH, text: string]> = [
    ['auto', EVENT_SOURCE, 'data: [DONE]\n\nevent: stream:done\ndata: {}\nid: ~done.1\n\n'],
    ['auto', FETCH, 'data: [DONE]\n\n'],
    ['events', FETCH, 'data: [DONE]\n\nevent: stream:done\ndata: {}\nid: ~done.1\n\n'],
    ['comments', FETCH, 'data: [DONE]\n\n: stream:done {"id":"~done.1"}\n'],
    ['none', FETCH, 'data: [DONE]\n\n'],
    [({ type }) => ({ data: type }), FETCH, 'data: [DONE]\n\ndata: done\n\n']
  ]
  for (const [control, headers, text] of expected) {
    const { port } = await served(t, { control, done: '[DONE]' })
    const client = await RawClient.get(t, port, '/done', headers)
    await client.whole()
    t.equal(after(client), `data: one\nid: 1\n\n${text}`)
    const failed = await RawClient.get(t, port, '/failed', headers)
    await eventually(() => failed.hasEnded || LAST_CHUNK.test(failed.text), 'it ends')
    t.notMatch(failed.text, 'DONE', 'a failure is no end of the source')
  }
  const { port } = await served(t, { done: 'a\nb', onEnd: 'reconnect' })
  const client = await RawClient.get(t, port, '/done', EVENT_SOURCE)
  await client.whole()
  t.equal(after(client), 'data: one\nid: 1\n\n', 'it comes back, so this is no end')
  const lines = await served(t, { done: 'a\nb' })
  const two = await RawClient.get(t, lines.port, '/done', FETCH)
  await two.whole()
  t.equal(after(two), 'data: one\nid: 1\n\ndata: a\ndata: b\n\n')
})

t.test('the plugin\'s own options hold for streams that bring none', async (t) => {
  const { port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(['one']))
    app.get('/own', (_request, reply) => reply.sse(['one'], { control: 'none', done: 'over' }))
  }, { control: 'comments', done: '[DONE]' })
  const client = await RawClient.get(t, port, '/', FETCH)
  await client.whole()
  t.equal(after(client), 'data: one\n\ndata: [DONE]\n\n: stream:done {"id":"~done."}\n')
  const own = await RawClient.get(t, port, '/own', FETCH)
  await own.whole()
  t.equal(after(own), 'data: one\n\ndata: over\n\n')
})

t.test('streams of all forms share what they can, and each gets all events, once', async (t) => {
  const streams: Array<[control: ControlOption, headers: typeof FETCH]> = [['auto', EVENT_SOURCE], ['auto', FETCH], ['comments', FETCH], ['none', FETCH], [({ type }) => ({ event: 'word', data: type }), FETCH]]
  const { port, app } = await serve(t, (app) => {
    const feed = app.feed('numbers')
    const poisonousShape = ({ data }: { readonly data: unknown }): { data: unknown } => {
      if (data === 3) throw new Error('a projection that throws')
      return { data: `<${String(data)}>` }
    }
    app.get<{ Params: { index: number } }>('/:index', (request, reply) => {
      const [control] = streams[request.params.index] ?? []
      return reply.sse(feed.subscribe({ as: poisonousShape }), control === undefined ? {} : { control })
    })
    app.post('/', async () => { for (const data of [1, 2, 3, 4, 5]) await feed.publish({ event: 'number', data }) })
  })
  const clients = await Promise.all(streams.flatMap(([, headers], index) => [1, 2].map(async () => await RawClient.get(t, port, `/${index}`, headers))))
  for (const client of clients) await client.until('retry: ')
  await app.inject({ method: 'POST', url: '/' })
  for (const [index, client] of clients.entries()) {
    await client.until('<5>')
    t.strictSame(Array.from(after(client).matchAll(/<(\d)>/g), ([, n]) => n), ['1', '2', '4', '5'])
    const form = Math.floor(index / 2)
    const said = [/event: stream:gap\ndata: .*"failed"/, /event: stream:gap\ndata: .*"failed"/, /\n: stream:gap .*"failed".*\nevent: number/, undefined, /event: word\ndata: gap\n/][form]
    if (said === undefined) t.notMatch(after(client), 'failed')
    else t.match(after(client), said)
  }
})
