/** An application that is served in one of the ways, and the loop that tells a claim on all of them. */
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { connect, type AddressInfo } from 'node:net'
import * as streams from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import t, { type Test } from 'tap'
import eventfeed, { type EventfeedOptions } from '../../lib/index.ts'
import { eventually } from '../story/raw-client.ts'
import { keptLog, type LogLine } from '../story/serve.ts'
import { certificate } from './certificate.ts'
import { Http1Peer, Http2Peer, InjectPeer, type Peer, type Wire } from './peers.ts'
import { WAYS, type Ability, type Way } from './ways.ts'

export interface ServedWay {
  readonly app: FastifyInstance
  readonly log: LogLine[]
  /** A new client. It is destroyed when the test ends. */
  peer (): Promise<Peer>
  /** Waits until the ends of so many streams are logged; gives their reasons. */
  ends (count: number): Promise<string[]>
  /** Waits until no stream is open. */
  empty (): Promise<void>
}

/** Tells a claim on each way: one test each. Where a way lacks what the claim `needs`, the test is skipped with the reason. */
export function onEveryWay (title: string, tell: (t: Test, way: Way) => Promise<void>, { needs, ways = WAYS }: { needs?: Ability, ways?: readonly Way[] } = {}): void {
  for (const way of ways) {
    const reason = way.broken ?? (needs === undefined ? undefined : way.cannot[needs])
    t.test(`${way.name}: ${title}`, { skip: reason ?? false }, (t) => tell(t, way))
  }
}

/** Serves `routes` in a way. There is also `/beside`, which answers `{"beside":true}`, slowly if that is asked. */
export async function serveWay (
  t: Test, way: Way, routes: (app: FastifyInstance) => void | Promise<void>, options: EventfeedOptions = {}, serverOptions: FastifyServerOptions = {}
): Promise<ServedWay> {
  const { lines: log, logger } = keptLog()
  const app = fastify({ logger, ...serverOptions, ...await optionsOf(way) } as FastifyServerOptions)
  way.prepare?.(app)
  await app.register(eventfeed, { drainTimeoutMs: 5_000, ...options })
  app.get('/beside', async ({ url }) => {
    if (url.includes('slowly')) for (let turns = 0; turns < 100; turns++) await turn()
    return { beside: true }
  })
  await routes(app)
  await app.ready()
  if (way.protocol !== 'inject') await app.listen({ port: 0, host: '127.0.0.1' })
  const peers = new Set<Peer>()
  t.teardown(async () => {
    for (const peer of peers) peer.destroy()
    await app.close()
  })
  const ends = (): string[] => log.flatMap(({ stream }) => stream === undefined ? [] : [stream.reason])
  return {
    app,
    log,
    peer: async () => {
      const peer = await connectPeer(app, way)
      peers.add(peer)
      return peer
    },
    ends: async (count) => {
      await eventually(() => ends().length >= count, `${count} streams end`)
      return ends()
    },
    empty: () => eventually(() => app.eventfeed.stats().connections === 0, 'no stream is open')
  }
}

/** How often Node looks whether a request takes too long: by itself only each 30 s. */
const connectionsCheckingInterval = 50

async function optionsOf ({ server }: Way): Promise<object> {
  switch (server) {
    case 'http': return { http: { connectionsCheckingInterval } }
    case 'https': return { https: { ...await certificate(), connectionsCheckingInterval } }
    case 'http2': return { http2: true }
    case 'http2 over TLS': return { http2: true, https: await certificate() }
    case 'http2 over TLS with HTTP/1': return { http2: true, https: { ...await certificate(), allowHTTP1: true, connectionsCheckingInterval } }
  }
}

async function connectPeer (app: FastifyInstance, way: Way): Promise<Peer> {
  if (way.protocol === 'inject') return new InjectPeer(app)
  const wire = way.isDuplex === true ? duplexWire(app) : await socketWire(app, way)
  return way.protocol === '2' ? new Http2Peer(wire) : new Http1Peer(wire, way.protocol, way.headers, way.beside)
}

/** A pair of streams: an HTTP server takes any of them for a connection. */
function duplexWire (app: FastifyInstance): Wire {
  const [near, far] = streams.duplexPair()
  // the pair does not tell one end that the other is gone
  near.on('close', () => { far.destroy() })
  far.on('close', () => { near.destroy() })
  app.server.emit('connection', far)
  return { stream: near, bottom: near }
}

async function socketWire (app: FastifyInstance, { server, protocol }: Way): Promise<Wire> {
  const bottom = connect({ port: (app.server.address() as AddressInfo).port, host: '127.0.0.1' })
  await new Promise<void>((resolve, reject) => { bottom.once('connect', resolve).once('error', reject) })
  if (server === 'http' || server === 'http2') return { stream: bottom, bottom }
  const stream = connectTls({ socket: bottom, rejectUnauthorized: false, ALPNProtocols: [protocol === '2' ? 'h2' : 'http/1.1'] })
  await new Promise<void>((resolve, reject) => { stream.once('secureConnect', resolve).once('error', reject) })
  return { stream, bottom }
}
