/** `writeTimeoutMs`, in every way to be served: who takes nothing is cut off, and who is slow is not. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { eventually } from '../story/raw-client.ts'
import type { Answer } from './answer.ts'
import { onEveryWay, serveWay } from './serve-way.ts'

// they wait more than they work
t.jobs = 3

/** 64 KiB that no compressor makes shorter than three quarters of them. */
const NOISE = randomBytes(48 * 1024).toString('base64')
const LARGE = NOISE.repeat(320)

onEveryWay('a client that takes nothing for writeTimeoutMs is cut off, and the source is closed', async (t, way) => {
  const reasons: unknown[] = []
  const { peer, ends, empty } = await serveWay(t, way, (app) => {
    app.get('/endless', (_request, reply) => reply.sse(function * ({ signal }) {
      try { for (let number = 0; ; number++) yield `${number} ${NOISE}` } finally { reasons.push(signal.reason) }
    }, { writeTimeoutMs: 250 }))
    app.get('/last-word', (_request, reply) => reply.sse([`0 ${LARGE}`], { writeTimeoutMs: 250 }))
  })
  for (const [path, count] of [['/endless', 1], ['/last-word', 2]] as const) {
    // what is no socket has delivered one event whole before its client can stall
    if (path === '/last-word' && (way.protocol === 'inject' || way.isDuplex === true)) continue
    const answer = (await peer()).ask(path)
    await answer.until('data: 0 ')
    answer.stall()
    const reason = (await ends(count)).at(-1)
    // where the second could be handed on whole, its source had ended
    t.match(reason, path === '/endless' ? /^write-timeout$/ : /^(write-timeout|done)$/)
    answer.flow()
    await eventually(() => answer.hasEnded || answer.isCut, 'it is cut')
    t.notMatch(answer.text.slice(-100), 'stream:done')
    // HTTP/1.0 has no other end of a body than that of its connection
    t.equal(answer.isCut, way.protocol !== '1.0')
  }
  t.match(reasons, [{ reason: 'write-timeout' }])
  await empty()
})

/** Reads a little, every now and then, for longer than `writeTimeoutMs`; then all. */
async function readSlowly (answer: Answer, forMs: number): Promise<void> {
  await answer.until('data: 0 ')
  const startedAt = performance.now()
  for (let pauseMs = 100; performance.now() - startedAt < forMs && !answer.hasEnded && !answer.isCut; pauseMs += 100) {
    answer.stall()
    await eventually(() => performance.now() - startedAt >= pauseMs, 'a while is over')
    const { length } = answer
    answer.flow()
    await eventually(() => answer.length > length || answer.hasEnded || answer.isCut, 'it has read a little')
  }
  answer.flow()
  await answer.whole()
}

onEveryWay('a client that reads slowly is not cut off', async (t, way) => {
  const { peer, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(function * () { for (let number = 0; number < 500; number++) yield `${number} ${NOISE}` }, { writeTimeoutMs: 1_500 }))
  })
  const answer = (await peer()).ask('/')
  await readSlowly(answer, 2_500)
  t.strictSame(await ends(1), ['done'])
  t.strictSame(answer.numbers, Array.from({ length: 500 }, (_, i) => i))
})

onEveryWay('a client that reads one large event slowly is not cut off', async (t, way) => {
  const { peer, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse([`0 ${LARGE}`], { writeTimeoutMs: 1_500 }))
  })
  const answer = (await peer()).ask('/')
  await readSlowly(answer, 2_500)
  t.strictSame(await ends(1), ['done'])
  t.ok(answer.events[0]?.data === `0 ${LARGE}`)
}, { needs: 'progress' })
