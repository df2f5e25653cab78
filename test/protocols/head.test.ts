/** The head of a stream, in every way to be served. */
import { onEveryWay, serveWay } from './serve-way.ts'

/** The names in a `Vary` header, each once. */
function namesIn (vary = ''): string[] {
  return [...new Set(vary.split(',').map((name) => name.trim().toLowerCase()))].sort()
}

onEveryWay('the head is out before the first event, and says what it should', async (t, way) => {
  let begin = (): void => {}
  const begun = new Promise<void>((resolve) => { begin = resolve })
  const { app, peer } = await serveWay(t, way, (app) => {
    const news = app.feed('news')
    app.get('/generator', (_request, reply) => reply.sse(async function * ({ until }) { await until(begun); yield 'begun' }, { commitDelayMs: 0 }))
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/publish', async () => await news.publish({ event: 'message', data: 'published' }))
  })
  for (const path of ['/generator', '/feed']) {
    const answer = (await peer()).ask(path)
    await answer.opened()
    t.equal(answer.status, 200)
    const { date, ...headers } = answer.headers
    t.ok(date, 'a date')
    const expected: Record<string, string> = {
      'content-type': 'text/event-stream; charset=utf-8; control=events', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no', ...way.brings
    }
    // these are Node's own: nothing of the kind is on HTTP/2, and HTTP/1.0 ends with the connection
    if (way.protocol === '1.0') expected.connection = 'close'
    if (way.protocol === '1.1' || way.protocol === 'inject') {
      expected['transfer-encoding'] = 'chunked'
      expected.connection ??= 'keep-alive'
    }
    const { 'keep-alive': keepAlive, vary, ...others } = headers
    const { vary: alsoVary, ...expectedOthers } = expected
    t.strictSame(others, expectedOthers)
    t.strictSame(namesIn(vary), namesIn(['Accept', ...alsoVary === undefined ? [] : [alsoVary]].join(',')))
    if (keepAlive !== undefined) t.match(keepAlive, /^timeout=\d+$/)
    if (path === '/feed') {
      await answer.until('stream:bookmark')
      t.notMatch(answer.text, 'published')
      await app.inject('/publish')
      await answer.until('data: published\n')
    } else {
      await answer.until('retry: ')
      t.match(answer.text, /^retry: \d+\n?$/)
      begin()
      await answer.until('data: begun\n\n')
    }
  }
})

onEveryWay('HEAD gets the same head, and no source runs', async (t, way) => {
  let runs = 0
  const { peer } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(() => { runs++; return ['one'] }))
  })
  const client = await peer()
  const answer = client.ask('/', { method: 'HEAD' })
  await answer.whole()
  t.equal(answer.status, 200)
  t.match(answer.headers, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' })
  t.equal(answer.length, 0)
  t.equal(runs, 0)
  if (way.cannot.reuse === undefined) {
    const next = client.ask('/')
    await next.until('data: one')
  }
})

onEveryWay('who refuses event streams gets 406, and may ask again', async (t, way) => {
  const { peer } = await serveWay(t, way, (app) => { app.get('/', (_request, reply) => reply.sse(['one'])) })
  const client = await peer()
  const answer = client.ask('/', { headers: { accept: 'application/json' } })
  await answer.whole()
  t.equal(answer.status, 406)
  t.match(JSON.parse(answer.text), { statusCode: 406, code: 'FST_EVENTFEED_NOT_ACCEPTABLE' })
  if (way.cannot.reuse === undefined) {
    const next = client.ask('/', { headers: { accept: 'text/event-stream' } })
    await next.whole()
    t.equal(next.status, 200)
  }
})

onEveryWay('a source that fails at once gets an ordinary error', async (t, way) => {
  const { peer, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () { throw Object.assign(new Error('no'), { statusCode: 418 }); yield '' }, { commitDelayMs: 3_600_000 }))
  })
  const answer = (await peer()).ask('/')
  await answer.whole()
  t.equal(answer.status, 418)
  t.match(JSON.parse(answer.text), { message: 'no' })
  t.strictSame(await ends(1), ['failed'])
})
