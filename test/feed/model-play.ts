/** Plays a world: the feed and its clients do what the script says, and each event is held against the model. */
import { MemoryLog } from '../../lib/log/memory-log.ts'
import type { LogFeed } from '../../lib/feed/feed.ts'
import { PagedLog } from '../contract/old-paged-log.ts'
import { ManualClock } from '../clock.ts'
import { History, type Now } from './history.ts'
import { Client } from './model-client.ts'
import { KEYS, type Step, type World } from './model-script.ts'
import { feedOf, turn, until } from './open-stream.ts'

/** A world that is played. */
export class Game {
  readonly world: World
  readonly feed: LogFeed
  readonly history: History
  readonly clock = new ManualClock()
  readonly clients: Client[]
  #published: Array<Promise<unknown>> = []
  #numbers = 0

  constructor (world: World) {
    this.world = world
    const { retain, paged, mode, maxLagBytes, maxLagMs } = world
    const log = paged === undefined ? new MemoryLog({ retain, clock: this.clock }) : new PagedLog({ retain, windowEntries: paged, clock: this.clock })
    this.history = new History(log.window.positionBefore(1))
    log.tail(({ position, key, event, size, at }) => { this.history.add({ position, key, name: key ?? `\n${event}`, size, at }) })
    this.feed = feedOf({ log, clock: this.clock, mode, maxLagBytes, maxLagMs })
    this.clients = world.clients.map((shape) => new Client(this, shape))
  }

  get isInMemory (): boolean { return this.world.paged === undefined }

  get now (): Now { return { oldestInWindow: this.feed.log.window.oldest, time: this.clock.now(), world: this.world } }

  async play (): Promise<void> {
    for (const client of this.clients) client.connect()
    for (const step of this.world.steps) {
      await this.#do(step)
      for (const client of this.clients) client.look()
    }
    await this.#settle()
    await this.#end()
  }

  async #do (step: Step): Promise<void> {
    if (step.do === 'publish') this.#publish(step)
    else if (step.do === 'advance') this.clock.advance(step.ms)
    else if (step.do === 'turns') for (let count = 0; count < step.count; count++) await turn()
    else if (step.do === 'settle') await this.#settle()
    else {
      const client = this.clients[step.client % this.clients.length]
      client?.do(step)
    }
  }

  #publish ({ count, key, bytes }: Extract<Step, { do: 'publish' }>): void {
    for (let index = 0; index < count; index++) {
      const number = ++this.#numbers
      this.#published.push(Promise.resolve(this.feed.publish({ event: 'message', data: { number, text: 'x'.repeat(bytes) }, key: KEYS[(key + index * index) % KEYS.length] })))
    }
  }

  /** Waits until all who read have all. */
  async #settle (): Promise<void> {
    await Promise.all(this.#published)
    this.#published = []
    await until(() => {
      for (const client of this.clients) client.look()
      return this.clients.every(({ isUpToDate }) => isUpToDate)
    }, () => this.clients.map(({ standing }) => standing).join('; '))
    await this.#standInTime()
  }

  /** Whoever reads has a position that the log still knows: cut now, it would come back to no gap. */
  async #standInTime (): Promise<void> {
    for (let turns = 0; ; turns++) {
      const places = await Promise.all(this.clients.map(async ({ toComeBackWith }) => toComeBackWith === undefined ? undefined : await this.feed.log.locate(toComeBackWith)))
      const lost = places.findIndex((place) => place?.kind === 'gap')
      if (lost === -1) return
      if (turns === 50) throw new Error(`a client that is up to date would come back to a gap: ${this.clients[lost]?.toComeBackWith}; ${this.clients[lost]?.standing}`)
      await turn()
      for (const client of this.clients) client.look()
    }
  }

  async #end (): Promise<void> {
    for (const client of this.clients) {
      if (client.isOpen) client.do({ do: 'resume', client: 0 })
      else client.connect()
    }
    await this.#settle()
    for (const client of this.clients) if (!client.isOpen) client.connect()
    await this.#settle()
    const open = this.clients.filter(({ isOpen }) => isOpen)
    if (this.feed.stats().streams !== open.length) throw new Error(`${this.feed.stats().streams} streams, and ${open.length} clients`)
    this.feed.end()
    await until(() => {
      for (const client of open) client.look()
      return open.every(({ isOpen }) => !isOpen)
    }, () => `the end reaches all; ${open.map(({ standing }) => standing).join('; ')}`)
    await until(() => {
      const { streams, entries, bytes } = this.feed.stats()
      return streams === 0 && entries === 0 && bytes === 0
    }, () => `nothing is left: ${JSON.stringify(this.feed.stats())}`)
  }
}
