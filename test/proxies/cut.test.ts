/**
 * What the clients of most programs make of a cut: through a real nginx with its defaults, which speaks HTTP/1.0 to the
 * server, and over HTTP/2. Only a source's own end may look like success.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { Agent, fetch as undiciFetch, request } from 'undici'
import eventfeed, { type SourceArguments } from '../../lib/index.ts'
import { curl, nginx } from '../programs.ts'
import { certificate } from '../protocols/certificate.ts'
import { eventually } from '../story/raw-client.ts'
import { startNginx } from './nginx-server.ts'

const EVENTS = 40
/** More than the buffers on the way hold. */
const LARGE_BYTES = 64 * 1024

/** What a client has got, and how that ended. */
interface Reading {
  /** The numbers of the events so far. */
  readonly numbers: () => number[]
  /** False where the client reports a failure. */
  readonly isWhole: Promise<boolean>
}

/** A client: reads a stream, at most this often. */
type Client = (t: Test, url: string, pauseMs?: number) => Promise<Reading>

function numbersIn (text: string): number[] {
  return Array.from(text.matchAll(/^data: (\d+) /gm), ([, number]) => Number(number))
}

/** Reads chunk by chunk. */
async function readAll (chunks: AsyncIterable<unknown>, pauseMs: number, onText: (text: string) => void): Promise<boolean> {
  const decoder = new TextDecoder()
  try {
    for await (const chunk of chunks) {
      onText(decoder.decode(chunk as Uint8Array, { stream: true })) // bodies give bytes
      if (pauseMs > 0) await new Promise((resolve) => { setTimeout(resolve, pauseMs) })
    }
    return true
  } catch {
    return false
  }
}

function reading (chunks: AsyncIterable<unknown> | null, pauseMs: number): Reading {
  if (chunks === null) throw new Error('the response has no body')
  let text = ''
  const isWhole = readAll(chunks, pauseMs, (more) => { text += more })
  return { numbers: () => numbersIn(text), isWhole }
}

/** Reads by an agent of its own, which lets go of its connection when all is read. It does not check the certificate of a test. */
async function readingOf (ask: (agent: Agent) => Promise<{ body: AsyncIterable<unknown> | null }>, pauseMs: number): Promise<Reading> {
  const agent = new Agent({ allowH2: true, connect: { rejectUnauthorized: false } })
  const { numbers, isWhole } = reading((await ask(agent)).body, pauseMs)
  return { numbers, isWhole: isWhole.finally(() => agent.destroy()) }
}

const CLIENTS: Record<string, { open: Client, skip: string | false, mayBeSlow: boolean }> = {
  fetch: { skip: false, mayBeSlow: true, open: async (_t, url, pauseMs = 0) => reading((await fetch(url)).body, pauseMs) },
  'fetch of undici': { skip: false, mayBeSlow: true, open: async (_t, url, pauseMs = 0) => await readingOf(async (dispatcher) => await undiciFetch(url, { dispatcher }), pauseMs) },
  // when a stream fails over HTTP/2, it drops what it has not given out
  'request of undici': { skip: false, mayBeSlow: false, open: async (_t, url) => await readingOf(async (dispatcher) => await request(url, { dispatcher }), 0) },
  curl: {
    skip: curl.skip,
    mayBeSlow: false,
    open: async (t, url) => {
      const process = spawn(curl.path, ['-N', '--silent', '--insecure', ...url.startsWith('https:') ? ['--http2'] : [], url], { stdio: ['ignore', 'pipe', 'inherit'] })
      t.teardown(() => { process.kill('SIGKILL') })
      const exited = once(process, 'close')
      let text = ''
      process.stdout.setEncoding('utf8').on('data', (more: string) => { text += more })
      return { numbers: () => numbersIn(text), isWhole: exited.then(([code]) => code === 0) }
    }
  }
}

function * numbered (bytes: number): Generator<string, void> {
  for (let number = 0; number < EVENTS; number++) yield `${number} ${'x'.repeat(bytes)}`
}

function routes (app: FastifyInstance, bytes: number): void {
  const open = async function * ({ until }: SourceArguments): AsyncGenerator<string, void> {
    yield * numbered(bytes)
    await until(new Promise(() => {}))
  }
  app.get('/done', (_request, reply) => reply.sse(numbered(bytes)))
  app.get('/failed', (_request, reply) => reply.sse(async function * () {
    yield * numbered(bytes)
    throw new Error('broken')
  }))
  app.get('/kick', (_request, reply) => reply.sse(open))
  app.get('/drain', (_request, reply) => reply.sse(open))
  app.get('/max-age', (_request, reply) => reply.sse(open, { maxAgeMs: 200 }))
  app.get('/idle', (_request, reply) => reply.sse(open, { idleTimeoutMs: 200 }))
}

async function listen (t: Test, bytes: number, options: FastifyServerOptions | object = {}): Promise<{ app: FastifyInstance, origin: string }> {
  const app = Fastify(options as FastifyServerOptions) as FastifyInstance
  await app.register(eventfeed, { connectionKey: ({ url }) => url })
  routes(app, bytes)
  t.teardown(() => app.close())
  return { app, origin: await app.listen({ host: '127.0.0.1', port: 0 }) }
}

/** The places from which clients read. */
const PLACES: Record<string, { skip: string | false, serve: (t: Test, bytes: number) => Promise<{ app: FastifyInstance, origin: string }> }> = {
  'through nginx with its defaults': {
    skip: nginx.skip,
    serve: async (t, bytes) => {
      const { app, origin } = await listen(t, bytes)
      return { app, origin: await startNginx(t, origin) }
    }
  },
  'over HTTP/2': {
    skip: false,
    serve: async (t, bytes) => await listen(t, bytes, { http2: true, https: { ...await certificate(), allowHTTP1: true } })
  },
  'over HTTP/1.1': { skip: false, serve: async (t, bytes) => await listen(t, bytes) }
}

const ALL = Array.from({ length: EVENTS }, (_, index) => index)

for (const [place, { skip: noPlace, serve }] of Object.entries(PLACES)) {
  for (const [name, { open, skip: noClient, mayBeSlow }] of Object.entries(CLIENTS)) {
    // Node's own fetch checks certificates, and speaks HTTP/1.1 alone
    const isUnfit = name === 'fetch' && place === 'over HTTP/2' && 'fetch of Node speaks HTTP/1.1 alone'
    t.test(`${name}, ${place}`, { skip: isUnfit || noPlace || noClient }, async (t) => {
      await t.test('a source that ends is whole, and all else is a failure, with all events', async (t) => {
        const { app, origin } = await serve(t, 10)
        for (const path of ['done', 'failed', 'max-age', 'idle', 'kick', 'drain']) {
          const { numbers, isWhole } = await open(t, `${origin}/${path}`)
          if (path === 'kick' || path === 'drain') await eventually(() => numbers().length === EVENTS, 'all events')
          if (path === 'kick') app.eventfeed.kick('/kick')
          const closing = path === 'drain' ? app.close() : undefined
          t.equal(await isWhole, path === 'done', path)
          t.strictSame(numbers(), ALL, path)
          await closing
        }
      })

      await t.test('a large rest arrives before the failure', async (t) => {
        const { origin } = await serve(t, LARGE_BYTES)
        for (const pauseMs of mayBeSlow ? [0, 2] : [0]) {
          const { numbers, isWhole } = await open(t, `${origin}/failed`, pauseMs)
          t.equal(await isWhole, false)
          t.strictSame(numbers(), ALL, `with pauses of ${pauseMs} ms`)
        }
      })
    })
  }
}
