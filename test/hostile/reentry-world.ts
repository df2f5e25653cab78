/**
 * A small world for tests of re-entry: one stream whose application calls back into the plugin from some place, once, and others
 * that must not notice. Clients come back by themselves, as browsers do.
 */
import { get } from 'node:http'
import { channel } from 'node:diagnostics_channel'
import type { AddressInfo } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { fastify, type FastifyInstance, type FastifyReply } from 'fastify'
import type { Test } from 'tap'
import { Type } from 'typebox'
import eventfeed, { MemoryLog, type EventLog, type Feed, type LogDraft, type SubscribeOptions } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { keptLog, type LogLine } from '../story/serve.ts'
import { eventually } from '../story/raw-client.ts'

/** How many numbers each test publishes, or a generator yields. */
export const LAST = 12

/** What is published: a number, each one more than the one before. */
interface Counted { n: number }
/** How much time passes for each number: all of them take longer than the shortest interval of `recheck`. */
const TICK_MS = 300
type Numbers = Feed<{ message: Counted }>
type Subscription = ReturnType<Numbers['subscribe']>

/** A client that comes back with its last event ID, until it is told that all is over. */
export class Follower {
  /** What it has got; `gap` where it was told that something is missing. */
  got: Array<number | 'gap'> = []
  /** How often it has connected. */
  connects = 0
  /** True when it will not come back: it was told so, or nobody listens any more. */
  isOver = false
  lastEventId: string | undefined
  readonly #port: number
  readonly #path: string
  #isLeft = false
  #leave: () => void = () => {}

  constructor (t: Test, port: number, path: string, lastEventId?: string) {
    this.#port = port
    this.#path = path
    this.lastEventId = lastEventId
    t.teardown(() => {
      this.#isLeft = true
      this.#leave()
    })
    this.#connect()
  }

  get numbers (): number[] { return this.got.filter((item) => item !== 'gap') }

  #connect (): void {
    if (this.isOver || this.#isLeft) return
    this.connects++
    // a state begins: it stands for all that came before
    let isState = false
    const parser = createParser({
      onEvent: ({ event = 'message', data, id }) => {
        if (id !== undefined) this.lastEventId = id
        if (event === 'stream:done') this.isOver = true
        if (event === 'stream:gap') this.got.push('gap')
        if (event !== 'message') return
        if (id === undefined && !isState) {
          isState = true
          this.got = []
        }
        this.got.push((JSON.parse(data) as Counted).n)
      }
    })
    const headers = { accept: 'text/event-stream', 'cache-control': 'no-cache', ...(this.lastEventId === undefined ? {} : { 'last-event-id': this.lastEventId }) }
    const request = get({ host: '127.0.0.1', port: this.#port, path: this.#path, headers, agent: false }, (response) => {
      if (response.statusCode === 204) this.isOver = true
      response.setEncoding('utf8').on('data', (text: string) => { parser.feed(text) }).on('error', () => {}).on('close', () => { this.#connect() })
    })
    // nobody listens any more
    request.on('error', ({ message }) => { if (message.includes('ECONNREFUSED')) this.isOver = true; else this.#connect() })
    this.#leave = () => { request.destroy() }
  }
}

/** What is known to a place, and to what is called from there. */
export interface World {
  readonly app: FastifyInstance
  readonly feed: Numbers
  /** Another, on the same stream where several are merged. */
  readonly beside: { end (): void }
  /** What was published by now. */
  readonly published: number[]
  /** Publishes the next number. */
  publishNext (dataOf?: (take: () => number) => Counted): void
  /** Calls the action, at the second call: so something has happened before, and something comes after. */
  readonly trigger: () => void
  /** The subscriptions that were made for the stream of the place. */
  readonly subscriptions: Subscription[]
  /** The responses of that stream. */
  readonly responses: Array<{ destroy (): void }>
  /** Begins the stream of a request that has waited for that since before the others began. */
  beginAnother (): void
}

/** Where an application's function runs, and what of the world it needs. */
export interface Place {
  /** At which call it calls back. Default: the second. */
  readonly at?: number
  readonly feed?: (world: () => World) => Record<string, unknown>
  readonly plugin?: (world: () => World) => Record<string, unknown>
  readonly subscribe?: (world: World) => SubscribeOptions
  /** A source in place of a subscription. */
  readonly source?: (world: World) => unknown
  readonly listen?: string
  readonly onSend?: boolean
  /** True where a hook holds the head back for a while. */
  readonly isHeldBack?: boolean
  /** True where the first request of the client is answered by an error, so that its stream begins when it comes back. */
  readonly isRefusedFirst?: boolean
  /** True where time passes between what is published: a second or more in all. */
  readonly isTimed?: boolean
  /** Hooks and handlers of the application. */
  readonly application?: (world: () => World, app: FastifyInstance) => void
  /** What another plugin does to the reply before it streams. */
  readonly patch?: (world: World, reply: FastifyReply) => void
  /** The last event ID of the client's first request. */
  readonly lastEventId?: string
  /** Makes what is published. */
  readonly data?: (world: World) => (take: () => number) => Counted
}

/** What is called. */
export type Action = (world: World) => unknown

/** How the stream of the place follows its feed. */
export type Kind = 'plain' | 'keyed' | 'merged'

/** What became of it. */
export interface Outcome {
  readonly mine: Follower
  readonly others: readonly Follower[]
  /** Those whose filter takes nothing. */
  readonly refusing: readonly Follower[]
  readonly published: readonly number[]
  readonly log: readonly LogLine[]
  /** True when the action was called. */
  readonly isFired: boolean
  /** True where the stream begins only when its client has come back. */
  readonly isRefusedFirst: boolean
  /** True when nobody is to come back: the feed, or the application, has ended. */
  readonly isOver: boolean
  /** True when the application has closed. */
  readonly isClosed: boolean
  readonly app: FastifyInstance
  readonly feed: Numbers
}

/** Publishes numbers, while the action is called from the place once. */
export async function play (t: Test, place: Place, kind: Kind, action: Action): Promise<Outcome> {
  const { lines: log, logger } = keptLog()
  const app = fastify({ logger, forceCloseConnections: true })
  let isFired = false
  let isClosed = false
  let calls = 0
  const worldOf = (): World => world
  app.addHook('preClose', async () => { isClosed = true })
  const fire = (): void => {
    if (isFired || ++calls < (place.at ?? 2)) return
    isFired = true
    action(world)
  }
  const clock = place.isTimed === true ? new ManualClock() : undefined
  await app.register(eventfeed, { drainTimeoutMs: 1_000, retryMs: 0, ...clock && { clock }, ...place.plugin?.(worldOf) })
  place.application?.(worldOf, app)
  const feed: Numbers = app.feed('numbers', { events: { message: Type.Object({ n: Type.Number() }) }, ...place.feed?.(worldOf) })
  const beside = app.feed('beside')
  const world: World = {
    app,
    feed,
    beside,
    published: [],
    publishNext (dataOf = (take) => ({ n: take() })) {
      let n = 0
      // its number is that of the moment in which its data is written: what is published from within stands before it
      const take = (): number => {
        if (n === 0) n = world.published.push(world.published.length + 1)
        return n
      }
      try {
        feed.publish({ event: 'message', data: dataOf(take), key: 'a' })
      } catch (error) {
        if (!feed.hasEnded) throw error
        if (n > 0) world.published.pop()
      }
    },
    trigger: fire,
    subscriptions: [],
    responses: [],
    beginAnother () { parked?.sse(feed.subscribe({ from: 'earliest' })) }
  }
  let parked: FastifyReply | undefined
  app.get('/parked', (_request, reply) => { parked = reply })
  app.get('/mine', (_request, reply) => {
    world.responses.push(reply.raw)
    place.patch?.(world, reply)
    if (place.source !== undefined) return reply.sse(place.source(world) as never)
    const options = place.subscribe?.(world) ?? {}
    const from = options.initial === undefined ? { from: 'earliest' as const } : {}
    const mine = feed.subscribe({ ...from, ...(kind === 'keyed' ? { keys: ['a'] } : {}), ...options } as never) as Subscription
    world.subscriptions.push(mine)
    return reply.sse(kind === 'merged' ? [mine, beside.subscribe()] as never : mine)
  })
  app.get('/plain', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
  app.get('/filtered', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest', where: () => true })))
  app.get('/none', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest', where: () => false })))
  app.get('/keyed', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest', keys: ['a'] })))
  if (place.onSend === true) app.addHook('onSend', async (request) => { if (request.url === '/mine') fire() })
  if (place.isHeldBack === true) app.addHook('onSend', async (request) => { if (request.url === '/mine') await turn() })
  if (place.listen !== undefined) {
    const listener = (message: unknown): void => { if (concerns(message, feed.name)) fire() }
    channel(place.listen).subscribe(listener)
    t.teardown(() => { channel(place.listen ?? '').unsubscribe(listener) })
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  t.teardown(() => app.close())
  // nobody waits for the application to close while a source holds it open
  const refusing = [new Follower(t, port, '/none')]
  const others = ['/plain', '/filtered', '/keyed'].map((path) => new Follower(t, port, path))
  const another = new Follower(t, port, '/parked')
  await eventually(() => app.eventfeed.stats().connections === 4 && parked !== undefined, 'the others are there')
  const next = (): void => { if (!feed.hasEnded && !isClosed && world.published.length < LAST) world.publishNext(place.data?.(world)) }
  next()
  const mine = new Follower(t, port, '/mine', place.lastEventId)
  await eventually(() => isFired || app.eventfeed.stats().connections === 5 || mine.isOver, 'the stream has begun')
  if (!isClosed) refusing.push(new Follower(t, port, '/none'))
  for (let count = 2; count < LAST; count++) {
    next()
    clock?.advance(TICK_MS)
    // some are published in one tick, some alone
    if (count % 3 !== 0) await turn()
  }
  next()
  await eventually(() => isClosed || feed.hasEnded || world.published.length >= LAST, 'all is published')
  if (parked?.raw.headersSent === true) others.push(another)
  return { mine, others, refusing, published: world.published, log, isFired, isRefusedFirst: place.isRefusedFirst === true, isOver: feed.hasEnded || isClosed, isClosed, app, feed }
}

/** True for a message of our stream, or of our feed. */
function concerns (message: unknown, name: string): boolean {
  return typeof message === 'object' && message !== null && (('feed' in message && message.feed === name) || ('route' in message && message.route === 'GET /mine'))
}

/** A log that calls back from within one of its methods. */
export class CallingLog extends MemoryLog {
  readonly #method: keyof EventLog
  readonly #call: () => void

  constructor (method: keyof EventLog, call: () => void) {
    super()
    this.#method = method
    this.#call = call
  }

  #at (method: keyof EventLog): void { if (method === this.#method) this.#call() }

  override append (draft: LogDraft): string {
    const entry = super.append(draft)
    this.#at('append')
    return entry
  }

  override locate (position: string): ReturnType<MemoryLog['locate']> {
    this.#at('locate')
    return super.locate(position)
  }

  override earliest (): ReturnType<MemoryLog['earliest']> {
    this.#at('earliest')
    return super.earliest()
  }
}
