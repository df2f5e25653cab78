/** Requests of all sorts: none ends the process, and other streams go on. */
import t from 'tap'
import { eventually, RawClient } from './raw-client.ts'
import { serve } from './serve.ts'

t.test('Accept', async (t) => {
  const { app, port } = await serve(t, (app) => {
    app.get('/', (request, reply) => reply.sse([{ data: request.acceptsEventStream }]))
    app.get('/either', async (request, reply) => request.acceptsEventStream ? reply.sse(['stream']) : { json: true })
  })
  for (const accept of ['text/event-stream', '*/*', 'text/*', 'Text/Event-Stream', 'text/html, */*;q=0.1', 'application/json;q=0.9, text/event-stream;q=0.1']) {
    const response = await app.inject({ url: '/', headers: { accept } })
    t.equal(response.statusCode, 200, accept)
    t.match(response.body, 'data: true\n')
  }
  const absent = await RawClient.get(t, port, '/')
  await absent.whole()
  t.equal(absent.status, 200, 'absent')
  for (const accept of ['', '  ']) {
    const empty = await RawClient.get(t, port, '/', { accept })
    await empty.whole()
    t.equal(empty.status, 200, 'empty, which is as if it were absent')
  }
  for (const accept of ['application/json', 'text/html', 'text/event-stream;q=0', '*/*;q=0', 'text/event-stream;q=0, */*', 'text/event-stream;q=0.0, text/*', 'application/*', 'x'.repeat(8_000), ';;;,,,', '\x01\x02']) {
    const response = await app.inject({ url: '/', headers: { accept } })
    t.equal(response.statusCode, 406, accept.slice(0, 60))
    t.match(response.json(), { code: 'FST_EVENTFEED_NOT_ACCEPTABLE', statusCode: 406 })
    t.ok(response.body.length < 600)
    t.strictSame((await app.inject({ url: '/either', headers: { accept } })).json(), { json: true })
  }
})

t.test('only GET and HEAD are refused by Accept: what a POST accepts is often said of its errors alone', async (t) => {
  const { app } = await serve(t, (app) => {
    app.route({ method: ['GET', 'POST', 'PUT', 'DELETE'], url: '/', handler: (_request, reply) => reply.sse(['one']) })
  })
  for (const method of ['POST', 'PUT', 'DELETE'] as const) {
    const { statusCode, headers, body } = await app.inject({ method, url: '/', headers: { accept: 'application/json' } })
    t.equal(statusCode, 200, method)
    t.match(headers['content-type'], 'text/event-stream')
    t.match(body, /^retry: \d+\ndata: one\n\n$/, 'and no control event')
  }
  for (const method of ['GET', 'HEAD'] as const) {
    t.equal((await app.inject({ method, url: '/', headers: { accept: 'application/json' } })).statusCode, 406, method)
  }
})

t.test('Last-Event-ID', async (t) => {
  const { app, port, log } = await serve(t, async (app) => {
    const news = app.feed('news')
    await news.publish({ event: 'message', data: 'old' })
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/plain', (_request, reply) => reply.sse(({ lastEventId }) => [{ data: { lastEventId } }]))
    app.get('/publish', async () => { await news.publish({ event: 'message', data: 'live' }); return 'ok' })
  })
  const other = await RawClient.get(t, port, '/feed')
  await other.until('stream:bookmark')

  const utf8 = (text: string): string => Buffer.from(text).toString('latin1')
  const ids: Array<[title: string, bytes: string, seen: string]> = [
    ['garbage', '%00 !"§$&/()=?'.replace('§', ''), '%00 !"$&/()=?'],
    ['UTF-8', utf8('añb→😀'), 'añb→😀'],
    ['a long one', 'i'.repeat(4_000), 'i'.repeat(4_000)],
    ['an object\'s', '__proto__', '__proto__'],
    ['control', '~nothing', '~nothing']
  ]
  for (const [title, bytes, seen] of ids) {
    t.test(title, async (t) => {
      const plain = await RawClient.get(t, port, '/plain', { 'last-event-id': bytes })
      await plain.whole()
      t.equal(plain.status, 200)
      const data = /^data: (\{.*\})$/m.exec(plain.body)?.[1] ?? ''
      t.strictSame(JSON.parse(data), { lastEventId: seen })
      const feed = await RawClient.get(t, port, '/feed', { 'last-event-id': bytes })
      await feed.until('data: old')
      t.match(feed.body, /event: stream:gap\ndata: \{[^\n]*"reason":"malformed"[^\n]*\}\nid: /)
      t.ok(feed.body.indexOf('stream:gap') < feed.body.indexOf('data: old'))
      feed.destroy()
    })
  }
  t.test('latin1 that is no UTF-8', async (t) => {
    const plain = await RawClient.get(t, port, '/plain', { 'last-event-id': 'caf\xe9' })
    await plain.whole()
    t.equal(plain.status, 200)
    t.match(plain.body, /"lastEventId":"caf(é|\uFFFD)"/)
    const feed = await RawClient.get(t, port, '/feed', { 'last-event-id': 'caf\xe9\xff' })
    await feed.until('"reason":"malformed"')
  })
  t.test('in the query, garbled', async (t) => {
    for (const query of ['lastEventId=%ff%fe', 'lastEventId=%', 'lastEventId=a&lastEventId=b', 'lastEventId[]=a', 'lastEventId=%00']) {
      const feed = await RawClient.get(t, port, `/feed?${query}`)
      await feed.until(/stream:(gap|bookmark)/)
      t.equal(feed.status, 200, query)
      feed.destroy()
    }
  })
  t.test('100 kB get 431', async (t) => {
    const client = await RawClient.get(t, port, '/feed', { 'last-event-id': 'i'.repeat(100_000) })
    await client.until('\r\n\r\n')
    t.equal(client.status, 431)
  })
  t.test('bytes that are no HTTP', async (t) => {
    const client = await RawClient.connect(t, port)
    client.socket.write('\x00\x01 nonsense\r\n\r\n')
    await client.until('\r\n\r\n')
    t.equal(client.status, 400)
  })
  await app.inject('/publish')
  await other.until('data: live')
  t.notOk(other.isClosed, 'other streams go on')
  t.strictSame(log.filter(({ level }) => level >= 50), [])
})

t.test('HEAD has the headers, and runs no source', async (t) => {
  let runs = 0
  const { app, port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(() => { runs++; return ['one'] }))
  })
  const client = await RawClient.connect(t, port)
  client.ask('/', {}, 'HEAD')
  await client.until('\r\n\r\n')
  t.equal(client.status, 200)
  for (const header of ['content-type: text/event-stream; charset=utf-8', 'cache-control: no-cache, no-transform', 'x-accel-buffering: no']) t.ok(client.head.includes(header), header)
  t.equal(client.body, '')
  t.equal(runs, 0)
  client.forget()
  client.ask('/')
  await client.whole()
  t.match(client.body, 'data: one')
  t.equal((await app.inject({ method: 'HEAD', url: '/', headers: { accept: 'text/html' } })).statusCode, 406)
})

t.test('a POST with a body streams too, and a pipelined request waits its turn', async (t) => {
  const { app, port } = await serve(t, (app) => {
    app.post('/', (request, reply) => reply.sse([{ data: request.body }]))
    app.get('/:n', (request, reply) => reply.sse([(request.params as { n: string }).n]))
    app.get('/open/:n', (request, reply) => reply.sse(async function * ({ until }) { yield (request.params as { n: string }).n; await until(new Promise(() => {})) }))
  })
  t.match((await app.inject({ method: 'POST', url: '/', payload: { hello: 'world' } })).body, 'data: {"hello":"world"}')
  const client = await RawClient.connect(t, port)
  client.ask('/first'); client.ask('/second'); client.ask('/open/third'); client.ask('/open/fourth')
  await client.until('data: third')
  t.match(client.text, /data: first[^]*data: second[^]*data: third/)
  await eventually(() => app.eventfeed.stats().connections === 1, 'one is open, and one waits')
  client.destroy()
  await eventually(() => app.eventfeed.stats().connections === 0, 'it is over')
})
