/** Beside @fastify/websocket: web sockets and streams share a server, even an address, and both let it close. */
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { WebSocket } from 'undici'
import { eventually, RawClient } from '../story/raw-client.ts'
import { ORDERS, serveBeside } from './serve-beside.ts'

/** What the routes use of a socket of ws, which brings no types. */
interface ServerSocket {
  send (text: string): void
  on (event: 'message', listener: (text: Buffer) => void): void
}

function routes (app: FastifyInstance): void {
  const feed = app.feed('said')
  const echo = (socket: ServerSocket): void => {
    socket.on('message', (text) => {
      socket.send(`echo ${text}`)
      feed.publish({ event: 'said', data: String(text) })
    })
  }
  app.get('/socket', { websocket: true }, echo)
  app.get('/feed', (_request, reply) => reply.sse(feed.subscribe()))
  app.route({ method: 'GET', url: '/both', handler: (_request, reply) => reply.sse(feed.subscribe()), wsHandler: echo })
}

/** A web socket that keeps what it gets. */
async function open (t: Test, url: string): Promise<{ socket: WebSocket, got: string[], isClosed: () => boolean }> {
  const socket = new WebSocket(url.replace('http', 'ws'))
  const got: string[] = []
  let isClosed = false
  let isOpen = false
  socket.addEventListener('open', () => { isOpen = true })
  socket.addEventListener('message', ({ data }) => { got.push(String(data)) })
  socket.addEventListener('close', () => { isClosed = true })
  t.teardown(() => { socket.close() })
  await eventually(() => isOpen || isClosed, 'it opens')
  return { socket, got, isClosed: () => isClosed }
}

for (const order of ORDERS) {
  t.test(`@fastify/websocket, registered ${order} the plugin`, async (t) => {
    const drainTimeoutMs = 30_000
    const { app, port, url, closeQuietly } = await serveBeside(t, async (app) => { await app.register(websocket) }, order, routes, { drainTimeoutMs })

    await t.test('a web socket and a stream flow at the same time, on addresses of their own and on one', async (t) => {
      for (const [path, streamPath] of [['/socket', '/feed'], ['/both', '/both']] as const) {
        const stream = await RawClient.get(t, port, streamPath)
        await stream.until('event: stream:bookmark')
        const { socket, got } = await open(t, url + path)
        for (const text of ['one', 'two']) {
          socket.send(text)
          await eventually(() => got.includes(`echo ${text}`), `the echo of ${text}`)
          await stream.until(`data: ${text}\n`)
        }
        t.strictSame(got, ['echo one', 'echo two'])
        t.equal(stream.text.match(/^data: [a-z]/gm)?.length, 2)
        stream.destroy()
        socket.close()
      }
      await eventually(() => app.eventfeed.stats().connections === 0, 'the streams have left')
    })

    await t.test('a web socket at the address of a stream is closed, and opens no stream', async (t) => {
      const { isClosed } = await open(t, `${url}/feed`)
      await eventually(isClosed, 'it is closed')
      t.equal(app.eventfeed.stats().connections, 0)
    })

    await t.test('app.close() with both open ends both, long before the drain has to cut', async (t) => {
      const stream = await RawClient.get(t, port, '/feed')
      await stream.until('event: stream:bookmark')
      const { isClosed } = await open(t, `${url}/socket`)
      const begun = performance.now()
      await closeQuietly()
      t.ok(performance.now() - begun < drainTimeoutMs / 2)
      await stream.whole()
      await stream.closed()
      await eventually(isClosed, 'the web socket is closed')
    })
  })
}
