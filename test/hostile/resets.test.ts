/** Clients that reset the connection, or close one half of it, at each moment of a stream's life. */
import t, { type Test } from 'tap'
import { connect, type Socket } from 'node:net'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'
import { resetSocket } from './reset-socket.ts'

const never = (): Promise<never> => new Promise(() => {})

/** A stream of each kind of moment; `ended` counts the sources that ran their `finally`. */
async function serveMoments (t: Test): Promise<Awaited<ReturnType<typeof serve>> & { ended (): number, reached: Set<string> }> {
  let ended = 0
  const reached = new Set<string>()
  const served = await serve(t, (app) => {
    app.addHook('onSend', async (request) => {
      if (request.url !== '/head') return
      reached.add('/head')
      for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => { setImmediate(resolve) })
    })
    app.get('/set-up', (_request, reply) => reply.sse(async function * ({ until }) {
      try { reached.add('/set-up'); await until(never()); yield '' } finally { ended++ }
    }, { commitDelayMs: 3_600_000 }))
    for (const path of ['/head', '/open']) {
      app.get(path, (_request, reply) => reply.sse(async function * ({ until }) {
        try { yield 'begun'; reached.add('/open'); await until(never()) } finally { ended++ }
      }))
    }
    app.get('/batch', (_request, reply) => reply.sse(function * () {
      try { for (;;) { reached.add('/batch'); yield 'b'.repeat(300_000) } } finally { ended++ }
    }))
  })
  return { ...served, ended: () => ended, reached }
}

const MOMENTS = { '/set-up': 'the set-up', '/head': 'the head', '/open': 'a quiet stream', '/batch': 'a batch' } as const

for (const [path, moment] of Object.entries(MOMENTS)) {
  t.test(`a reset in the middle of ${moment} ends the stream, and its finally runs once`, async (t) => {
    const { port, ends, empty, log, ended, reached } = await serveMoments(t)
    for (let count = 1; count <= 20; count++) {
      reached.clear()
      const client = await RawClient.get(t, port, path)
      await eventually(() => reached.has(path), moment)
      if (path === '/batch') client.stall()
      resetSocket(client.socket)
      t.equal((await ends(count)).at(-1), 'client')
      await eventually(() => ended() === count, 'finally runs')
    }
    await empty()
    t.equal(ended(), 20)
    t.strictSame(log.filter(({ level }) => level >= 40), [])
  })

  t.test(`a client that closes its half in the middle of ${moment} has left`, async (t) => {
    const { port, ends, empty, log, ended, reached } = await serveMoments(t)
    // as HTTP has it by default: Node closes the other half too
    for (const allowHalfOpen of [false, true]) {
      reached.clear()
      const before = ended()
      const client = await halfOpenClient(t, port, path, allowHalfOpen)
      await eventually(() => reached.has(path), moment)
      client.end()
      client.resume()
      t.equal((await ends(before + 1)).at(-1), 'client')
      await eventually(() => ended() === before + 1, 'finally runs')
      await eventually(() => client.readableEnded || client.destroyed, 'the server closes its half')
      client.destroy()
    }
    await empty()
    t.strictSame(log.filter(({ level }) => level >= 40), [])
  })
}

t.test('a client that closes its half and does not read is cut off when it takes nothing', async (t) => {
  let ended = 0
  const { port, ends, empty, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(function * () { try { for (;;) yield 'h'.repeat(300_000) } finally { ended++ } }, { writeTimeoutMs: 150 }))
  })
  const client = await halfOpenClient(t, port, '/', true)
  client.pause()
  client.end()
  t.match((await ends(1))[0], /^(write-timeout|client)$/)
  await eventually(() => ended === 1, 'finally runs')
  client.resume()
  await empty()
  t.strictSame(log.filter(({ level }) => level >= 40), [])
})

t.test('where the server has ended its half, what a client still sends harms nobody', async (t) => {
  const { port, empty, log } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(['one'])) })
  const client = await halfOpenClient(t, port, '/', true, 'connection: close\r\n')
  client.resume()
  await eventually(() => client.readableEnded, 'the server ends its half')
  for (let count = 0; count < 100; count++) client.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  client.end()
  await empty()
  t.strictSame(log.filter(({ level }) => level >= 40), [])
})

/** Connects, and asks for `path`. With `allowHalfOpen` it keeps its half when the server closes the other. */
async function halfOpenClient (t: Test, port: number, path: string, allowHalfOpen: boolean, headers = ''): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen })
  t.teardown(() => { socket.destroy() })
  socket.on('error', () => {})
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n${headers}\r\n`)
  return socket
}
