/**
 * Plays one run: a world is built, the fault armed where its stack says, events are published, time passes, clients
 * leave, stall and come
 * back; then the fault is over, and all that is to be there must be there. It does not judge: `verdict` does.
 */
import { setImmediate as turn } from 'node:timers/promises'
import type { Boundary, Stack } from './boundary.ts'
import { numberIn, type Client, type Way } from './client.ts'
import { Injector, said, type Injection } from './faults.ts'
import type { Host } from './host.ts'
import { World } from './world.ts'

/** How a world ends. */
export type Ending = 'leave' | 'kick' | 'end' | 'close'

/** What one run tries. */
export interface Run {
  readonly boundary: string
  readonly stack: Stack
  readonly injection: Injection
  readonly way: Way
  readonly isKeyed: boolean
  readonly ending: Ending
  /** True: the plugin validates the data of events. */
  readonly validates: boolean
  /** True: the application has asynchronous hooks. */
  readonly hasHooks: boolean
}

/** Longer than the time until a stream commits without an event. */
const COMMIT_MS = 60
/** Longer than the least interval of `recheck`, shorter than that of heartbeats. */
const RECHECK_MS = 1_100
/** Longer than the interval of heartbeats. */
const HEARTBEAT_MS = 16_000
/** Longer than the time after which a source that still runs is reported. */
const PARKED_MS = 60_000
/** How many turns what has been started gets, where no fact says that it is over. */
const TURNS = 8
/** More than a slow stream may be behind, where that is limited. */
const EVENTS_WHILE_STALLED = 8

let runs = 0

/** Plays a run to its end. */
export async function play (run: Run, boundary: Boundary, host: Host): Promise<World> {
  const injector = new Injector(run.injection)
  const world = new World(host, ++runs, injector, boundary.victim(injector), run)
  try {
    await new Script(run, world, boundary).play()
  } catch (error) {
    world.wrongs.push(said(error))
  }
  world.disarm()
  await world.over()
  return world
}

class Script {
  readonly #run: Run
  readonly #world: World
  readonly #boundary: Boundary

  constructor (run: Run, world: World, boundary: Boundary) {
    this.#run = run
    this.#world = world
    this.#boundary = boundary
  }

  async play (): Promise<void> {
    const world = this.#world
    for (const feed of ['a', 'a', 'a', 'b'] as const) world.publish(feed)
    await turns(2)
    await world.openHealthy()
    await this.#open()
    await this.#live()
    await this.#timers()
    if (this.#run.stack === 'socket') await this.#socket()
    if (!world.host.isClosing) await this.#end()
    if (world.host.isClosing) await this.#closed()
    else await this.#left()
  }

  #enter (stack: Stack): void {
    this.#world.phase = stack
    if (this.#run.stack === stack || (stack === 'tick' && this.#run.stack === 'publish')) {
      this.#world.injector.arm(this.#world)
    }
  }

  /** Time passes for all; what is due runs on the stack of a timer. */
  async #advance (ms: number): Promise<void> {
    const { host: { clock } } = this.#world
    this.#world.inside('timer', () => { clock.advance(ms) })
    await turns(TURNS)
  }

  async #open (): Promise<void> {
    const world = this.#world
    this.#enter('request')
    world.victimClient.open()
    const hasBegun = (): boolean => world.victimReply !== undefined || world.victimClient.statuses.length > 0
    await world.fact(() => hasBegun() || !world.victimClient.isOpen, 'the handler of the victim runs')
    await turns(TURNS)
    await this.#advance(COMMIT_MS)
  }

  /** Events one by one, then several in one tick. */
  async #live (): Promise<void> {
    const world = this.#world
    this.#enter('tick')
    for (const count of [1, 1, 3]) {
      world.publishFromStream('a', count)
      await turns(TURNS)
    }
    world.publish('b')
    await turns(2)
  }

  async #timers (): Promise<void> {
    const world = this.#world
    this.#enter('timer')
    for (const ms of [RECHECK_MS, RECHECK_MS, HEARTBEAT_MS]) await this.#advance(ms)
    world.publish('a')
    await turns(TURNS)
  }

  async #socket (): Promise<void> {
    const world = this.#world
    world.stall()
    this.#enter('socket')
    for (let count = 0; count < EVENTS_WHILE_STALLED; count++) {
      world.publish('a')
      await turns(2)
    }
    world.victimClient.flow()
    await turns(TURNS * 4)
    world.victimClient.cut()
    await turns(TURNS)
  }

  async #end (): Promise<void> {
    const world = this.#world
    const { ending } = this.#run
    if (ending === 'kick') {
      this.#enter('call')
      world.inside('call', () => { world.reenter('kick') })
      await turns(TURNS)
    } else if (ending === 'end') {
      this.#enter('call')
      world.publish('a')
      world.inside('call', () => { world.reenter('end') })
      await turns(TURNS)
    } else if (ending === 'close') {
      this.#enter('drain')
      world.publish('a')
      world.inside('drain', () => { world.close() })
      await turns(TURNS)
    }
  }

  /** The application closes: each stream gets what there is, and its end, within the time for that. */
  async #closed (): Promise<void> {
    const world = this.#world
    const { host } = world
    host.close().catch(() => {})
    for (let count = 0; count < 100 && !host.isClosed; count++) await turn()
    world.disarm()
    world.phase = 'timer'
    for (let count = 0; count < 400 && !host.isClosed; count++) {
      host.clock.advance(100)
      await turns(2)
    }
    // the sockets of idle clients are the clients' own
    await world.fact(() => host.isClosed, 'close() returns')
    const clients = [...world.listeners.map(({ client }) => client), world.victimClient]
    await world.fact(() => clients.every(({ isOpen }) => !isOpen), 'no client has an open stream after close()')
  }

  /** The fault is over: all catch up, then all leave. */
  async #left (): Promise<void> {
    const world = this.#world
    const { victimClient: victim, host: { app } } = world
    world.disarm()
    const isFollowing = this.#boundary.hurts !== 'feed'
    if (isFollowing) await this.#recover()
    world.publish('a')
    world.publish('b')
    await turns(2)
    for (const { name, client, takes, feed, since } of world.listeners) {
      if (feed === 'a' && !isFollowing) continue
      const last = world.published.findLast((published) => (
        published.feed === feed && published.n > since && takes(published)
      ))
      await world.fact(() => last === undefined || has(client, last.n), `${name} gets event ${last?.n ?? ''}`)
    }
    const last = world.published.findLast(({ feed }) => feed === 'a')
    const { fault } = this.#run.injection
    // its keys are others then
    const isRekeyed = fault.does === 're-enters' && (fault.what === 'follow' || fault.what === 'unfollow')
    if (isFollowing && !isRekeyed && world.victim.source === undefined && last !== undefined) {
      await world.fact(() => has(victim, last.n), `the victim gets event ${last.n} when the fault is over`)
    }
    for (const { client } of world.listeners) client.leave()
    victim.leave()
    await turns(TURNS)
    world.phase = 'socket'
    await world.fact(() => app.eventfeed.stats().connections === 0, 'no stream is open')
    world.feeds.a.end()
    world.feeds.b.end()
    await turns(2)
    world.host.clock.advance(PARKED_MS)
    if (isFollowing) await world.fact(() => world.feeds.a.stats().streams === 0, 'nobody follows the feed')
    await world.fact(() => world.host.clock.timers === 0, `no timer is left, and not ${world.host.clock.timers}`)
  }

  /** The victim's foreign code is honest again: its stream goes on, or does so when its client has come back. */
  async #recover (): Promise<void> {
    const world = this.#world
    const { victimClient: victim } = world
    world.publish('a')
    const last = world.published.findLast(({ feed }) => feed === 'a')
    if (world.victim.source !== undefined || last === undefined) return
    for (let count = 0; count < 3 * TURNS && !has(victim, last.n); count++) await turn()
    if (has(victim, last.n)) return
    victim.connections = 0
    const seen = victim.events.length
    if (victim.isOpen) victim.cut()
    else victim.open()
    await turns(TURNS)
    for (let count = 0; count < 20 && victim.events.length === seen; count++) await this.#advance(COMMIT_MS)
  }
}

/** True for a client that has an event, or does not come back. */
function has (client: Client, n: number): boolean {
  return client.isDone || client.events.some(({ data }) => numberIn(data) === n)
}

async function turns (count: number): Promise<void> {
  for (let left = count; left > 0; left--) await turn()
}
