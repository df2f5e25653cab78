/**
 * Thousands of worlds of rooms: opened, followed, published in, left, ended, idle; hooks that take their time, fail or hang.
 * A model that knows nothing of how rooms do it says what must be so.
 */
import fc from 'fast-check'
import t from 'tap'
import { ROOM_HOOK_MS } from '../../lib/defaults.ts'
import { RoomFamily } from '../../lib/rooms/room-family.ts'
import { readRoomsOptions } from '../../lib/rooms/options.ts'
import type { Feed } from '../../lib/subscription/feed.ts'
import { plainText } from '../../lib/wire/event.ts'
import { ManualClock } from '../clock.ts'
import { OpenStream, turn } from '../feed/open-stream.ts'

const RUNS = Number(process.env.FUZZ_RUNS ?? 1_000)
const IDS = ['a', 'b', '__proto__']
const IDLE_MS = 100

type Hook = 'at once' | 'later' | 'fails' | 'hangs'
const hooks = fc.constantFrom<Hook>('at once', 'at once', 'later', 'later', 'fails', 'hangs')

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('open' as const), id: fc.constantFrom(...IDS), count: fc.integer({ min: 1, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('publish' as const), id: fc.constantFrom(...IDS) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('follow' as const), id: fc.constantFrom(...IDS) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('leave' as const), id: fc.constantFrom(...IDS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('end' as const), id: fc.constantFrom(...IDS) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, IDLE_MS - 1, IDLE_MS, IDLE_MS + 1, ROOM_HOOK_MS) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('settle' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turn' as const) }) }
)

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never

const world = fc.record({ maxOpen: fc.constantFrom(1, 2, 3), onOpen: fc.array(hooks, { minLength: 1, maxLength: 6 }), onIdle: fc.array(hooks, { minLength: 1, maxLength: 6 }), steps: fc.array(step, { maxLength: 40 }) })

/** A client of a room: it comes back with its last event ID. */
interface Client { readonly stream: OpenStream, readonly feed: Feed }

/** What is known of one making of a room. */
interface Making { readonly number: number, readonly texts: string[], ended: boolean }

class Game {
  readonly #clock = new ManualClock()
  readonly #rooms: RoomFamily
  readonly #onOpen: Hook[]
  readonly #onIdle: Hook[]
  readonly #later: Array<() => void> = []
  readonly #hung: Array<() => void> = []
  readonly #makings = new Map<object, Making>()
  readonly #clients = new Map<string, Client[]>()
  readonly #lastIds = new Map<string, { id: string, feed: Feed }>()
  /** What onIdle has stored, and onOpen loads. */
  readonly #stored = new Map<string, string[]>()
  /** Which hook of a room runs: never two at once, but after one has hung for too long. */
  readonly #running = new Map<string, number>()
  /** Feeds for which onIdle was called. */
  readonly #isStored = new Set<object>()
  readonly #maxOpen: number
  readonly reported: unknown[] = []
  readonly wrongs: string[] = []
  readonly #opening: Array<Promise<unknown>> = []
  #counted = 0
  #published = 0

  constructor ({ maxOpen, onOpen, onIdle }: { maxOpen: number, onOpen: readonly Hook[], onIdle: readonly Hook[] }) {
    this.#maxOpen = maxOpen
    this.#onOpen = [...onOpen]
    this.#onIdle = [...onIdle]
    const settings = readRoomsOptions({
      maxOpen,
      freeWhenIdleMs: IDLE_MS,
      onOpen: async (id, feed) => {
        this.#makings.set(feed, { number: ++this.#counted, texts: [], ended: false })
        if (this.#rooms.get(id) !== undefined) this.#wrong(`${id} is open before onOpen has loaded it`)
        await this.#hook('onOpen', id, this.#onOpen, () => { for (const text of this.#stored.get(id) ?? []) this.#say(feed, text) })
      },
      onIdle: async (id, feed) => {
        this.#isStored.add(feed)
        const { streams } = feed.stats()
        if (streams > 0) this.#wrong(`${id} is stored while ${streams} follow it`)
        const texts = feed.entries().map(({ data }) => String((data as { text: string }).text)) // as it is published here
        if (texts.join() !== this.#makings.get(feed)?.texts.join()) this.#wrong(`${id} holds ${texts.join()}`)
        await this.#hook('onIdle', id, this.#onIdle, () => { this.#stored.set(id, texts) })
      }
    })
    this.#rooms = new RoomFamily({
      name: 'room', settings, clock: this.#clock, codec: undefined, compile: () => plainText, report: (error) => { this.reported.push(error) }
    })
  }

  async play (steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      await this.#do(one)
      this.#look()
    }
    // all that hangs is let go of in the end
    for (const clients of this.#clients.values()) for (const { stream } of clients) stream.close()
    this.#clients.clear()
    for (let round = 0; round < 4; round++) {
      for (const settle of [...this.#later.splice(0), ...this.#hung.splice(0)]) settle()
      await this.#turns()
      this.#clock.advance(ROOM_HOOK_MS + IDLE_MS)
      await this.#turns()
    }
    this.#look()
    if (this.#rooms.size > 0) this.#wrong(`${this.#rooms.size} rooms are left`)
    const { rooms, streams, entries } = this.#rooms.stats()
    if (rooms.opened !== rooms.freed + rooms.ended || streams + entries > 0) this.#wrong(`the figures are ${JSON.stringify({ rooms, streams, entries })}`)
    await this.#rooms.close()
    await Promise.allSettled(this.#opening)
    if (this.#clock.timers > 0) this.#wrong(`${this.#clock.timers} timers are left`)
  }

  async #do (one: Step): Promise<void> {
    if (one.do === 'open') for (let left = one.count; left > 0; left--) this.#opening.push(this.#open(one.id))
    else if (one.do === 'publish') this.#publish(one.id)
    else if (one.do === 'follow') this.#follow(one.id)
    else if (one.do === 'leave') this.#leave(one.id)
    else if (one.do === 'end') this.#end(one.id)
    else if (one.do === 'settle') this.#later.shift()?.()
    else if (one.do === 'turn') await this.#turns()
    else this.#clock.advance(one.ms)
  }

  async #turns (): Promise<void> { for (let count = 0; count < 3; count++) await turn() }

  async #open (id: string): Promise<void> {
    try {
      const feed = await this.#rooms.open(id)
      const making = this.#makings.get(feed)
      if (making === undefined) this.#wrong(`${id} was never loaded`)
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : error
      const known = ['FST_EVENTFEED_TOO_MANY_FEEDS', 'FST_EVENTFEED_ROOM_TIMED_OUT', 'FST_EVENTFEED_FEED_ENDED', 'FST_EVENTFEED_ROOMS_CLOSED']
      if (!known.includes(String(code)) && !(error instanceof Error && error.message === 'onOpen fails')) this.#wrong(`open fails with ${String(error)}`)
    }
  }

  #publish (id: string): void {
    const feed = this.#rooms.get(id)
    if (feed === undefined) return
    try {
      this.#say(feed, `${++this.#published}`)
    } catch (error) {
      // it is being stored: what was published would be lost
      if (!(error instanceof Error && 'code' in error && error.code === 'FST_EVENTFEED_FEED_FREED')) this.#wrong(`publish fails with ${String(error)}`)
      else if (!this.#isStored.has(feed)) this.#wrong(`${id} takes nothing, though onIdle was never called`)
    }
  }

  #say (feed: Feed, text: string): void {
    const answer = feed.publish({ event: 'message', data: { text } })
    if (typeof answer === 'string') this.#makings.get(feed)?.texts.push(text)
  }

  #follow (id: string): void {
    const feed = this.#rooms.get(id)
    if (feed === undefined) return
    const last = this.#lastIds.get(id)
    const stream = new OpenStream(feed.subscribe({ from: 'earliest' }), { after: last?.id })
    const isGap = stream.gaps.length > 0
    if (isGap !== (last !== undefined && last.feed !== feed)) this.#wrong(`${id}: ${isGap ? 'a gap in the same room' : 'no gap in another room'}`)
    this.#clients.set(id, [...this.#clients.get(id) ?? [], { stream, feed }])
  }

  #leave (id: string): void {
    const [client, ...others] = this.#clients.get(id) ?? []
    if (client === undefined) return
    client.stream.read()
    const { lastEventId } = client.stream
    if (lastEventId !== undefined) this.#lastIds.set(id, { id: lastEventId, feed: client.feed })
    client.stream.close()
    this.#clients.set(id, others)
  }

  #end (id: string): void {
    const feed = this.#rooms.get(id)
    this.#rooms.end(id)
    if (this.#rooms.get(id) !== undefined) this.#wrong(`${id} is there after its end`)
    const making = feed && this.#makings.get(feed)
    if (making !== undefined) making.ended = true
  }

  async #hook (name: string, id: string, kinds: Hook[], run: () => void): Promise<void> {
    const kind = kinds.length > 1 ? kinds.shift() : kinds[0]
    if ((this.#running.get(id) ?? 0) > 0 && !this.reported.some(isTimeOut)) this.#wrong(`${name} of ${id} runs beside another hook`)
    this.#running.set(id, (this.#running.get(id) ?? 0) + 1)
    try {
      if (kind === 'later' || kind === 'hangs') await new Promise<void>((resolve) => { (kind === 'later' ? this.#later : this.#hung).push(resolve) })
      if (kind === 'fails') throw new Error(`${name} fails`)
      try {
        run()
      } catch { /* what hung for too long finds its room freed */ }
    } finally {
      this.#running.set(id, (this.#running.get(id) ?? 0) - 1)
    }
  }

  /** What must be so at any time. */
  #look (): void {
    if (this.#rooms.size > this.#maxOpen) this.#wrong(`${this.#rooms.size} rooms are open`)
    for (const [id, clients] of this.#clients) {
      const open = this.#rooms.get(id)
      for (const { stream, feed } of clients) {
        const making = this.#makings.get(feed)
        if (making === undefined) continue
        // a room that is followed stays, unless it has ended, or its onIdle has hung
        if (open !== feed && !making.ended && !this.reported.some(isTimeOut)) this.#wrong(`${id} was freed while somebody follows it`)
        const texts = stream.own.map(({ data }) => (JSON.parse(data) as { text: string }).text)
        if (!making.texts.join().endsWith(texts.join()) && !making.texts.join().startsWith(texts.join()) && !making.texts.join().includes(texts.join())) this.#wrong(`${id} tells ${texts.join()} of ${making.texts.join()}`)
      }
    }
  }

  #wrong (what: string): void { this.wrongs.push(what) }
}

function isTimeOut (error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'FST_EVENTFEED_ROOM_TIMED_OUT'
}

t.test('in any world, rooms are loaded before they are open, never freed while they are followed, and leave nothing', async (t) => {
  await fc.assert(fc.asyncProperty(world, async ({ steps, ...shape }) => {
    const game = new Game(shape)
    await game.play(steps)
    if (game.wrongs.length > 0) throw new Error(game.wrongs.join('\n'))
  }), { numRuns: RUNS })
  t.pass(`${RUNS} worlds`)
})
