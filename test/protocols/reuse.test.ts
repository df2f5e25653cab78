/** The connection under a stream: it outlives the server's time-outs for requests, and serves on when the stream has ended. */
import t from 'tap'
import { onEveryWay, serveWay } from './serve-way.ts'
import { WAYS, type Way } from './ways.ts'

// they wait more than they work
t.jobs = 4

const SHORT_MS = 250

function shortTimeouts ({ protocol }: Way): object {
  const timeouts = { requestTimeout: SHORT_MS, keepAliveTimeout: SHORT_MS, handlerTimeout: SHORT_MS }
  // with a connectionTimeout, of whatever length, Node destroys a session after http2SessionTimeout, with all that is open on it
  return protocol === '2' ? { ...timeouts, http2SessionTimeout: SHORT_MS } : { ...timeouts, connectionTimeout: SHORT_MS }
}

onEveryWay('behind a stream that has ended, the same connection serves the next requests', async (t, way) => {
  const { peer, ends } = await serveWay(t, way, (app) => {
    app.get('/stream/:text', (request, reply) => reply.sse([(request.params as { text: string }).text]))
    app.get('/large', (_request, reply) => reply.sse(async function * () { yield 'x'.repeat(5 * 1024 * 1024) }))
    app.get('/old', (_request, reply) => reply.sse(async function * ({ until }) { yield 'old'; await until(new Promise(() => {})) }, { maxAgeMs: 30 }))
  })
  const client = await peer()
  for (const path of ['/stream/one', '/beside', '/stream/two', '/large', '/beside', '/old', '/stream/three', '/beside']) {
    const answer = client.ask(path)
    await answer.whole()
    t.equal(answer.status, 200, path)
    if (path === '/beside') t.equal(answer.text, '{"beside":true}')
    else t.match(answer.text.slice(0, 40), /^retry: \d+\ndata: \w+/)
    t.notOk(client.isClosed)
  }
  t.strictSame(await ends(5), ['done', 'done', 'done', 'max-age', 'done'])
}, { needs: 'reuse' })

onEveryWay('where the connection can not serve on, the server closes it behind the last byte', async (t, way) => {
  const { peer } = await serveWay(t, way, (app) => { app.get('/', (_request, reply) => reply.sse(['one'])) })
  const client = await peer()
  const answer = client.ask('/')
  await client.closed()
  await answer.whole()
  t.match(answer.text, 'stream:done')
}, { ways: WAYS.filter(({ protocol, cannot }) => protocol !== 'inject' && cannot.reuse !== undefined) })

onEveryWay('no time-out of the server for requests ends a stream', async (t, way) => {
  const { app, peer, log } = await serveWay(t, way, (app) => {
    const news = app.feed('news')
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/generator', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(new Promise(() => {})) }))
    app.get('/publish', async () => await news.publish({ event: 'message', data: 'late' }))
  }, {}, shortTimeouts(way))
  const feed = (await peer()).ask('/feed')
  const generator = (await peer()).ask('/generator')
  await feed.until('stream:bookmark')
  await generator.until('data: begun')
  // connections that do nothing live as long as the time-outs are: when three have ended, the streams have outlived theirs
  for (let i = 0; i < 3; i++) await (await peer()).closed()
  t.notOk(feed.isCut || feed.hasEnded || generator.isCut || generator.hasEnded)
  t.equal(app.eventfeed.stats().connections, 2)
  await app.inject('/publish')
  await feed.until('data: late')
  t.strictSame(log.filter(({ level }) => level >= 50), [])
}, { needs: 'time-outs' })

onEveryWay('when the stream has ended, an idle connection has the server\'s time-outs again', async (t, way) => {
  const { peer } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(new Promise(() => {})) }, { maxAgeMs: 50, writeTimeoutMs: 3_600_000 }))
    app.get('/finite', (_request, reply) => reply.sse(['one'], { writeTimeoutMs: 3_600_000 }))
  }, {}, shortTimeouts(way))
  for (const path of ['/', '/finite']) {
    const client = await peer()
    await client.ask(path).whole()
    await client.closed()
    t.ok(client.isClosed)
  }
}, { needs: 'time-outs' })
