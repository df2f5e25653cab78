/** A client that does not read, in every way to be served: it costs a place in the log, or one event of a generator, and no more. */
import { randomBytes } from 'node:crypto'
import { eventually } from '../story/raw-client.ts'
import type { Feed } from '../../lib/index.ts'
import { onEveryWay, serveWay } from './serve-way.ts'

const EVENT_BYTES = 64 * 1024
/** What no compressor makes shorter than three quarters of it. */
const NOISE = randomBytes(EVENT_BYTES * 3 / 4).toString('base64')
/** Sockets of the kernel hold a few megabytes on either side, and so do TLS and HTTP/2. */
const MOST_BYTES = 32 * 1024 * 1024

/** Waits until a count has not changed for some turns of the event loop. */
async function standsStill (count: () => number): Promise<void> {
  let before = -1
  let turns = 0
  await eventually(() => {
    turns = before === count() ? turns + 1 : 0
    before = count()
    return turns >= 12
  }, 'it stands still')
}

onEveryWay('a generator stands still while the client takes nothing, and goes on in order', async (t, way) => {
  let yielded = 0
  let isDone = false
  const { app, peer, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(function * () { try { for (;;) yield `${yielded++} ${NOISE}` } finally { isDone = true } }))
  })
  const answer = (await peer()).ask('/')
  await answer.until('data: 0 ')
  answer.stall()
  await standsStill(() => yielded)
  const before = yielded
  t.ok(before * EVENT_BYTES < MOST_BYTES, `${before} were pulled`)
  t.equal((await app.inject('/beside')).statusCode, 200, 'others are served meanwhile')
  answer.flow()
  await answer.until(`data: ${before + 20} `)
  const { numbers } = answer
  t.strictSame(numbers, numbers.map((_, i) => i), 'each once, in order')
  Object.values(answer.leavings)[1 % Object.keys(answer.leavings).length]?.()
  await eventually(() => isDone, 'finally runs')
  t.strictSame(await ends(1), ['client'])
})

onEveryWay('what a feed keeps for a client that takes nothing arrives in order; from one that falls off the log, it ends', async (t, way) => {
  const count = 400
  const feeds: Record<string, Feed> = {}
  const { peer, ends } = await serveWay(t, way, (app) => {
    const keeps = feeds.keeps = app.feed('keeps')
    const forgets = feeds.forgets = app.feed('forgets', { retain: { bytes: 1024 * 1024 } })
    app.get('/keeps', (_request, reply) => reply.sse(keeps.subscribe()))
    app.get('/forgets', (_request, reply) => reply.sse(forgets.subscribe()))
  })
  for (const name of ['keeps', 'forgets']) {
    const client = await peer()
    const answer = client.ask(`/${name}`)
    await answer.until('stream:bookmark')
    answer.stall()
    for (let number = 0; number < count; number++) {
      await feeds[name]?.publish({ event: 'message', data: `${number} ${NOISE}` })
      if (number % 10 === 0) await new Promise((resolve) => { setImmediate(resolve) })
    }
    answer.flow()
    if (name === 'keeps') {
      await answer.until(`data: ${count - 1} `)
      t.strictSame(answer.numbers, Array.from({ length: count }, (_, i) => i), 'all, once, in order')
      Object.values(answer.leavings)[0]?.()
      t.strictSame(await ends(1), ['client'])
      continue
    }
    await answer.whole()
    const { numbers } = answer
    t.ok(numbers.length < count, `${numbers.length} came`)
    t.strictSame(numbers, numbers.map((_, i) => i), 'none is left out in between')
    t.strictSame(await ends(2), ['client', 'lagged'])
    const id = answer.events.at(-1)?.id ?? ''
    const again = (await peer()).ask('/forgets', { headers: { 'last-event-id': id } })
    await again.until(`data: ${count - 1} `)
    t.match(again.events[0], { event: 'stream:gap', data: /"reason":"trimmed"/ })
  }
})
