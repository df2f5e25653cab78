/** Requests that a client sends before it has the answer to the one before: HTTP/1.1 answers them in order. */
import { Readable } from 'node:stream'
import { eventually } from '../story/raw-client.ts'
import { onEveryWay, serveWay } from './serve-way.ts'
import { WAYS } from './ways.ts'

/** Those in which a connection serves several requests one after another. */
const ways = WAYS.filter(({ protocol, cannot, beside }) => protocol === '1.1' && cannot.reuse === undefined && beside === undefined)

onEveryWay('streams before, between and behind other requests are answered in order', async (t, way) => {
  const { peer, ends } = await serveWay(t, way, (app) => {
    app.get('/stream/:n', (request, reply) => reply.sse([(request.params as { n: string }).n]))
    app.get('/later/:n', (request, reply) => reply.sse(async function * () { yield 'x'.repeat(300_000); yield (request.params as { n: string }).n }))
    app.get('/json/:n', async (request) => request.params)
  })
  for (const paths of [['/json/0', '/stream/1', '/json/2'], ['/stream/0', '/stream/1', '/json/2', '/later/3', '/beside?slowly', '/later/5', '/stream/6'], ['/stream/0'], ['/beside?slowly', '/stream/1', '/beside?slowly', '/stream/3']]) {
    const client = await peer()
    const answers = paths.map((path) => client.ask(path))
    for (const [i, answer] of answers.entries()) {
      await answer.whole()
      t.equal(answer.status, 200)
      const path = paths[i] ?? ''
      const expected = path.startsWith('/json') ? `{"n":"${i}"}` : path.startsWith('/beside') ? '{"beside":true}' : `data: ${i}\n\nevent: stream:done\n`
      t.ok(answer.text.includes(expected), `${path} among ${paths.join()}`)
    }
    const next = client.ask('/json/again')
    await next.whole()
    t.equal(next.text, '{"n":"again"}')
  }
  t.ok((await ends(9)).every((reason) => reason === 'done'))
}, { ways })

onEveryWay('a stream behind one that is open begins for its client when that has ended', async (t, way) => {
  let end = (): void => {}
  const ended = new Promise<void>((resolve) => { end = resolve })
  let yielded = 0
  const { app, peer } = await serveWay(t, way, (app) => {
    const news = app.feed('news')
    app.get('/first', (_request, reply) => reply.sse(async function * ({ until }) { yield 'first'; await until(ended) }))
    app.get('/second', (_request, reply) => reply.sse(function * () { for (; yielded < 1_000; yielded++) yield `${yielded} ${'s'.repeat(64 * 1024)}` }))
    app.get('/third', (_request, reply) => reply.sse(news.subscribe({ from: 'earliest' })))
    app.get('/publish', async () => await news.publish({ event: 'message', data: 'published' }))
  })
  const client = await peer()
  const [first, second, third] = [client.ask('/first'), client.ask('/second'), client.ask('/third')]
  await first?.until('data: first')
  await app.inject('/publish')
  const other = await peer()
  await other.ask('/beside').whole()
  t.equal(app.eventfeed.stats().connections, 1, 'the first alone has a place')
  t.equal(second?.status, 0)
  t.equal(yielded, 0, 'the second has not begun')
  end()
  await first?.whole()
  await second?.whole()
  t.strictSame(second?.numbers, Array.from({ length: 1_000 }, (_, i) => i))
  await third?.until('data: published')
  await app.inject('/publish')
  await eventually(() => third?.events.filter(({ data }) => data === 'published').length === 2, 'the third flows')
}, { ways })

onEveryWay('a stream whose turn does not come never begins, and its source is closed', async (t, way) => {
  let begun = 0
  let finals = 0
  const waiting: Readable[] = []
  const { app, peer, empty, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) {
      begun++
      try { yield 'begun'; await until(new Promise(() => {})) } finally { finals++ }
    }))
    app.get('/waits', (_request, reply) => {
      const source = Readable.from(['never seen'])
      waiting.push(source)
      return reply.sse(source)
    })
  }, { drainTimeoutMs: 1_000 })
  let opened = 0
  for (const manner of ['ends its side', 'destroys the connection', undefined]) {
    const client = await peer()
    const [first, second, third] = [client.ask('/'), client.ask('/waits'), client.ask('/')]
    await first?.until('data: begun')
    opened++
    await eventually(() => waiting.length === opened, 'the second is asked for')
    t.equal(app.eventfeed.stats().connections, 1)
    if (manner === undefined) await app.close()
    else first?.leavings[manner]?.()
    await empty()
    await eventually(() => waiting.every(({ destroyed }) => destroyed), 'the source that waits is closed')
    await eventually(() => finals === opened, 'finally runs')
    t.equal(begun, opened, 'no other source has begun')
    t.equal((await ends(opened)).length, opened)
    if (manner === undefined) await first?.whole()
    await Promise.all([second?.over(), third?.over()].map((over) => over?.catch(() => {})))
  }
}, { ways })
