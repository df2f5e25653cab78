/**
 * Plays runs one after the other, on applications that they share, and judges each: what one run breaks must not show
 * in the next.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setImmediate as turn } from 'node:timers/promises'
import type { EndedMessage, OpenedMessage } from '../../lib/index.ts'
import type { Boundary } from './boundary.ts'
import { said } from './faults.ts'
import { Host, type HostKind } from './host.ts'
import { play, type Run } from './play.ts'
import { hostFor } from './table.ts'
import { unhandledOf, watchUnhandled } from './unhandled.ts'
import { verdict } from './verdict.ts'
import type { World } from './world.ts'

/** What came of a run. */
export interface Outcome {
  readonly wrongs: string[]
  /** How often its fault was committed on the stack that it is about. */
  readonly reached: number
}

/** Applications are closed after so many worlds, so that what they keep does not add up. */
const MOST_WORLDS = 100

/** Plays runs. */
export class Runner {
  /** The applications that are alive, by their kind. */
  readonly #hosts = new Map<string, Host>()
  readonly #stopWatching = watchUnhandled()

  constructor () {
    subscribe('fastify-eventfeed:opened', this.#onOpened)
    subscribe('fastify-eventfeed:ended', this.#onEnded)
  }

  async run (run: Run, boundary: Boundary): Promise<Outcome> {
    const host = await this.#hostOf(hostFor(run, boundary))
    const world = await play(run, boundary, host)
    // what is thrown in the last turn is heard of after it
    await turn()
    await turn()
    const wrongs = judged(world, boundary)
    const reached = world.injector.committed.filter(({ stack }) => stack === run.stack).length
    host.world = undefined
    if (wrongs.length > 0 || host.isClosing || ++host.worlds > MOST_WORLDS) {
      this.#hosts.delete(JSON.stringify(host.kind))
      wrongs.push(...await discard(host))
    }
    return { wrongs, reached }
  }

  /** Closes all applications. Gives what goes wrong with that. */
  async stop (): Promise<string[]> {
    const wrongs: string[] = []
    for (const host of this.#hosts.values()) wrongs.push(...await discard(host))
    unsubscribe('fastify-eventfeed:opened', this.#onOpened)
    unsubscribe('fastify-eventfeed:ended', this.#onEnded)
    this.#stopWatching()
    return [...wrongs, ...unhandledOf()]
  }

  async #hostOf (kind: HostKind): Promise<Host> {
    const name = JSON.stringify(kind)
    const host = this.#hosts.get(name) ?? await Host.start(kind)
    this.#hosts.set(name, host)
    return host
  }

  readonly #onOpened = (message: unknown): void => {
    const { request } = message as OpenedMessage // it is the message of this channel
    for (const { world } of this.#hosts.values()) if (world?.owns(request) === true) world.opened(request)
  }

  readonly #onEnded = (message: unknown): void => {
    const { request, reason } = message as EndedMessage // ... and of this one
    for (const { world } of this.#hosts.values()) if (world?.owns(request) === true) world.ended(request, reason)
  }
}

/** What is wrong; what cannot be judged is wrong too. */
function judged (world: World, boundary: Boundary): string[] {
  const unhandled = unhandledOf()
  try {
    return verdict(world, boundary, unhandled)
  } catch (error) {
    return [...unhandled, ...world.wrongs, `the figures cannot be read: ${said(error)}`]
  }
}

/** Closes an application, if it can be closed. */
async function discard (host: Host): Promise<string[]> {
  host.close().catch(() => {})
  for (let count = 0; count < 400 && !host.isClosed; count++) {
    host.clock.advance(100)
    await turn()
  }
  if (host.isClosed) return host.clock.timers === 0 ? [] : [`${host.clock.timers} timers are left after close()`]
  if ('closeAllConnections' in host.app.server) host.app.server.closeAllConnections()
  return ['close() does not return']
}
