/**
 * A client that is no `EventSource` takes a clean end for success. So in every way to be served, each end but the source's
 * own is seen as a cut, after all that was ready has arrived.
 */
import type { FastifyInstance } from 'fastify'
import { randomBytes } from 'node:crypto'
import { Batch } from '../../lib/wire/batch.ts'
import { openFrames, type FrameSource } from '../../lib/wire/frame-source.ts'
import type { SourceArguments } from '../../lib/index.ts'
import { eventually } from '../story/raw-client.ts'
import { onEveryWay, serveWay } from './serve-way.ts'
import { WAYS, type Way } from './ways.ts'

const headers = { accept: '*/*' }

/** So many events are ready at the end. */
const READY = 50
/** A large rest: more than the sockets of both sides hold. */
const LARGE_EVENTS = 128
const LARGE_BYTES = 64 * 1024

/** What no compressor makes smaller. */
const NOISE = randomBytes(LARGE_BYTES).toString('base64')

/** What a client has of an answer whose events are numbered, in order and without a hole. */
const NUMBERS = Array.from({ length: READY }, (_, index) => index)

function * numbered (count: number, bytes = 0): Generator<string, void> {
  for (let number = 0; number < count; number++) yield `${number} ${NOISE.slice(0, bytes)}`
}

async function * open ({ until }: SourceArguments): AsyncGenerator<string, void> {
  yield * numbered(READY)
  await until(new Promise(() => {}))
}

/** A source that falls off its log after it has said all. */
const lagging = {
  [openFrames]: (): FrameSource => {
    let isRead = false
    return {
      read: () => {
        if (isRead) return undefined
        isRead = true
        return new Batch(NUMBERS.map((number) => `data: ${number} \n\n`).join(''), READY)
      },
      get end () { return isRead ? { kind: 'lagged' as const } : undefined },
      quiet: () => undefined,
      behind: () => ({ entries: 0, bytes: 0 }),
      cancel: () => undefined,
      release: () => {}
    }
  }
}

/** Routes whose streams end for the reason that they are named by. */
function routes (app: FastifyInstance): void {
  app.get('/done', (_request, reply) => reply.sse(numbered(READY)))
  app.get('/failed', (_request, reply) => reply.sse(async function * () {
    yield * numbered(READY)
    throw new Error('broken')
  }))
  app.get('/kick', (_request, reply) => reply.sse(open))
  app.get('/drain', (_request, reply) => reply.sse(open))
  app.get('/max-age', (_request, reply) => reply.sse(open, { maxAgeMs: 50 }))
  app.get('/idle', (_request, reply) => reply.sse(open, { idleTimeoutMs: 50 }))
  app.get('/expired', (_request, reply) => reply.sse(open, { expiresAt: new Date(Date.now() + 50) }))
  app.get('/revoked', (_request, reply) => reply.sse(open, { recheck: () => false, recheckIntervalMs: 1_000 }))
  app.get('/lagged', (_request, reply) => reply.sse(lagging as never))
}

/** As nginx speaks it to an encrypted server by default: an encrypted socket of Node's cannot be reset by itself. */
const OVER_TLS: Way = { name: 'HTTP/1.0 over TLS', server: 'https', protocol: '1.0', cannot: {} }

const REASONS = ['failed', 'kick', 'max-age', 'idle', 'expired', 'revoked', 'lagged'] as const

onEveryWay('each end but the source\'s own is a cut, after all that was ready', async (t, way) => {
  const { app, peer, ends } = await serveWay(t, way, routes, { connectionKey: ({ url }) => url })
  for (const [index, reason] of REASONS.entries()) {
    const answer = (await peer()).ask(`/${reason}`, { headers })
    if (reason === 'kick') {
      await answer.until(`data: ${READY - 1} `)
      app.eventfeed.kick('/kick')
    }
    await answer.over()
    t.ok(answer.isCut, reason)
    t.notOk(answer.hasEnded, reason)
    t.strictSame(answer.numbers, NUMBERS, reason)
    t.notMatch(answer.text, 'stream:', reason)
    t.equal((await ends(index + 1)).at(-1), reason)
  }
}, { ways: [...WAYS, OVER_TLS] })

onEveryWay('the source\'s own end is a plain end', async (t, way) => {
  const { peer } = await serveWay(t, way, routes)
  const client = await peer()
  const answer = client.ask('/done', { headers })
  await answer.whole()
  t.notOk(answer.isCut)
  t.strictSame(answer.numbers, NUMBERS)
  if (way.cannot.reuse !== undefined) return
  const next = client.ask('/done', { headers })
  await next.whole()
  t.strictSame(next.numbers, NUMBERS, 'and the connection goes on')
})

onEveryWay('app.close() cuts open streams off after all that was ready, and returns', async (t, way) => {
  const { app, peer } = await serveWay(t, way, routes, { drainTimeoutMs: 20_000 })
  const answers = []
  for (let count = 0; count < 3; count++) answers.push((await peer()).ask('/drain', { headers }))
  for (const answer of answers) await answer.until(`data: ${READY - 1} `)
  const startedAt = performance.now()
  await app.close()
  t.ok(performance.now() - startedAt < 15_000, 'before the drain is over')
  for (const answer of answers) {
    await answer.over()
    t.ok(answer.isCut)
    t.strictSame(answer.numbers, NUMBERS)
  }
}, { needs: 'close' })

onEveryWay('all of a large rest arrives before the cut, though its client was slow', async (t, way) => {
  const { peer, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () {
      yield * numbered(LARGE_EVENTS, LARGE_BYTES)
      throw new Error('broken')
    }))
  })
  const answer = (await peer()).ask('/', { headers })
  await answer.until('data: 0 ')
  answer.stall()
  // the client reads in pieces
  for (let count = 0; count < 5; count++) {
    answer.flow()
    const { length } = answer
    await eventually(() => answer.length > length || answer.isCut, 'more comes')
    answer.stall()
  }
  answer.flow()
  await answer.over()
  t.ok(answer.isCut)
  t.strictSame(answer.numbers, Array.from({ length: LARGE_EVENTS }, (_, index) => index))
  t.strictSame(await ends(1), ['failed'])
})

onEveryWay('a client that takes nothing is cut off within writeTimeoutMs, and sees a cut', async (t, way) => {
  let isFailed = false
  const { app, peer } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () {
      yield * numbered(LARGE_EVENTS, LARGE_BYTES)
      isFailed = true
    }, { writeTimeoutMs: 300 }))
  })
  const answer = (await peer()).ask('/', { headers })
  await answer.until('data: 0 ')
  answer.stall()
  await eventually(() => app.eventfeed.stats().connections === 0, 'the stream ends')
  answer.flow()
  await answer.over()
  t.notOk(isFailed, 'the source waits for its client')
  // of a reset that comes while a client does not read, libuv makes a plain end
  if (way.protocol !== '1.0') t.ok(answer.isCut, 'no truncation looks whole')
})

onEveryWay('a client that leaves while its cut waits does no harm', async (t, way) => {
  const { app, peer, empty } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () {
      yield * numbered(LARGE_EVENTS, LARGE_BYTES)
      throw new Error('broken')
    }))
    app.get('/small', (_request, reply) => reply.sse(async function * () {
      yield * numbered(READY)
      throw new Error('broken')
    }))
    // one that ends its side alone may still read
  }, { writeTimeoutMs: 1_000 })
  for (const path of ['/', '/small']) {
    for (const leaving of Object.keys((await peer()).ask('/small', { headers }).leavings)) {
      const answer = (await peer()).ask(path, { headers })
      await answer.until('data: 0 ')
      answer.stall()
      answer.leavings[leaving]?.()
    }
  }
  await empty()
  t.equal(app.eventfeed.stats().connections, 0)
})
