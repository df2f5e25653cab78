/** A head that cannot be sent, on every stack on which a stream is committed: an ordinary error response, and nothing is left. */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { PassThrough, Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { SourceArguments } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

type Source = (stream: SourceArguments) => AsyncGenerator<string>

const never = (): Promise<never> => new Promise(() => {})
const NOT_LATIN1 = 'caf\u20ac'

/** Heads that Node refuses, and with what. */
const HEADS: Record<string, { spoil: (reply: FastifyReply) => void, code: string }> = {
  'a header\'s value': { spoil: (reply) => { reply.header('x-room', NOT_LATIN1) }, code: 'ERR_INVALID_CHAR' },
  'a header\'s name': { spoil: (reply) => { reply.header('x room', 'one') }, code: 'ERR_INVALID_HTTP_TOKEN' },
  'a status code': { spoil: (reply) => { reply.raw.statusCode = 1_000 }, code: 'ERR_HTTP_INVALID_STATUS_CODE' }
}

/** How a stream comes to be committed: its source does it, or somebody else. */
const STACKS: Record<string, { source: Source, commits?: (app: FastifyInstance, clock: ManualClock) => void, reason?: string }> = {
  'the call of ready()': { source: async function * ({ ready, until }) { ready(); await until(never()); yield 'no' } },
  'a later call of ready()': { source: async function * ({ ready, until }) { await turn(); ready(); await until(never()); yield 'no' } },
  'the first event': { source: async function * ({ until }) { await turn(); yield 'one'; await until(never()) } },
  'the end of the source': { source: async function * () { await turn() } },
  'the timer of commitDelayMs': { source: async function * ({ until }) { await until(never()); yield 'no' }, commits: (_app, clock) => { clock.advance(1_000) } },
  'a kick': { source: async function * ({ until }) { await until(never()); yield 'no' }, commits: (app) => { app.eventfeed.kick('me') }, reason: 'kick' }
}

for (const [head, { spoil, code }] of Object.entries(HEADS)) {
  for (const [stack, { source, commits, reason = 'superseded' }] of Object.entries(STACKS)) {
    t.test(`${head} that Node refuses, from ${stack}: 500, the source is closed, the slot is free`, async (t) => {
      const clock = new ManualClock()
      let finals = 0
      const { app, port, ends, log } = await serve(t, (app) => {
        app.get('/', (_request, reply) => {
          spoil(reply)
          return reply.sse(async function * (stream) { try { yield * source(stream) } finally { finals++ } })
        })
        app.get('/plain', (_request, reply) => { spoil(reply); return reply.send('plain') })
      }, { clock, connectionKey: () => 'me', maxConnectionsPerKey: 1 })
      const plain = await app.inject('/plain')
      const client = await RawClient.get(t, port, '/')
      if (commits !== undefined) {
        await eventually(() => app.eventfeed.stats().connections === 1, 'the stream is there')
        commits(app, clock)
      }
      await client.until('}')
      t.equal(client.status, plain.statusCode, 'as a plain route answers')
      t.match(JSON.parse(client.body), { statusCode: 500, code })
      await eventually(() => finals === 1, 'finally runs')
      t.strictSame(await ends(1), [reason])
      t.equal(app.eventfeed.stats().connections, 0)
      t.ok(log.some(({ level, err }) => level === 50 && err?.code === code), 'the log has the error')
      client.forget()
      client.ask('/')
      if (commits !== undefined) {
        await eventually(() => app.eventfeed.stats().connections === 1, 'the next stream is there')
        commits(app, clock)
      }
      await client.until('}')
      t.equal(client.status, 500, 'the connection stays usable')
    })
  }
}

t.test('an iterable in the handler\'s own call: 500', async (t) => {
  const { app, ends } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.header('x-room', NOT_LATIN1).sse(['one'])) })
  t.match((await app.inject('/')).json(), { statusCode: 500, code: 'ERR_INVALID_CHAR' })
  t.strictSame(await ends(1), ['superseded'])
})

t.test('from the drain: 500, and the application closes', async (t) => {
  let finals = 0
  const { app, port, ends } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.header('x-room', NOT_LATIN1).sse(async function * ({ until }) {
      try { await until(never()); yield 'no' } finally { finals++ }
    }))
  }, { commitDelayMs: 3_600_000 })
  const client = await RawClient.get(t, port, '/')
  await eventually(() => app.eventfeed.stats().connections === 1, 'the stream is there')
  await app.close()
  await client.until('}')
  t.equal(client.status, 500)
  t.equal(finals, 1)
  t.strictSame(await ends(1), ['drain'])
})

t.test('a header that an onSend hook spoils, however the hook goes on: 500, and the source is closed', async (t) => {
  let finals = 0
  const spoil = (reply: FastifyReply, payload: unknown): void => { if (typeof payload !== 'string') reply.header('x-room', NOT_LATIN1) }
  const source: Source = async function * ({ until }) { try { yield 'one'; await until(never()) } finally { finals++ } }
  const { app, port, ends } = await serve(t, (app) => {
    app.get('/sync', { onSend: (_request, reply, payload, done) => { spoil(reply, payload); done() } }, (_request, reply) => reply.sse(source))
    app.get('/async', { onSend: async (_request, reply, payload) => { await turn(); spoil(reply, payload) } }, (_request, reply) => reply.sse(source))
    app.get('/later', { onSend: (_request, reply, payload, done) => { setImmediate(() => { spoil(reply, payload); done() }) } }, (_request, reply) => reply.sse(source))
    app.get('/wrapped', {
      onSend: (_request, reply, payload, done) => {
        spoil(reply, payload)
        done(null, typeof payload === 'string' ? payload : (payload as Readable).pipe(new PassThrough()))
      }
    }, (_request, reply) => reply.sse(source))
    // the handler's own, refused when a hook has taken its time
    app.get('/handler', { onSend: (_request, _reply, _payload, done) => { setImmediate(done) } }, (_request, reply) => reply.header('x-room', NOT_LATIN1).sse(source))
  })
  const paths = ['/sync', '/async', '/later', '/wrapped']
  for (const path of paths) {
    const client = await RawClient.get(t, port, path)
    await client.until('}')
    t.equal(client.status, 500, path)
    t.match(JSON.parse(client.body), { code: 'ERR_INVALID_CHAR' }, path)
    t.notOk(client.head.some((line) => line.startsWith('content-type: text/event-stream')), path)
  }
  await eventually(() => finals === paths.length, 'finally runs')
  t.strictSame(await ends(paths.length), paths.map(() => 'superseded'))
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('a status message that Node refuses, with which no error can be sent either: the connection is closed', async (t) => {
  let finals = 0
  const { app, port, ends, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => {
      reply.raw.statusMessage = 'two\nlines'
      return reply.sse(async function * ({ until }) { try { await turn(); yield 'one'; await until(never()) } finally { finals++ } })
    })
  })
  const client = await RawClient.get(t, port, '/')
  await client.closed()
  t.equal(client.text, '')
  await eventually(() => finals === 1, 'finally runs')
  t.strictSame(await ends(1), ['superseded'])
  t.ok(log.some(({ level, err }) => level === 50 && err?.code === 'ERR_INVALID_CHAR'))
  t.equal((await app.inject('/nothing')).statusCode, 404)
})

t.test('an onSend hook that throws what is no error ends the stream', async (t) => {
  let finals = 0
  const source: Source = async function * ({ until }) { try { await turn(); yield 'one'; await until(never()) } finally { finals++ } }
  const isStream = (payload: unknown): boolean => typeof payload === 'object' && payload !== null && 'pipe' in payload
  const thrown: Record<string, unknown> = { text: 'thrown', nothing: undefined, object: { thrown: true }, zero: 0 }
  const { app, port, ends } = await serve(t, (app) => {
    for (const [name, value] of Object.entries(thrown)) {
      app.get(`/sync/${name}`, { onSend: (_request, _reply, payload, done) => { if (isStream(payload)) throw value; done() } }, (_request, reply) => reply.sse(source))
      app.get(`/async/${name}`, { onSend: async (_request, _reply, payload) => { if (isStream(payload)) throw value } }, (_request, reply) => reply.sse(source))
    }
  })
  let count = 0
  for (const way of ['sync', 'async']) {
    for (const name of Object.keys(thrown)) {
      const client = await RawClient.get(t, port, `/${way}/${name}`, { connection: 'close' })
      await client.closed()
      count++
      await eventually(() => finals === count, `finally runs: ${way} ${name}`)
      t.strictSame((await ends(count)).at(-1), 'superseded', `${way} ${name}`)
    }
  }
  t.equal(app.eventfeed.stats().connections, 0)
  t.equal((await app.inject('/nothing')).statusCode, 404)
})

t.test('a status without a body: the answer of a plain route, and the source is closed', async (t) => {
  let finals = 0
  const codes = [204, 304]
  const { app, port, ends } = await serve(t, (app) => {
    for (const code of codes) {
      app.get(`/${code}`, (_request, reply) => reply.code(code).sse(async function * ({ until }) { try { yield 'one'; await until(never()) } finally { finals++ } }))
    }
  })
  for (const [index, code] of codes.entries()) {
    const client = await RawClient.get(t, port, `/${code}`)
    await client.until('\r\n\r\n')
    t.equal(client.status, code)
    await eventually(() => finals === index + 1, 'finally runs')
    t.equal((await ends(index + 1)).at(-1), 'superseded')
    t.equal(client.text.split('\r\n\r\n')[1], '', 'there is no body')
  }
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('trailers that Node refuses are left out, and logged', async (t) => {
  const { port, ends, log } = await serve(t, (app) => {
    app.get('/value', (_request, reply) => reply.trailer('x-room', async () => NOT_LATIN1).sse(async function * () { await turn(); yield 'one' }))
    app.get('/name', (_request, reply) => reply.trailer('x room', async () => 'one').sse(async function * () { await turn(); yield 'one' }))
    app.get('/good', (_request, reply) => reply.trailer('x-room', async () => 'one').sse(['one']))
    app.get('/bare', (_request, reply) => reply.trailer('x-room', async () => 'one').send(Readable.from(['one'])))
  })
  const bare = await RawClient.get(t, port, '/bare')
  // Fastify 5.0.0 sends no trailer at the end of a payload that is a stream
  await bare.until(/\r\n0\r\n(x-room: one\r\n)?\r\n$/)
  const sendsTrailers = bare.text.includes('x-room: one')
  for (const path of ['/value', '/name', '/good']) {
    const client = await RawClient.get(t, port, path)
    await client.until(path === '/good' && sendsTrailers ? 'x-room: one\r\n\r\n' : /\r\n0\r\n\r\n$/)
    t.match(client.text, 'data: one', path)
    t.equal(client.status, 200, path)
  }
  t.strictSame(await ends(3), ['done', 'done', 'done'])
  t.strictSame(log.filter(({ level }) => level === 50).map(({ err }) => err?.code), ['ERR_INVALID_CHAR', 'ERR_INVALID_HTTP_TOKEN'])
})
