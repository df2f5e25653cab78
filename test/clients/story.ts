/**
 * One app for all clients: a feed that goes on while it is read, and a generator that ends. Both tell the same kinds of events,
 * hard ones among them, so that what clients make of them can be compared with what was said.
 */
import Fastify from 'fastify'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { Type } from 'typebox'
import eventfeed, { type EventTypes, type Publication } from '../../lib/index.ts'

/** An event as a client hands it on. */
export interface Seen { readonly type: string, readonly data: string, readonly id: string }

/** The event types of the story, and those of ours: an `EventSource` must be told what to listen for. */
export const EVENT_TYPES = ['message', 'text', 'größe', 'price', 'stream:bookmark', 'stream:gap', 'stream:done', 'stream:error']

const Price = Type.Object({ symbol: Type.String(), at: Type.Number(), tags: Type.Array(Type.String()) })
const EVENTS = { message: Type.String(), text: Type.String(), größe: Type.String(), price: Price }

const STRANGE = 'ß 漢字 🎈 👩‍👩‍👧 \u2028 \u0085 end'

/** What is told, and the data that a client must make of it. */
const SAID: Array<[event: Publication<EventTypes<typeof EVENTS>>, reads: string]> = [
  [{ event: 'message', data: 'plain' }, 'plain'],
  [{ event: 'text', data: 'first\nsecond\r\nthird\rfourth\n' }, 'first\nsecond\nthird\nfourth\n'],
  [{ event: 'text', data: '' }, ''],
  [{ event: 'text', data: '  data: no field\n: no comment\nid: no id' }, '  data: no field\n: no comment\nid: no id'],
  [{ event: 'größe', data: STRANGE }, STRANGE],
  [{ event: 'price', data: { symbol: 'ACME', at: 12.5, tags: ['a\nb', '"'] } }, '{"symbol":"ACME","at":12.5,"tags":["a\\nb","\\""]}'],
  [{ event: 'price', data: { symbol: '', at: 0, tags: [] } }, '{"symbol":"","at":0,"tags":[]}']
]

/** The app, listening. It closes when the test ends, and with it all streams. */
export async function openStory (t: Test) {
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(eventfeed, { retryMs: 20, drainTimeoutMs: 500 })

  const feed = app.feed('story', { events: EVENTS })
  const lines = new Set<Socket>()
  const requests: Array<{ path: string, lastEventId: string | undefined }> = []
  app.addHook('onRequest', async ({ url, headers }) => {
    // a header is no list, but for the few that may be repeated
    requests.push({ path: url, lastEventId: headers['last-event-id'] as string | undefined })
  })

  app.get('/feed', { schema: { events: EVENTS } }, (request, reply) => {
    const { socket } = request.raw
    lines.add(socket)
    reply.raw.once('close', () => lines.delete(socket))
    return reply.sse(feed.subscribe({ from: 'earliest' }))
  })
  app.get('/generator', (_request, reply) => reply.sse(async function * () {
    for (const [index, [event]] of SAID.entries()) {
      await new Promise(setImmediate)
      yield { ...event, id: `n° ${index + 1}` }
    }
  }))

  return {
    app,
    origin: await app.listen({ host: '127.0.0.1', port: 0 }),
    /** The requests so far: their paths, and where they wanted to go on. */
    requests,
    /** Publishes the story once. Gives what a client must see of it. */
    async tell (): Promise<Seen[]> {
      const told: Seen[] = []
      for (const [event, reads] of SAID) told.push({ type: event.event ?? 'message', data: reads, id: await feed.publish(event) })
      return told
    },
    /** What a client must see of `/generator`. */
    generated: SAID.map(([{ event = 'message' }, reads], index): Seen => ({ type: event, data: reads, id: `n° ${index + 1}` })),
    /** Destroys the lines of all open streams of the feed, as a failing network would. Gives how many there were. */
    cut (): number {
      const open = [...lines]
      for (const socket of open) socket.destroy()
      return open.length
    },
    /** Ends the feed: clients get `stream:done`. */
    end: () => feed.end()
  }
}

/** What a client has seen so far, for a test that waits for more. */
export class Sightings {
  /** In order, control events included. */
  readonly all: Seen[] = []
  readonly #waiting = new Set<() => void>()

  /** For the client. */
  readonly add = (seen: Seen): void => {
    this.all.push(seen)
    for (const look of this.#waiting) look()
  }

  /** Without control events. */
  get events (): Seen[] {
    return this.all.filter(({ type }) => !type.startsWith('stream:'))
  }

  /** Waits until so many events, control events not counted, were seen. Gives all of them. */
  async count (events: number): Promise<Seen[]> {
    await this.#until(() => this.events.length >= events)
    return this.events
  }

  /** Waits for the first event of a type. */
  async first (type: string): Promise<Seen> {
    const find = () => this.all.find((seen) => seen.type === type)
    await this.#until(() => find() !== undefined)
    return find() as Seen // it was just seen
  }

  async #until (isTrue: () => boolean): Promise<void> {
    if (isTrue()) return
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!isTrue()) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
    })
  }
}
