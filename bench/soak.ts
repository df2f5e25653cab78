/**
 * Workload "churn": some hundreds of clients that connect, read, stall, reset, and come back with their last event ID, for
 * minutes, while a feed publishes steadily and some generators run. It asks whether the server's memory is flat, and whether
 * anything is left when all have gone. The server is a process of its own, so that only its memory is counted.
 *
 * tsx bench/soak.ts [--seconds 120] [--clients 500]
 */
import fastify, { type FastifyInstance } from 'fastify'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import eventfeed from '../lib/index.ts'

const SAMPLE_MS = 2_000
/** One sample in so many is printed. */
const PRINTED = 5
const PUBLISH_EVERY_MS = 10
/** The heap is flat where it grows by less than this in a minute: what is collected by then is not the same each time. */
const FLAT_BYTES_PER_MINUTE = 2 * 1024 * 1024

/** What the server says of itself, after a garbage collection. */
interface Sample { readonly heapUsed: number, readonly rss: number, readonly connections: number, readonly sockets: number, readonly descriptors: number, readonly errors: number }

/** Serves: a feed that is full before the first sample, and generators that end by themselves and that wait for ever. */
async function serve (): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void // there by the flag
  let errors = 0
  const onLine = (line: string): void => { if ((JSON.parse(line) as { level: number }).level >= 50) errors++ }
  const app = fastify({ logger: { level: 'warn', stream: { write: onLine } } })
  await app.register(eventfeed, { heartbeatIntervalMs: 1_000, writeTimeoutMs: 3_000 })
  const feed = app.feed('news', { retain: { entries: 2_000 } })
  let count = 0
  const publish = (): void => { feed.publish({ event: 'news', data: { n: count++, text: 'x'.repeat(200) } }) }
  for (let left = 2_000; left > 0; left--) publish()
  const publishing = setInterval(publish, PUBLISH_EVERY_MS)
  app.get('/feed', (_request, reply) => reply.sse(feed.subscribe()))
  app.get('/history', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
  app.get('/filtered', (_request, reply) => reply.sse(feed.subscribe({ where: ({ data }) => (data as { n: number }).n % 10 === 0 })))
  app.get('/flood', (_request, reply) => reply.sse(async function * ({ signal }) {
    for (;;) { for (let left = 64; left > 0; left--) yield 'f'.repeat(16 * 1024); await delay(250, undefined, { signal }) }
  }))
  app.get('/finite', (_request, reply) => reply.sse(async function * ({ signal }) {
    for (let left = 20; left > 0; left--) { yield { data: left }; await delay(20, undefined, { signal }) }
  }))
  await app.listen({ port: 0, host: '127.0.0.1' })
  process.on('message', (asked) => {
    if (asked === 'stop') process.disconnect(); else sample(app, collect, errors).then((taken) => { process.send?.(taken) })
  })
  // whoever asked is gone
  process.on('disconnect', () => { clearInterval(publishing); app.close() })
  process.send?.((app.server.address() as AddressInfo).port)
}

async function sample (app: FastifyInstance, collect: () => void, errors: number): Promise<Sample> {
  const sockets = await new Promise<number>((resolve, reject) => { app.server.getConnections((error, count) => { if (error === null) resolve(count); else reject(error) }) })
  for (let times = 0; times < 3; times++) { collect(); await delay(5) }
  const { heapUsed, rss } = process.memoryUsage()
  return { heapUsed, rss, connections: app.eventfeed.stats().connections, sockets, descriptors: readdirSync('/proc/self/fd').length, errors }
}

/** What all clients did. */
const done = { connects: 0, resumes: 0, resets: 0, stalls: 0, bytes: 0, refused: 0, lost: 0, gaps: 0 }

/** One client, over and over: it connects, reads, perhaps stalls, leaves in some way, and comes back. */
async function churn (port: number, isOver: () => boolean): Promise<void> {
  let lastEventId: string | undefined
  let lastNumber: number | undefined
  while (!isOver()) {
    const path = pick(['/feed', '/feed', '/feed', '/feed', '/feed', '/history', '/filtered', '/filtered', '/flood', '/finite', '/finite'])
    const isFeed = path === '/feed'
    const id = isFeed ? lastEventId : undefined
    if (id !== undefined) done.resumes++; else if (isFeed) lastNumber = undefined
    done.connects++
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => { done.refused++ })
    const read = isFeed ? reader(lastNumber) : undefined
    socket.on('data', (bytes: Buffer) => { done.bytes += bytes.length; read?.take(bytes.toString()) })
    socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n${id === undefined ? '' : `last-event-id: ${id}\r\n`}\r\n`)
    if (!await isConnected(socket)) continue
    await delay(Math.random() * 1_500)
    if (Math.random() < 0.3) { done.stalls++; socket.pause(); await delay(Math.random() * 5_000); socket.resume(); await delay(20) }
    await leave(socket)
    lastEventId = read?.lastEventId() ?? lastEventId
    lastNumber = read?.lastNumber() ?? lastNumber
    if (Math.random() < 0.1) lastEventId = undefined
  }
}

/** Waits for the connection. Where none comes the machine is out of ports or of room in a queue: that is counted as refused. */
async function isConnected (socket: Socket): Promise<boolean> {
  await new Promise((resolve) => { socket.once('connect', resolve).once('close', resolve) })
  if (socket.destroyed) await delay(1_000)
  return !socket.destroyed
}

/** Reads whole events: counts those that are missing where no gap was told. */
function reader (before: number | undefined): { take (text: string): void, lastEventId (): string | undefined, lastNumber (): number | undefined } {
  let rest = ''
  let id: string | undefined
  let number = before
  const block = (text: string): void => {
    if (text.includes('event: stream:gap')) { done.gaps++; number = undefined }
    const found = /"n":(\d+)/.exec(text)?.[1]
    if (found !== undefined) {
      if (number !== undefined && Number(found) !== number + 1) done.lost++
      number = Number(found)
    }
    id = /^id: (.+)$/m.exec(text)?.[1] ?? id
  }
  return {
    take (text) {
      // the framing of chunks stands on lines of its own, and may part a block: it is taken out before blocks are cut
      const blocks = `${rest}${text}`.replace(/(^|\r\n)[0-9a-f]+\r\n/g, '').split('\n\n')
      rest = blocks.pop() ?? ''
      blocks.forEach(block)
    },
    lastEventId: () => id,
    lastNumber: () => number
  }
}

async function leave (socket: Socket): Promise<void> {
  if (!socket.destroyed) {
    const closed = new Promise((resolve) => { socket.once('close', resolve) })
    if (Math.random() < 0.5) { done.resets++; socket.resetAndDestroy() } else socket.destroy()
    await closed
  }
}

async function ask (server: ChildProcess): Promise<Sample> {
  const answer = once(server, 'message')
  server.send('sample')
  return (await answer)[0] as Sample // the server's one kind of answer
}

/** By how many bytes the heap grows in a minute, by least squares, where the number of open streams stays as it is. */
function growth (samples: readonly Sample[]): number {
  const streams = samples.map(({ connections }) => connections)
  const heap = unexplained(samples.map(({ heapUsed }) => heapUsed), streams)
  const time = unexplained(samples.map((_, index) => index * SAMPLE_MS / 60_000), streams)
  return product(heap, time) / product(time, time)
}

/** What is left of values when the line through them over `by` is taken away. */
function unexplained (values: readonly number[], by: readonly number[]): number[] {
  const middle = centred(by)
  const above = centred(values)
  const slope = product(middle, middle) === 0 ? 0 : product(above, middle) / product(middle, middle)
  return above.map((value, index) => value - slope * (middle[index] ?? 0))
}

function centred (values: readonly number[]): number[] {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return values.map((value) => value - mean)
}

function product (left: readonly number[], right: readonly number[]): number {
  return left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0)
}

function pick<Item> (items: readonly [Item, ...Item[]]): Item {
  return items[Math.floor(Math.random() * items.length)] ?? items[0]
}

const mebi = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(2)} MiB`

async function soak (seconds: number, clients: number): Promise<boolean> {
  const server = fork(fileURLToPath(import.meta.url), ['--serve'])
  const port = Number((await once(server, 'message'))[0])
  const before = await ask(server)
  const end = performance.now() + seconds * 1_000
  const running = Array.from({ length: clients }, () => churn(port, () => performance.now() > end))
  const samples: Sample[] = []
  while (performance.now() < end) {
    await delay(Math.min(SAMPLE_MS, Math.max(1, end - performance.now())))
    const taken = await ask(server)
    samples.push(taken)
    if (samples.length % PRINTED === 0) console.log(`${String(samples.length * SAMPLE_MS / 1_000).padStart(5)} s: heap ${mebi(taken.heapUsed)}, RSS ${mebi(taken.rss)}, ${taken.connections} streams, ${taken.sockets} sockets, ${taken.descriptors} descriptors`)
  }
  await Promise.all(running)
  await delay(6_000)
  const after = await ask(server)
  const exited = once(server, 'exit')
  server.send('stop')
  const [code] = await exited
  const grows = growth(samples.slice(samples.length >> 1))
  console.log(`clients: ${JSON.stringify(done)}`)
  console.log(`before:  heap ${mebi(before.heapUsed)}, RSS ${mebi(before.rss)}, ${before.descriptors} descriptors`)
  console.log(`after:   heap ${mebi(after.heapUsed)}, RSS ${mebi(after.rss)}, ${after.connections} streams, ${after.sockets} sockets, ${after.descriptors} descriptors, ${after.errors} errors logged`)
  console.log(`slope of the heap in the second half, by the same number of streams: ${mebi(grows)} a minute`)
  const isGood = grows < FLAT_BYTES_PER_MINUTE && after.connections === 0 && after.sockets === 0 && after.descriptors <= before.descriptors && after.errors === 0 && done.lost === 0 && code === 0
  console.log(isGood ? 'flat: nothing grows and nothing is left' : 'NOT flat, or something is left or lost')
  return isGood
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '120' }, clients: { type: 'string', default: '500' }, serve: { type: 'boolean', default: false } } })
if (values.serve) await serve()
else process.exitCode = await soak(Number(values.seconds), Number(values.clients)) ? 0 : 1
