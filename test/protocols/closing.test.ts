/** The server ends streams: by its drain, by limits of time, by a kick. In every way to be served the response ends properly. */
import { eventually } from '../story/raw-client.ts'
import { onEveryWay, serveWay } from './serve-way.ts'

onEveryWay('app.close() gives each open stream its reconnection time and its end, and returns', async (t, way) => {
  let finals = 0
  const { app, peer } = await serveWay(t, way, (app) => {
    const news = app.feed('news')
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe()))
    app.get('/generator', (_request, reply) => reply.sse(async function * ({ until }) {
      try { yield 'begun'; await until(new Promise(() => {})) } finally { finals++ }
    }))
    app.get('/not-yet', (_request, reply) => reply.sse(async function * ({ until }) {
      try { await until(new Promise(() => {})); yield '' } finally { finals++ }
    }, { commitDelayMs: 3_600_000 }))
  }, { drainTimeoutMs: 20_000 })
  const answers = []
  for (const path of ['/feed', '/generator', '/not-yet', '/feed', '/generator']) answers.push((await peer()).ask(path))
  await eventually(() => app.eventfeed.stats().connections === 5, 'all are there')
  await Promise.all(answers.map((answer, i) => i === 2 ? undefined : answer.until(/* of the first event */ '\n\n')))
  const startedAt = performance.now()
  await app.close()
  t.ok(performance.now() - startedAt < 15_000, 'before the drain is over')
  for (const answer of answers) {
    await answer.whole()
    t.match(answer.text, /(^|\n)retry: (2\d|30)\d{3}\n\n$/)
    t.notMatch(answer.text, 'stream:done')
  }
  t.equal(finals, 3)
  t.equal(app.eventfeed.stats().connections, 0)
}, { needs: 'close' })

onEveryWay('a large rest is delivered while the application closes', async (t, way) => {
  const { app, peer } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) {
      yield 'begun'
      yield 'r'.repeat(8 * 1024 * 1024)
      await until(new Promise(() => {}))
    }))
  }, { drainTimeoutMs: 20_000 })
  const answer = (await peer()).ask('/')
  await answer.until('data: begun\n')
  answer.stall()
  const closing = app.close()
  answer.flow()
  await closing
  await answer.whole()
  t.match(answer.text.slice(-40), /\nretry: \d{5}\n\n$/)
  t.ok(answer.events.every(({ data }) => ['begun', 'r'.repeat(8 * 1024 * 1024)].includes(data)), 'no event is cut')
}, { needs: 'close' })

onEveryWay('a client that takes nothing does not hold app.close() up for longer than the drain may take', async (t, way) => {
  let isDone = false
  const { app, peer } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(function * () { try { for (;;) yield 'z'.repeat(64 * 1024) } finally { isDone = true } }))
  }, { drainTimeoutMs: 300 })
  const answer = (await peer()).ask('/')
  await answer.until('data: z')
  answer.stall()
  await app.close()
  t.ok(isDone)
  t.equal(app.eventfeed.stats().connections, 0)
}, { needs: 'close' })

onEveryWay('limits of time and a kick end the response properly, and the client is to come back', async (t, way) => {
  const reasons: unknown[] = []
  const { app, peer, ends } = await serveWay(t, way, (app) => {
    const options: Record<string, object> = { 'max-age': { maxAgeMs: 60 }, idle: { idleTimeoutMs: 60 }, expired: { expiresAt: new Date() }, kick: {} }
    for (const [reason, each] of Object.entries(options)) {
      app.get(`/${reason}`, (_request, reply) => reply.sse(async function * ({ signal, until }) {
        try { yield { id: '7', data: 'begun' }; await until(new Promise(() => {})) } finally { reasons.push(signal.reason) }
      }, each))
    }
  }, { connectionKey: ({ url }) => url })
  const client = await peer()
  for (const [i, reason] of ['max-age', 'idle', 'expired', 'kick'].entries()) {
    const answer = (way.cannot.reuse === undefined ? client : await peer()).ask(`/${reason}`)
    if (reason === 'kick') {
      await answer.until('data: begun')
      t.equal(app.eventfeed.kick('/kick'), 1)
    }
    await answer.whole()
    t.match(answer.text, /^retry: \d+\ndata: begun\nid: 7\n\n$/)
    t.equal((await ends(i + 1)).at(-1), reason)
  }
  t.match(reasons, [{ reason: 'max-age' }, { reason: 'idle' }, { reason: 'expired' }, { reason: 'kick' }])
})
