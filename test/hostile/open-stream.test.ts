/** What a client sends on while its stream is open: junk, and requests that are pipelined behind it. */
import t from 'tap'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'
import { heapUsed } from './process.ts'

const never = (): Promise<never> => new Promise(() => {})

t.test('junk before a request is refused with 400, and opens no stream', async (t) => {
  let runs = 0
  const { port, empty, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(() => { runs++; return ['one'] }))
  })
  const client = await RawClient.connect(t, port)
  client.socket.write('\xff\xfe\x00junk\r\n')
  client.ask('/')
  await client.closed()
  t.equal(client.status, 400)
  t.equal(runs, 0)
  await empty()
  t.strictSame(log.filter(({ level }) => level >= 40), [])
})

t.test('junk on an open stream ends that stream and no other', async (t) => {
  let ended = 0
  const { app, port, ends, empty, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { try { yield 'begun'; await until(never()) } finally { ended++ } }))
  })
  const other = await RawClient.get(t, port, '/')
  await other.until('data: begun')
  for (const [index, junk] of ['\x00\x01\x02', 'no request\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'G\r\n'.repeat(50_000), '\x16\x03\x01\x02\x00'].entries()) {
    const client = await RawClient.get(t, port, '/')
    await client.until('data: begun')
    client.socket.write(junk, 'latin1')
    await eventually(() => client.isClosed, 'its socket is closed')
    t.equal((await ends(index + 1)).at(-1), 'client')
    t.equal(ended, index + 1)
  }
  t.equal(app.eventfeed.stats().connections, 1)
  t.notOk(other.isClosed)
  other.destroy()
  await empty()
  t.strictSame(log.filter(({ level }) => level >= 40), [])
})

t.test('empty lines on an open stream are no request, and do it no harm', async (t) => {
  const { port } = await serve(t, (app) => {
    const news = app.feed('news')
    app.get('/', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/publish', async () => { await news.publish({ event: 'message', data: 'late' }); return '' })
  })
  const client = await RawClient.get(t, port, '/')
  await client.until('stream:bookmark')
  client.socket.write('\r\n'.repeat(1_000))
  const other = await RawClient.get(t, port, '/publish')
  await other.until('200 OK')
  await client.until('data: late')
  t.notOk(client.isClosed)
})

t.test('a request behind an open stream is answered when the stream has ended, and not in its midst', async (t) => {
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => { end = resolve })
  const { port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () { yield 'begun'; await ended; yield 'last' }))
    app.get('/behind', async () => ({ behind: true }))
  })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: begun')
  client.ask('/behind')
  const other = await RawClient.get(t, port, '/behind')
  await other.until('{"behind":true}')
  t.notMatch(client.text, 'behind')
  end()
  await client.until('{"behind":true}')
  t.match(client.text, /data: last[^]*stream:done[^]*\r\n0\r\n\r\nHTTP\/1\.1 200 OK\r\n[^]*\{"behind":true\}$/)
})

t.test('1,000 requests behind one open stream wait in bounded memory; that their client left is seen by a heartbeat at the latest', async (t) => {
  const { app, port, empty, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }))
    app.get('/behind', async () => ({ behind: true }))
    // where so much waits, Node reads no more from the socket, and does not see its end: only writing shows it
  }, { heartbeatIntervalMs: 100 })
  const warm = await RawClient.get(t, port, '/')
  await warm.until('data: begun')
  for (const path of ['/behind', '/']) {
    const before = await heapUsed()
    const client = await RawClient.get(t, port, '/')
    await client.until('data: begun')
    for (let count = 0; count < 1_000; count++) client.ask(path)
    const other = await RawClient.get(t, port, '/behind')
    await other.until('{"behind":true}')
    // Node parses on until the answers that wait fill its buffers, so not all of them need have begun
    const perRequest = (await heapUsed() - before) / 1_000
    t.ok(perRequest < 40_000, `${Math.round(perRequest)} bytes for each`)
    t.equal(client.text.match(/HTTP\/1\.1/g)?.length, 1, 'none is answered in its midst')
    client.destroy()
    other.destroy()
    await eventually(() => app.eventfeed.stats().connections === 1, 'those that waited are over')
  }
  warm.destroy()
  await empty()
  t.strictSame(log.filter(({ level }) => level >= 40), [])
})
