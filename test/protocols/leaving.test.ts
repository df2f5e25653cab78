/** The client leaves, in each manner of each way to be served: the source is closed, and nothing of the stream is left. */
import { eventually } from '../story/raw-client.ts'
import { onEveryWay, serveWay } from './serve-way.ts'

const LARGE = 'l'.repeat(64 * 1024)

onEveryWay('finally runs when the client leaves, whatever the source waits for', async (t, way) => {
  const reasons: unknown[] = []
  const { app, peer, ends, empty, log } = await serveWay(t, way, (app) => {
    const quiet = app.feed('quiet')
    app.get('/waits', (_request, reply) => reply.sse(async function * ({ signal, until }) {
      try { yield 'begun'; await until(new Promise(() => {})) } finally { reasons.push(signal.reason) }
    }))
    app.get('/is-stalled', (_request, reply) => reply.sse(function * ({ signal }) {
      try { yield 'begun'; for (;;) yield LARGE } finally { reasons.push(signal.reason) }
    }))
    app.get('/feed', (_request, reply) => reply.sse(quiet.subscribe()))
  })
  const manners = Object.keys((await peer()).ask('/nothing').leavings)
  let left = 0
  for (const path of ['/waits', '/is-stalled', '/feed']) {
    for (const manner of manners) {
      // who ends its own side and does not read is still there: the end of what it was sent is behind what waits
      if (path === '/is-stalled' && manner === 'ends its side') continue
      await t.test(`${path.slice(1)}: the client ${manner}`, async (t) => {
        const answer = (await peer()).ask(path)
        await answer.until(path === '/feed' ? 'stream:bookmark' : 'data: begun')
        if (path === '/is-stalled') answer.stall()
        const before = reasons.length
        answer.leavings[manner]?.()
        t.equal((await ends(++left)).at(-1), 'client')
        if (path !== '/feed') await eventually(() => reasons.length > before, 'finally runs')
        t.match(reasons, Array(reasons.length).fill({ reason: 'client' }))
        await empty()
      })
    }
  }
  t.equal(app.eventfeed.stats().connections, 0)
  // an injected response that is aborted is one that failed: Fastify itself logs that
  if (way.protocol !== 'inject') t.strictSame(log.filter(({ level }) => level >= 50), [])
})

onEveryWay('a client that leaves before the head: the source is closed', async (t, way) => {
  let reason: unknown
  const { app, peer, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ signal, until }) {
      try { await until(new Promise(() => {})); yield '' } finally { reason = signal.reason }
    }, { commitDelayMs: 3_600_000 }))
  })
  const manners = Object.keys((await peer()).ask('/nothing').leavings)
  let left = 0
  for (const manner of manners) {
    reason = undefined
    const answer = (await peer()).ask('/')
    await eventually(() => app.eventfeed.stats().connections === 1, 'it is there')
    answer.leavings[manner]?.()
    t.equal((await ends(++left)).at(-1), 'client', manner)
    await eventually(() => reason !== undefined, 'finally runs')
    t.match(reason, { reason: 'client' })
    t.equal(answer.status, 0)
  }
})
