/** Very many clients in a short time: what they cost is given back. */
import { connect } from 'node:net'
import t from 'tap'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'
import { buffersHeld, canCountDescriptors, descriptors, heapUsed } from './process.ts'
import { resetSocket } from './reset-socket.ts'

const WAVES = 10
/** A leak is there each time; what the engine and the test's runner keep for themselves is not. */
const MOST_TIMES = 5
const CLIENTS_IN_A_WAVE = 200

t.test('2,000 connects and disconnects leave neither descriptors nor memory behind', async (t) => {
  let began = 0
  let ended = 0
  const { app, port, log, empty } = await serve(t, (app) => {
    const news = app.feed('news')
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe({ where: () => true })))
    app.get('/generator', (_request, reply) => reply.sse(async function * ({ until }) {
      began++
      try { yield 'begun'; await until(new Promise(() => {})) } finally { ended++ }
    }))
    app.get('/publish', async () => { await news.publish({ event: 'message', data: 'all' }); return '' })
  })
  // a test's own teardowns and log are kept, and are no part of it
  const teardowns: Array<() => void> = []
  const apart = Object.assign(Object.create(t) as typeof t, { teardown: (run: () => void) => { teardowns.push(run) } })
  const wave = async (count: number): Promise<void> => {
    const clients = await Promise.all(Array.from({ length: count }, (_, index) => RawClient.get(apart, port, index % 2 === 0 ? '/feed' : '/generator')))
    await app.inject('/publish')
    clients.forEach((client, index) => {
      // some at once, some when the head is there; some in order, some not
      if (index % 3 === 0) resetSocket(client.socket)
      else if (index % 3 === 1) client.destroy()
    })
    for (const client of clients.filter((_, index) => index % 3 === 2)) {
      await client.until('\r\n\r\n')
      client.destroy()
    }
    await empty()
    await eventually(() => clients.every(({ isClosed }) => isClosed), 'all sockets are closed')
    teardowns.length = log.length = 0
  }
  const left = async (): Promise<number> => {
    const heapBefore = await heapUsed()
    for (let count = 0; count < WAVES; count++) await wave(CLIENTS_IN_A_WAVE)
    return (await heapUsed() - heapBefore) / (WAVES * CLIENTS_IN_A_WAVE)
  }
  await wave(CLIENTS_IN_A_WAVE)
  const descriptorsBefore = canCountDescriptors ? descriptors() : 0
  let leastLeft = await left()
  // a stream that is kept costs ten times as much
  for (let times = 1; leastLeft >= 1_000 && times < MOST_TIMES; times++) leastLeft = Math.min(leastLeft, await left())
  t.equal(ended, began)
  t.equal(app.eventfeed.stats().feeds['news']?.streams, 0)
  if (canCountDescriptors) await eventually(() => descriptors() <= descriptorsBefore, `the ${descriptorsBefore} descriptors of before`)
  t.ok(leastLeft < 1_000, `${Math.round(leastLeft)} bytes are left of each`)
})

const REQUESTS = 10_000
const CONNECTIONS = 200
const ENTRIES = 50

t.test('10,000 requests that ask for all of a feed get all of it, in bounded memory', async (t) => {
  let first = ''
  const { app, port, empty, log } = await serve(t, async (app) => {
    const news = app.feed('news')
    for (let n = 0; n <= ENTRIES; n++) {
      const id = await news.publish({ event: 'n', data: { n, text: 'é'.repeat(50) } })
      if (n === 0) first = id
    }
    app.get('/feed', (_request, reply) => reply.sse(news.subscribe()))
  })
  const whole = Array.from({ length: ENTRIES }, (_, index) => `event: n\ndata: {"n":${index + 1},"text":"${'é'.repeat(50)}"}\n`)
  const last = whole.at(-1) ?? ''
  let right = 0
  let most = 0
  const before = await buffersHeld() + await heapUsed()
  const ask = async (requests: number): Promise<void> => {
    for (let left = requests; left > 0; left--) {
      const text = await received(port, first, last)
      const found = [...text.matchAll(/event: n\ndata: .*\n/g)].map(([event]) => event)
      if (found.join('') === whole.join('') && !text.includes('stream:gap')) right++
      if (right % 2_500 === 0) most = Math.max(most, await buffersHeld() + await heapUsed() - before)
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, () => ask(REQUESTS / CONNECTIONS)))
  t.equal(right, REQUESTS)
  await empty()
  log.length = 0
  t.ok(most < 128 * 1024 * 1024, `${Math.round(most / 2 ** 20)} MiB at most`)
  t.equal((await app.inject('/nothing')).statusCode, 404, 'the server is well')
})

/** What a feed sends to a client with this last event ID, up to `last`; then the client leaves. */
function received (port: number, id: string, last: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect({ port, host: '127.0.0.1' }).setEncoding('utf8')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (text.includes(last)) socket.destroy()
    })
    socket.on('close', () => { resolve(text) }).on('error', reject)
    socket.write(`GET /feed HTTP/1.1\r\nhost: localhost\r\nlast-event-id: ${id}\r\n\r\n`)
  })
}
