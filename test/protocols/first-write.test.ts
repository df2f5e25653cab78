/** How a stream's first bytes leave: what reconnecting costs is mostly the number of writes. */
import type { FastifyInstance } from 'fastify'
import { Socket } from 'node:net'
import { onEveryWay, serveWay } from './serve-way.ts'
import { WAYS, type Way } from './ways.ts'

/** Where bytes go straight to a socket of the stream's own. */
const DIRECT = WAYS.filter(({ name }) => name === 'HTTP/1.1' || name === 'HTTP/1.1 over TLS')

/** Counts the writes of each socket, those of several chunks at once too. */
function countWrites (app: FastifyInstance, { server }: Way): { count: number } {
  const writes = { count: 0 }
  app.server.on(server === 'https' ? 'secureConnection' : 'connection', (socket: Socket) => {
    const { _write, _writev } = Socket.prototype
    socket._write = function (...args) {
      writes.count++
      Reflect.apply(_write, this, args)
    }
    socket._writev = function (...args) {
      writes.count++
      if (_writev !== undefined) Reflect.apply(_writev, this, args)
    }
  })
  return writes
}

onEveryWay('the head, the reconnection time and the first events leave in one write', async (t, way) => {
  let writes = { count: 0 }
  const { peer } = await serveWay(t, way, (app) => {
    writes = countWrites(app, way)
    const news = app.feed('news')
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/events', (_request, reply) => reply.sse(['one', 'two'], { onEnd: 'reconnect' }))
    app.get('/quiet', (_request, reply) => reply.sse(({ until }) => until(new Promise<never>(() => {})), { commitDelayMs: 0 }))
  })
  for (const [path, last] of [['/feed', 'stream:bookmark'], ['/events', 'data: two'], ['/quiet', 'retry: ']] as const) {
    const client = await peer()
    writes.count = 0
    const answer = client.ask(path)
    await answer.until(last)
    t.match(answer.text, /^retry: \d+\n/, 'the reconnection time comes first')
    // the response's own end is a write
    t.equal(writes.count, path === '/events' ? 2 : 1, path)
  }
}, { ways: DIRECT })

onEveryWay('a large first event follows the head in a write of its own, and is not copied', async (t, way) => {
  let writes = { count: 0 }
  const { peer } = await serveWay(t, way, (app) => {
    writes = countWrites(app, way)
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) {
      yield 'x'.repeat(20_000)
      await until(new Promise<never>(() => {}))
    }))
  })
  const client = await peer()
  writes.count = 0
  const answer = client.ask('/')
  await answer.until('\n\n')
  t.match(answer.text, /^retry: \d+\ndata: x{20000}\n\n$/)
  // over TLS it goes in two slices
  t.equal(writes.count, way.server === 'https' ? 3 : 2)
}, { ways: DIRECT })
