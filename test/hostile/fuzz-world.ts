/** Plays a world: one application, and all its runs at the same time. What must hold afterwards is looked at in fuzz-verdict.ts. */
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { AddressInfo } from 'node:net'
import { PassThrough } from 'node:stream'
import eventfeed, { type EventSource, type OpenedMessage } from '../../lib/index.ts'
import { eventually } from '../story/raw-client.ts'
import { keptLog, openSockets, type LogLine } from '../story/serve.ts'
import { playLegOverHttp2 } from './fuzz-client-http2.ts'
import { playLeg, type Received, type Surroundings } from './fuzz-client.ts'
import { RunFeeds } from './fuzz-feeds.ts'
import { isFeedSource, type World } from './fuzz-script.ts'
import { emptyRecord, makeSource, turns, type SourceRecord } from './fuzz-source.ts'
import { eventsIn } from './http-bytes.ts'

/** For clients that stay without reading: a slot is free soon after, and a busy machine cuts nobody. */
const WRITE_TIMEOUT_MS = 3_000

/**
 * False where Node uses memory that it has freed when a request arrives in a session that either side has closed. Sooner or
 * later such a server dies, also without this plugin. So no request may be on its way then.
 */
const REFUSES_SAFELY = Number.parseInt(process.versions.node) >= 22

/** What is known of one leg of a run. */
export interface PlayedLeg {
  readonly received: Received
  /** True where it came with a last event ID. */
  readonly hasId: boolean
}

/** What is known of a run that was played. */
export interface Played {
  readonly run: World['runs'][number]
  readonly record: SourceRecord
  readonly feeds: RunFeeds | undefined
  readonly legs: PlayedLeg[]
  /** The paths of the requests whose handler ran, those that became streams, and those that found the server full. */
  readonly handled: Set<string>
  readonly opened: Set<string>
  readonly refused: Set<string>
  /** What went wrong while it was played. */
  readonly wrongs: string[]
}

/** What is known of a world that was played. */
export interface PlayedWorld {
  readonly world: World
  readonly runs: Played[]
  readonly log: readonly LogLine[]
  readonly wrongs: string[]
}

/** Plays a world to its end. */
export async function play (world: World): Promise<PlayedWorld> {
  const { lines: log, logger } = keptLog()
  const isHttp2 = world.protocol === 'HTTP/2'
  // Fastify types servers by their options
  const app = fastify({ logger, genReqId: ({ url }: { url?: string }) => url ?? '', ...isHttp2 ? { http2: true } : { forceCloseConnections: false } } as FastifyServerOptions)
  const wrongs: string[] = []
  const runs: Played[] = []
  let release = (): void => {}
  const released = new Promise<void>((resolve) => { release = resolve })
  await app.register(eventfeed, {
    maxConnections: world.maxConnections, drainTimeoutMs: world.drainTimeoutMs, heartbeatIntervalMs: 100, retryMs: 10, writeTimeoutMs: WRITE_TIMEOUT_MS, connectionKey: ({ url }) => url
  })
  const endless = addRoutes(app, world, runs, released)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  world.runs.forEach((run, index) => {
    const feeds = isFeedSource(run.source) ? new RunFeeds(app, String(index), run.source) : undefined
    runs.push({ run, record: emptyRecord(), feeds, legs: [], handled: new Set(), opened: new Set(), refused: new Set(), wrongs: [] })
  })
  const onOpened = (message: unknown): void => {
    // what is published on the channel is said by the README
    const { request: { url, server } } = message as OpenedMessage
    if (server === app) runs[Number(/^\/run\/(\d+)\//.exec(url)?.[1])]?.opened.add(url)
  }
  subscribe('fastify-eventfeed:opened', onOpened)
  const lingering: Array<() => void> = []
  const arrivals = new Set<() => Promise<void>>()
  let isHeldBack = false
  const surroundings = {
    port,
    linger: (close: () => void) => { lingering.push(close) },
    mayAsk: (arrived: () => Promise<void>) => { arrivals.add(arrived); return !isHeldBack }
  }
  const clients = runs.map((played, index) => playRun(app, played, index, surroundings))
  const closeAfter = async (count: number): Promise<void> => {
    await turns(count)
    isHeldBack = isHttp2 && !REFUSES_SAFELY
    if (isHeldBack) await Promise.all([...arrivals].map((arrived) => arrived()))
    await close(app, world, wrongs)
  }
  const closed = world.closeAfterTurns === undefined ? undefined : closeAfter(world.closeAfterTurns)
  await Promise.all(clients)
  const told = (error: unknown): void => { wrongs.push(`${String(error)}: ${JSON.stringify(app.eventfeed.stats().routes)}`) }
  await eventually(() => app.eventfeed.stats().connections === 0, 'no stream is open').catch(told)
  for (const close of lingering) close()
  if (closed === undefined) await eventually(async () => await openSockets(app) === 0, 'no socket is open').catch(told)
  await (closed ?? close(app, world, wrongs))
  if (app.eventfeed.stats().connections !== 0) wrongs.push('streams are open after close()')
  await eventually(() => endless.began === endless.ended, 'the finally of each endless source runs').catch((error: unknown) => { wrongs.push(`${String(error)}: ${JSON.stringify(endless)}`) })
  release()
  await eventually(() => runs.every(({ record }) => record.began <= record.ended), 'the finally of each source runs').catch(() => {})
  await turns(2)
  unsubscribe('fastify-eventfeed:opened', onOpened)
  return { world, runs, log, wrongs }
}

/** Returns how many of the endless sources beside the runs have begun, and how many have ended. */
function addRoutes (app: FastifyInstance, world: World, runs: readonly Played[], released: Promise<void>): { began: number, ended: number } {
  const endless = { began: 0, ended: 0 }
  const playedOf = ({ params }: { params: unknown }): Played | undefined => runs[Number((params as { run?: string }).run)]
  app.addHook('onSend', async (request, _reply, payload) => {
    const hook = playedOf(request)?.run.hook
    if (hook === 'slow') await turns(5)
    const isStream = typeof payload === 'object' && payload !== null && 'pipe' in payload
    // what has `pipe` in a payload of Fastify's is a stream
    return hook === 'wrap' && isStream ? (payload as NodeJS.ReadableStream).pipe(new PassThrough()) : payload
  })
  app.get('/ahead', (_request, reply) => reply.sse(['ahead']))
  app.get('/endless', (_request, reply) => reply.sse(function * () {
    endless.began++
    try { for (;;) yield 'e'.repeat(40_000) } finally { endless.ended++ }
  }, { writeTimeoutMs: 60 }))
  app.get('/quiet', (_request, reply) => reply.sse(async function * ({ until }) {
    endless.began++
    try { yield 'quiet'; await until(new Promise(() => {})) } finally { endless.ended++ }
  }))
  app.get('/behind', async () => ({ behind: true }))
  app.get('/run/:run/:leg', (request, reply) => {
    const played = playedOf(request)
    if (played === undefined) return reply.callNotFound()
    const { run, record, feeds, handled, refused, wrongs } = played
    handled.add(request.url)
    if (app.eventfeed.stats().connections >= world.maxConnections) refused.add(request.url)
    reply.raw.on('error', (error) => { wrongs.push(`the response failed: ${error.stack ?? ''}`) })
    if (run.kickAfterTurns !== undefined) turns(run.kickAfterTurns).then(() => app.eventfeed.kick(request.url, 'the fuzzer'), () => {})
    const source = isFeedSource(run.source) ? feeds?.subscriptions() : makeSource(run.source, record, released)
    return reply.sse(source as EventSource, run.options)
  })
  return endless
}

/** All legs of a run, one after the other, each with the last event ID of the one before. */
async function playRun (app: FastifyInstance, played: Played, index: number, surroundings: Omit<Surroundings, 'nudge'>): Promise<void> {
  const { run, record, feeds, legs, handled, wrongs } = played
  const lastPath = `/run/${index}/${run.legs.length - 1}`
  let isOver = false
  const feedsPlayed = feeds?.play(() => isOver || handled.has(lastPath))
  let lastEventId: string | undefined
  try {
    for (const [number, leg] of run.legs.entries()) {
      const path = `/run/${index}/${number}`
      const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
      const received = await (run.http === '2' ? playLegOverHttp2 : playLeg)(path, run, leg, headers, {
        ...surroundings,
        nudge: () => { if (record.isStuck || number < run.legs.length - 1) app.eventfeed.kick(path, 'the fuzzer') }
      })
      legs.push({ received, hasId: lastEventId !== undefined })
      const events = eventsIn(received.responses()[run.ahead]?.body ?? '')
      lastEventId = events.findLast(({ id }) => id !== undefined)?.id ?? lastEventId
      if (lastEventId?.startsWith('~') === true) break
    }
  } catch (error) {
    wrongs.push(String(error))
  }
  isOver = true
  await feedsPlayed
}

/** Closes, and sees that it does not take much longer than it may. */
async function close (app: FastifyInstance, { drainTimeoutMs }: World, wrongs: string[]): Promise<void> {
  const startedAt = performance.now()
  await app.close()
  const tookMs = performance.now() - startedAt
  if (tookMs > drainTimeoutMs + 5_000) wrongs.push(`close() took ${tookMs} ms, with a drainTimeoutMs of ${drainTimeoutMs}`)
}
