/** Fastify's `request.signal`: it is aborted when the stream is over, also if it was taken before the head went out. */
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { createServer } from 'node:http'
import { connect } from 'node:http2'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import eventfeed from '../../lib/index.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

const never = (): Promise<never> => new Promise(() => {})

const probe = fastify()
probe.get('/', async (request) => ({ has: 'signal' in request }))
const { has } = (await probe.inject('/')).json<{ has: boolean }>()
await probe.close()
const skip = has ? false : 'this version of Fastify has no request.signal'

/** An upstream that answers and never ends; and how many of its responses are open. */
async function upstreamOf (t: Test): Promise<{ url: string, open: () => number }> {
  let open = 0
  const server = createServer((_request, response) => {
    open++
    response.on('close', () => { open-- }).write('begun')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, open: () => open }
}

/** Routes that ask upstream with the request's signal, taken before the head goes out or after. */
function routes (app: FastifyInstance, url: string, signals: AbortSignal[] = []): void {
  const fetching = async (request: FastifyRequest): Promise<void> => {
    // the types of older versions of Fastify 5 do not know it either
    const { signal } = request as FastifyRequest & { signal: AbortSignal }
    signals.push(signal)
    await fetch(url, { signal })
  }
  app.route({
    method: ['GET', 'POST'],
    url: '/before',
    handler: async (request, reply) => {
      await fetching(request)
      return reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) })
    }
  })
  app.get('/within', (request, reply) => reply.sse(async function * ({ until }) { await fetching(request); yield 'begun'; await until(never()) }))
  app.get('/after', (request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await fetching(request); await until(never()) }))
}

t.test('fetch(upstream, { signal: request.signal }) ends when the client leaves', { skip }, async (t) => {
  const { url, open } = await upstreamOf(t)
  const { port, empty } = await serve(t, (app) => { routes(app, url) })
  for (const path of ['/before', '/within', '/after']) {
    const client = await RawClient.get(t, port, path)
    await client.until('data: begun')
    await eventually(() => open() === 1, `upstream is asked: ${path}`)
    client.destroy()
    await eventually(() => open() === 0, `upstream is left: ${path}`)
  }
  await empty()
})

t.test('... of a POST', { skip }, async (t) => {
  const signals: AbortSignal[] = []
  const { url, open } = await upstreamOf(t)
  const { port } = await serve(t, (app) => {
    // what is taken before the body was read Fastify aborts by itself when it was
    app.addHook('preHandler', async () => { await new Promise((resolve) => { setImmediate(resolve) }) })
    routes(app, url, signals)
  })
  const client = await RawClient.connect(t, port)
  client.ask('/before', { 'content-type': 'application/json', 'content-length': '2' }, 'POST')
  client.socket.write('{}')
  await client.until('data: begun')
  t.equal(open(), 1)
  client.destroy()
  await eventually(() => signals[0]?.aborted === true && open() === 0, 'upstream is left')
})

t.test('... over HTTP/2, and of an injected request', { skip }, async (t) => {
  const { url, open } = await upstreamOf(t)
  const app = fastify({ http2: true })
  t.teardown(() => app.close())
  await app.register(eventfeed, { drainTimeoutMs: 1 })
  routes(app as unknown as FastifyInstance, url)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const session = connect(`http://127.0.0.1:${(app.server.address() as AddressInfo).port}`)
  t.teardown(() => { session.destroy() })
  const stream = session.request({ ':path': '/before' })
  stream.on('error', () => {})
  await once(stream, 'data')
  t.equal(open(), 1)
  stream.destroy()
  await eventually(() => open() === 0, 'upstream is left')

  const { app: injected } = await serve(t, (app) => { routes(app, url) })
  const leaving = new AbortController()
  const response = await injected.inject({ url: '/before', payloadAsStream: true, signal: leaving.signal })
  response.stream().on('error', () => {}).resume()
  await eventually(() => open() === 1, 'upstream is asked')
  leaving.abort()
  await eventually(() => open() === 0, 'upstream is left')
})

t.test('... and when the stream ends otherwise, as by a kick', { skip }, async (t) => {
  const { url, open } = await upstreamOf(t)
  const { app, port } = await serve(t, (app) => { routes(app, url) }, { connectionKey: () => 'me' })
  const client = await RawClient.get(t, port, '/before')
  await client.until('data: begun')
  t.equal(open(), 1)
  app.eventfeed.kick('me')
  await client.whole()
  await eventually(() => open() === 0, 'upstream is left')
})
