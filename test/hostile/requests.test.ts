/** Requests that nobody sends in good faith, or by mistake only: none harms the server, or those who are served meanwhile. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve, type Served } from '../story/serve.ts'

/** A feed with one event in it, and a witness who must not notice anything. */
async function served (t: Test, routes: (app: FastifyInstance) => void = () => {}): Promise<Served & { seesOthers (): Promise<void> }> {
  let publish = async (_data: string): Promise<unknown> => undefined
  const served = await serve(t, async (app) => {
    const news = app.feed('news')
    publish = async (data) => await news.publish({ event: 'message', data })
    await publish('first')
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe({ from: 'earliest' })))
    app.post('/posted', (_request, reply) => reply.sse(news.subscribe({ from: 'earliest' })))
    routes(app)
  })
  const witness = await RawClient.get(t, served.port, '/feed')
  await witness.until('data: first')
  return {
    ...served,
    async seesOthers () {
      await publish('second')
      await witness.until('data: second')
      t.notOk(witness.isClosed, 'the others go on')
      t.strictSame(served.log.filter(({ level }) => level >= 50), [], 'no error is logged')
      await eventually(() => served.app.eventfeed.stats().connections === 1, 'only the witness has a stream')
    }
  }
}

t.test('HEAD on the route of a feed gets the headers and opens no stream', async (t) => {
  const { app, port, seesOthers } = await served(t)
  const client = await RawClient.connect(t, port)
  client.ask('/feed', {}, 'HEAD')
  await client.until('\r\n\r\n')
  t.equal(client.status, 200)
  t.ok(client.head.includes('content-type: text/event-stream; charset=utf-8'))
  t.equal(client.body, '')
  t.equal(app.eventfeed.stats().connections, 1)
  client.destroy()
  await seesOthers()
})

t.test('OPTIONS and POST on a route that only has GET get 404, and the same socket serves on', async (t) => {
  const { port, seesOthers } = await served(t)
  const client = await RawClient.connect(t, port)
  for (const method of ['OPTIONS', 'POST']) {
    client.ask('/feed', {}, method)
    await client.until('"statusCode":404')
    t.equal(client.status, 404)
    client.forget()
  }
  client.ask('/feed')
  await client.until('data: first')
  client.destroy()
  await seesOthers()
})

t.test('a head of 100 kB gets 431; a query of 100 kB too, because it stands in the head', async (t) => {
  const { port, seesOthers } = await served(t)
  for (const [path, headers] of [['/feed', { 'x-large': 'h'.repeat(100_000) }], [`/feed?lastEventId=${'q'.repeat(100_000)}`, {}]] as const) {
    const client = await RawClient.get(t, port, path, { ...headers })
    await client.until('\r\n\r\n')
    t.equal(client.status, 431)
    await client.closed()
  }
  await seesOthers()
})

t.test('the longest query that Node takes is an id like any other', async (t) => {
  const { port, seesOthers } = await served(t)
  const client = await RawClient.get(t, port, `/feed?lastEventId=${'q'.repeat(15_000)}`)
  await client.until('data: first')
  t.match(client.body, '"reason":"malformed"')
  client.destroy()
  await seesOthers()
})

t.test('Expect: 100-continue is told to go on, and gets its stream', async (t) => {
  const { port, seesOthers } = await served(t)
  const client = await RawClient.connect(t, port)
  client.ask('/posted', { expect: '100-continue', 'content-type': 'application/json', 'content-length': '2' }, 'POST')
  await client.until('HTTP/1.1 100 Continue\r\n\r\n')
  client.socket.write('{}')
  await client.until('data: first')
  t.match(client.text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
  client.destroy()
  await seesOthers()
})

t.test('Connection: upgrade gets a stream as if it had not asked', async (t) => {
  const { port, seesOthers } = await served(t)
  for (const upgrade of ['websocket', 'h2c']) {
    const client = await RawClient.get(t, port, '/feed', { connection: 'upgrade', upgrade })
    await client.until('data: first')
    t.equal(client.status, 200)
    client.destroy()
  }
  await seesOthers()
})

t.test('a GET with a body gets its stream, whether the body comes at once, late or never', async (t) => {
  const { port, seesOthers } = await served(t)
  for (const body of ['whole', 'late', 'never']) {
    const client = await RawClient.connect(t, port)
    client.ask('/feed', { 'content-length': '5', 'content-type': 'text/plain' })
    if (body === 'whole') client.socket.write('hello')
    await client.until('data: first')
    if (body === 'late') client.socket.write('hello')
    t.equal(client.status, 200, body)
    client.destroy()
  }
  await seesOthers()
})

t.test('of a Last-Event-ID that is sent twice no part is taken for a position', async (t) => {
  const { port, seesOthers } = await served(t)
  const first = await RawClient.get(t, port, '/feed')
  await first.until('data: first')
  const id = /data: "?first"?\nid: (\S+)\n/.exec(first.body)?.[1] ?? ''
  t.not(id, '')
  const twice = await RawClient.connect(t, port)
  twice.socket.write(`GET /feed HTTP/1.1\r\nhost: localhost\r\nlast-event-id: ${id}\r\nLast-Event-ID: ${id}\r\n\r\n`)
  await twice.until(/stream:(gap|bookmark)[^]*data: "?first|stream:bookmark/)
  t.match(twice.body, '"reason":"malformed"')
  t.match(twice.body, /data: "?first/, 'and nothing is missing')
  first.destroy()
  twice.destroy()
  await seesOthers()
})

t.test('a head that comes byte by byte gets its stream; one that never ends opens none', async (t) => {
  const { app, port, seesOthers } = await served(t)
  const never = await Promise.all(Array.from({ length: 50 }, () => RawClient.connect(t, port)))
  for (const client of never) client.socket.write('GET /feed HTTP/1.1\r\nx: ')
  const slow = await RawClient.connect(t, port)
  slow.socket.setNoDelay(true)
  for (const byte of 'GET /feed HTTP/1.1\r\nhost: localhost\r\n\r\n') {
    slow.socket.write(byte)
    for (const client of never) client.socket.write('y')
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  await slow.until('data: first')
  t.equal(app.eventfeed.stats().connections, 2)
  for (const client of [slow, ...never]) client.destroy()
  await seesOthers()
})

t.test('a head that never ends is cut off by the server\'s own time-out, with 408', async (t) => {
  const impatient = { requestTimeout: 200, http: { headersTimeout: 100, connectionsCheckingInterval: 50 } }
  const { port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(['one']))
  }, {}, impatient)
  const client = await RawClient.connect(t, port)
  client.socket.write('GET / HTTP/1.1\r\nx: ')
  await client.closed()
  t.equal(client.status, 408)
})
