/**
 * A small world around one fault: two feeds with healthy streams of every kind, and beside them the victim, whose
 * foreign code is faulty.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type {
  EventSource, EventStreamOptions, Feed, FeedSubscription, SourceArguments, SubscribeOptions
} from '../../lib/index.ts'
import { Client, numberIn, type Way } from './client.ts'
import { said, type Injector, type Reentry, type Surroundings } from './faults.ts'
import { EVENTS, keyOf, VICTIM, type Host, type Place, type Played } from './host.ts'
import type { Listener, Published, Victim } from './victim.ts'

/** What must never reach a client: it stands in what is published and projected, and in no schema. */
export const SECRET = 'undeclared-and-secret'

/** How long a world waits for a fact. On a busy machine facts are late, not wrong. */
const LIMIT_MS = 4_000
/** Longer than all kernel buffers of one connection take. */
const FILLER_BYTES = 6 * 1024 * 1024

type Events = { message: { n: number, hidden: boolean, note?: unknown } }

export class World implements Played, Surroundings {
  readonly host: Host
  readonly injector: Injector
  readonly victim: Victim
  readonly number: number
  readonly published: Published[] = []
  /** Publications that failed, by their number, and those that have not settled. */
  readonly failures = new Map<number, unknown>()
  readonly pending = new Set<number>()
  readonly listeners: Listener[] = []
  readonly victimClient: Client
  /** What a loop in server code got. */
  readonly looped: number[] = []
  /** How often each stream was opened, and the reasons for which it ended, by its name. */
  readonly begun = new Map<string, number>()
  readonly ends = new Map<string, string[]>()
  /** Generators of healthy streams that began, and those whose `finally` ran. */
  readonly generators = { begun: 0, ended: 0 }
  readonly wrongs: string[] = []
  readonly feeds: { a: Feed, b: Feed }
  readonly isKeyed: boolean
  victimReply: FastifyReply | undefined
  /** The numbers of the events that the victim had got when the fault was over; `undefined` until then. */
  gotWhileFaulty: number[] | undefined
  /** What runs now: the stack, and where nothing says so, what was started last. */
  phase = 'request'
  #inside: string | undefined
  #count = 0
  #jobs: Array<() => void> = []
  #wakeGenerator: () => void = () => {}
  #victimSubscriptions: FeedSubscription[] = []
  #loops: Array<AsyncIterator<unknown>> = []

  constructor (
    host: Host, number: number, injector: Injector, victim: Victim, { way, isKeyed }: { way: Way, isKeyed: boolean }
  ) {
    this.host = host
    this.injector = injector
    this.victim = victim
    this.number = number
    this.isKeyed = isKeyed
    host.world = this
    host.isFaultyFeed = true
    // one type for both: what the schema says is of no interest here
    this.feeds = {
      a: host.app.feed(`a-${number}`, { events: EVENTS, ...victim.feed }) as unknown as Feed,
      b: this.#honestFeed(`b-${number}`)
    }
    const healthyWay = host.kind.isHttp2 ? 'HTTP/2' : 'HTTP/1.1'
    const add = (name: string, feed: 'a' | 'b', takes: Listener['takes'] = () => true): void => {
      this.listeners.push({ name, feed, client: new Client(host.app, this.#path(name), healthyWay), takes, since: 0 })
    }
    add('plain', 'a')
    add('filtered', 'a', ({ isHidden }) => !isHidden)
    add('keyed', 'a', ({ key }) => key === 'k0')
    add('neighbour', 'b')
    add('generator', 'b', () => false)
    const { lastEventId } = victim
    const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
    this.victimClient = new Client(host.app, this.#path(VICTIM), way, headers)
  }

  get stack (): string { return this.#inside ?? this.phase }

  /** True after the feed of the victim has ended. */
  get hasEnded (): boolean { return this.feeds.a.hasEnded }

  /** Runs a function, and says on which stack. */
  inside<Result> (stack: string, run: () => Result): Result {
    const before = this.#inside
    this.#inside = stack
    try { return run() } finally { this.#inside = before }
  }

  at (place: Place, honest: () => unknown, request?: FastifyRequest): unknown {
    const faulty = this.victim.places?.[place]
    const isVictims = request === undefined || request.url === this.#path(VICTIM)
    return faulty === undefined || !isVictims ? honest() : faulty(honest)
  }

  handle (request: FastifyRequest, reply: FastifyReply): unknown {
    // one that comes late, from a world that is over
    if (!this.owns(request)) return reply.callNotFound()
    return this.inside('request', () => {
      const name = nameOf(request)
      if (name !== VICTIM) {
        return reply.sse(this.#healthySource(name), { recheck: () => true, recheckIntervalMs: 1_000 })
      }
      this.victimReply = reply
      this.victim.patch?.(reply)
      // what the type checker would refuse is what is tried
      return reply.sse(
        this.#victimSource(request) as EventSource,
        this.victim.options?.() as EventStreamOptions<FastifyRequest>
      )
    })
  }

  /** True for the requests of this world. */
  owns ({ url }: FastifyRequest): boolean { return url.startsWith(`/run/${this.number}/`) }

  opened (request: FastifyRequest): void {
    const name = nameOf(request)
    this.begun.set(name, (this.begun.get(name) ?? 0) + 1)
  }

  ended (request: FastifyRequest, reason: string): void {
    const name = nameOf(request)
    this.ends.set(name, [...this.ends.get(name) ?? [], reason])
  }

  /** Publishes an event with the next number. */
  publish (feed: 'a' | 'b'): void {
    if (this.feeds[feed].hasEnded || this.host.isClosing) return
    if (feed === 'a') this.victim.disposal?.wake()
    const n = ++this.#count
    const [key, isHidden] = [`k${n % 2}`, n % 3 === 0]
    const kept = (id: string): void => {
      this.pending.delete(n)
      this.published.push({ n, feed, id, key, isHidden })
    }
    const failed = (error: unknown): void => {
      this.pending.delete(n)
      this.failures.set(n, error)
    }
    this.pending.add(n)
    try {
      const note = feed === 'a' ? this.victim.note?.() : undefined
      // undeclared: it is not to leave the server
      const data = { n, hidden: isHidden, note, secret: SECRET }
      const id = this.inside('publish', () => this.feeds[feed].publish({ event: 'message', data, key }))
      if (typeof id === 'string') kept(id)
      else id.then(kept, failed)
    } catch (error) {
      failed(error)
    }
  }

  /** Has the healthy generator publish: on the stack of another stream. */
  publishFromStream (feed: 'a' | 'b', count = 1): void {
    this.#jobs.push(() => { for (let left = count; left > 0; left--) this.publish(feed) })
    this.#wakeGenerator()
  }

  reenter (by: Reentry): void {
    const { host: { app }, feeds: { a } } = this
    if (by === 'publish') this.publish('a')
    else if (by === 'kick') app.eventfeed.kick(keyOf({ url: this.#path(VICTIM) }), 'by the injector')
    else if (by === 'end') a.end()
    else if (by === 'close') this.close()
    else if (by === 'subscribe') this.loop()
    else if (this.isKeyed && (by === 'follow' || by === 'unfollow')) {
      for (const subscription of this.#victimSubscriptions) subscription[by]('k1')
    }
  }

  /** The fault is over. */
  disarm (): void {
    this.injector.disarm()
    this.gotWhileFaulty ??= this.victimClient.events.map(({ data }) => numberIn(data) ?? 0)
  }

  /** Closes the application: nobody comes back. */
  close (): void {
    for (const { client } of this.listeners) client.comesBack = false
    this.victimClient.comesBack = false
    this.host.close().catch((error: unknown) => { this.wrongs.push(`close() failed: ${said(error)}`) })
  }

  /** Reads the feed of the victim in server code. */
  loop (): void {
    const loop = this.feeds.a.subscribe()[Symbol.asyncIterator]()
    this.#loops.push(loop)
    const isFirst = this.#loops.length === 1
    const read = async (): Promise<void> => {
      for (let next = await loop.next(); next.done !== true; next = await loop.next()) {
        const { data } = next.value as { data: { n: number } }
        if (isFirst) this.looped.push(data.n)
      }
    }
    read().catch((error: unknown) => { this.wrongs.push(`a loop failed: ${said(error)}`) })
  }

  /** Opens all healthy streams, and waits until each has begun. */
  async openHealthy (): Promise<void> {
    for (const { client } of this.listeners) client.open()
    await this.fact(() => this.listeners.every(({ client }) => client.events.length > 0), 'the healthy streams begin')
    for (const listener of this.listeners) listener.since = this.#count
    this.loop()
  }

  /** What the socket of the victim must take before its stream is free again. */
  stall (): void {
    this.victimClient.stall()
    const socket = this.victimReply?.raw.socket
    // over HTTP/2 the socket is the session's, and an injected request has none
    if (this.victimClient.isOpen && socket instanceof Socket && socket.writable && !this.host.kind.isHttp2) {
      socket.write(`${FILLER_BYTES.toString(16)}\r\n:${'x'.repeat(FILLER_BYTES - 2)}\n\r\n`)
    }
  }

  /** Waits for a fact. */
  async fact (isTrue: () => boolean, what: string): Promise<void> {
    const limit = performance.now() + LIMIT_MS
    while (!isTrue()) {
      if (performance.now() > limit) throw new Error(`this did not come true: ${what}`)
      await turn()
    }
  }

  /** Lets go of all that is still held. */
  async over (): Promise<void> {
    for (const { client } of this.listeners) client.leave()
    this.victimClient.leave()
    for (const loop of this.#loops) await loop.return?.()
    this.victim.dispose?.()
  }

  #honestFeed (name: string): Feed {
    this.host.isFaultyFeed = false
    return this.host.app.feed(name, { events: EVENTS }) as unknown as Feed
  }

  #path (name: string): string { return `/run/${this.number}/${name}` }

  #victimSource (request: FastifyRequest): unknown {
    const subscription = (): FeedSubscription => {
      const options = { ...this.isKeyed ? { keys: ['k0', 'k1'] } : {}, ...this.victim.subscribe?.() }
      const made = this.feeds.a.subscribe(options as SubscribeOptions)
      this.#victimSubscriptions.push(made)
      return made
    }
    return this.victim.source === undefined
      ? subscription()
      : this.victim.source(request, subscription, () => this.feeds.b.subscribe())
  }

  #healthySource (name: string): EventSource<Events> {
    const { a, b } = this.feeds
    if (name === 'filtered') {
      return a.subscribe({
        from: 'latest',
        where: ({ data }) => !(data as Events['message']).hidden,
        // the route's schema is to take the secret out again
        as: ({ data }) => ({ data: { ...data as Events['message'], secret: SECRET } })
      }) as EventSource<Events>
    }
    if (name === 'keyed') return a.subscribe({ from: 'latest', keys: ['k0'] }) as EventSource<Events>
    if (name === 'generator') return ({ until }) => this.#generator(until)
    return (name === 'plain' ? a : b).subscribe({ from: 'latest' }) as EventSource<Events>
  }

  async * #generator (until: SourceArguments['until']): AsyncGenerator<{ event: 'message', data: Events['message'] }> {
    this.generators.begun++
    try {
      for (let n = -1; ; n--) {
        yield { event: 'message', data: { n, hidden: false } }
        if (this.#jobs.length === 0) await until(new Promise<void>((resolve) => { this.#wakeGenerator = resolve }))
        for (const job of this.#jobs.splice(0)) job()
      }
    } finally { this.generators.ended++ }
  }
}

function nameOf ({ url }: FastifyRequest): string {
  return url.split('/').at(-1) ?? ''
}
