/** Plays a world: the feed and its clients do what the script says, and each event is held against the model. */
import type { LogFeed } from '../../lib/subscription/feed.ts'
import { sizeOf } from '../../lib/log/retention.ts'
import type { OwnDatabase } from '../../lib/sqlite/driver.ts'
import { sqliteLogs } from '../../lib/sqlite/index.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { openDatabase } from '../sqlite/database.ts'
import type { LogEntry } from '../../lib/log/contract.ts'
import { ManualClock } from '../clock.ts'
import { History, type Now } from './history.ts'
import { Client } from './model-client.ts'
import { KEY_LISTS, type Step, type World } from './model-script.ts'
import { feedOf, OpenStream, turn, until, type FeedMade } from './open-stream.ts'

/** A world that is played. */
export class Game {
  readonly world: World
  feed: LogFeed
  history = new History('')
  readonly clock = new ManualClock()
  readonly clients: Client[]
  /** Of a world in pages: another process, and the log of this one. */
  readonly #elsewhere: PagedLog | undefined
  #log: PagedLog | undefined
  /** Of a world in SQLite. */
  readonly #database: OwnDatabase | undefined
  #published: Array<Promise<unknown>> = []
  #numbers = 0
  /** True when the feed was ended as a failure. */
  hasFailed = false

  constructor (world: World) {
    this.world = world
    this.#database = world.inSqlite === true ? openDatabase(':memory:') : undefined
    this.#elsewhere = world.paged === undefined || world.inSqlite === true ? undefined : new PagedLog({ retain: world.retain, clock: this.clock })
    this.feed = feedOf(this.#feedMade)
    this.clients = world.clients.map((shape) => new Client(this, shape))
  }

  /** True where the feed knows which entry is the newest. */
  get knowsHead (): boolean { return !this.feed.window.isHeadUnknown && this.#log?.isBehind !== true }

  get isInMemory (): boolean { return this.world.paged === undefined }

  get now (): Now {
    const { feed: { window }, history } = this
    const oldest = window.at(window.oldest)
    const oldestInWindow = oldest === undefined ? this.history.head + 1 : this.history.numberOf(oldest.position)
    // before the log has opened nobody knows the head
    return { oldestInWindow, get head () { return history.numberOf(window.head) }, knowsHead: this.knowsHead, time: this.clock.now(), world: this.world }
  }

  get #feedMade (): FeedMade {
    const { retain, perKey, paged, mode, maxLagBytes, maxLagMs } = this.world
    const made = { clock: this.clock, mode, maxLagBytes, maxLagMs }
    if (paged === undefined) return { ...made, retain: { ...retain, perKey } }
    const bounds = { ...retain, perKey, entries: Math.min(paged, retain.entries) }
    if (this.#elsewhere === undefined) return { ...made, log: sqliteLogs({ database: this.#database, retain, clock: this.clock })('numbers'), retain: bounds }
    this.#log = new PagedLog({ store: this.#elsewhere.store })
    return { ...made, log: this.#log, retain: bounds }
  }

  async play (): Promise<void> {
    this.history = new History(await this.#witness())
    for (const client of this.clients) client.begin()
    for (const step of this.world.steps) {
      await this.#do(step)
      for (const client of this.clients) client.look()
    }
    await this.#settle()
    await this.#end()
  }

  /** From now on all that is committed stands in the history. Gives the position before that. */
  async #witness (): Promise<string> {
    const entries = (told: readonly LogEntry[]): void => { if (this.#elsewhere === undefined) for (const entry of told) this.#add(entry) }
    const { before } = await (this.#elsewhere ?? this.feed.log).tail({ entries, lost () {}, ended () {} }, { entries: 0, bytes: 0 })
    if (this.#elsewhere !== undefined) this.#elsewhere.store.onCommit = (entry) => { this.#add(entry) }
    return before
  }

  async #do (step: Step): Promise<void> {
    if (step.do === 'publish') this.#publish(step)
    else if (step.do === 'advance') this.clock.advance(step.ms)
    else if (step.do === 'turns') for (let count = 0; count < step.count; count++) await turn()
    else if (step.do === 'settle') await this.#settle()
    else if (step.do === 'lose') await this.#lose(step)
    else if (step.do === 'restart') await this.#restart()
    else {
      const client = this.clients[step.client % this.clients.length]
      client?.do(step)
    }
  }

  #add (entry: LogEntry): void {
    const { keys } = entry
    this.history.add({ position: entry.position, keys, name: keys[0] ?? `\n${entry.event}`, size: sizeOf(entry), at: entry.at })
  }

  /** Another process publishes, and the tail of this one loses that. */
  async #lose ({ count, key }: Extract<Step, { do: 'lose' }>): Promise<void> {
    if (this.#elsewhere === undefined) return
    await this.#allPublished()
    this.#log?.holdTail()
    for (let index = 0; index < count; index++) {
      const json = JSON.stringify({ number: ++this.#numbers, text: '' })
      await this.#elsewhere.append({ event: 'message', json, keys: keysOf(key, index), at: this.clock.now() })
    }
    this.#log?.lose()
  }

  /** The process is closed, and another begins with what is stored; the clients come back at once. */
  async #restart (): Promise<void> {
    if (this.isInMemory) return
    await this.#allPublished()
    for (const client of this.clients) client.cut(0)
    await this.feed.close()
    this.feed = feedOf(this.#feedMade)
    if (this.#database !== undefined) await this.#witness()
    for (const client of this.clients) client.connect()
  }

  async #allPublished (): Promise<void> {
    await Promise.all(this.#published)
    this.#published = []
  }

  #publish ({ count, key, bytes }: Extract<Step, { do: 'publish' }>): void {
    for (let index = 0; index < count; index++) {
      const number = ++this.#numbers
      const keys = keysOf(key, index)
      const data = { number, text: 'x'.repeat(bytes) }
      this.#published.push(Promise.resolve(this.feed.publish({ event: 'message', data, ...(keys.length > 1 ? { keys } : { key: keys[0] }) })))
    }
  }

  /** Waits until all who read have all. */
  async #settle (): Promise<void> {
    await this.#allPublished()
    await until(() => {
      for (const client of this.clients) client.look()
      if (this.clients.some(({ hasTicks, isUpToDate }) => hasTicks && !isUpToDate)) this.clock.advance(10)
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
      if (this.clients[lost]?.hasTicks === true) this.clock.advance(10)
      if (turns === 50) throw new Error(`a client that is up to date would come back to a gap: ${this.clients[lost]?.toComeBackWith}; ${this.clients[lost]?.standing}`)
      await turn()
      for (const client of this.clients) client.look()
    }
  }

  /** Who comes late gets all that is kept, and hears of what is not, and how the feed has ended. */
  async #lookLate (): Promise<void> {
    const stream = new OpenStream(this.feed.subscribe())
    await until(() => stream.source.end !== undefined, 'a late stream ends')
    const numbers = (stream.data as Array<{ number: number }>).map(({ number }) => number)
    stream.close()
    const first = numbers[0] ?? this.history.head + 1
    const isWhole = numbers.every((number, index) => number === first + index) && first + numbers.length === this.history.head + 1
    if (!isWhole) throw new Error(`a late stream got ${numbers.join(', ')} of ${this.history.head}`)
    if (stream.gaps.length !== (first > 1 ? 1 : 0)) throw new Error(`a late stream got ${stream.gaps.length} gaps, and began with ${first}`)
    if (stream.source.end?.kind !== (this.hasFailed ? 'failed' : 'done')) throw new Error(`a late stream ended as ${stream.source.end?.kind}`)
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
    const { how, keepMs } = this.world
    this.hasFailed = how === 'fail'
    if (how === 'fail') this.feed.fail(new Error('broken'), { keepMs })
    else this.feed.end({ keepMs })
    await until(() => {
      for (const client of open) client.look()
      return open.every(({ isOpen }) => !isOpen)
    }, () => `the end reaches all; ${open.map(({ standing }) => standing).join('; ')}`)
    if (keepMs > 0) await this.#lookLate()
    this.clock.advance(keepMs)
    await until(() => {
      const { streams, entries, bytes } = this.feed.stats()
      return streams === 0 && entries === 0 && bytes === 0
    }, () => `nothing is left: ${JSON.stringify(this.feed.stats())}`)
    await until(() => (this.#elsewhere?.store.history.length ?? 0) === 0, 'the history is deleted')
    await this.#elsewhere?.close()
    await this.feed.close()
    this.#database?.close()
  }
}

/** The keys of the event at a place in a burst. */
function keysOf (first: number, index: number): readonly string[] {
  return KEY_LISTS[(first + index * index) % KEY_LISTS.length] ?? []
}
