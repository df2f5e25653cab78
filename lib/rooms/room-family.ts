/** A family of rooms: which are there, how many there may be, and what becomes of them when the application closes. */
import { settledWithin, type Clock } from '../clock.ts'
import { Deadlines } from '../deadlines.ts'
import { ROOMS_STORED_AT_ONCE } from '../defaults.ts'
import { asError, RoomsClosed, shown, TooManyFeeds } from '../errors.ts'
import type { EndOptions } from '../feed/ending.ts'
import type { FeedParts } from '../feed/feed-parts.ts'
import { ownContext } from '../own-context.ts'
import { RoomsFigures, type RoomsStats } from './figures.ts'
import type { RoomsSettings } from './options.ts'
import type { RoomFeed } from './room-feed.ts'
import { checkRoomId } from './room-id.ts'
import type { RoomOfFamily, RoomTools } from './room-parts.ts'
import { Room } from './room.ts'
import type { Rooms } from './rooms.ts'
import { Waits } from './waits.ts'

/** What a family is made of. */
export interface RoomFamilyParts extends Pick<FeedParts, 'codec' | 'compile' | 'onMisheard'> {
  readonly name: string
  readonly settings: RoomsSettings
  readonly clock: Clock
  /** Tells the application's log what has failed. */
  readonly report: (error: unknown, what: string) => void
}

/** The rooms of one name. */
export class RoomFamily implements Rooms {
  readonly name: string
  readonly #parts: RoomFamilyParts
  readonly #tools: RoomTools
  /** Those that count: an id is free when its room is not here any more. */
  readonly #rooms = new Map<string, Room>()
  /** Those that were left, and whose feeds are not freed yet: streams may still read what remains. */
  readonly #leaving = new Set<RoomOfFamily>()
  readonly #deadlines: Deadlines
  readonly #waits: Waits
  readonly #figures = new RoomsFigures()
  #isClosing = false

  constructor (parts: RoomFamilyParts) {
    const { name, settings, clock, codec, compile, onMisheard, report } = parts
    this.name = name
    this.#parts = parts
    this.#deadlines = new Deadlines(clock, (error) => { report(asError(error, 'what was due failed'), `rooms ${shown(name)}`) })
    this.#waits = new Waits(this.#deadlines)
    this.#tools = {
      name,
      settings,
      clock,
      codec,
      compile,
      onMisheard,
      deadlines: this.#deadlines,
      waits: this.#waits,
      figures: this.#figures,
      context: ownContext(),
      onLeft: (room) => { if (room.feed !== undefined) this.#leaving.add(room) },
      onFreed: (room) => { if (this.#leaving.delete(room) && room.feed !== undefined) this.#figures.past.add(room.feed.figures) },
      onGone: (room) => { if (this.#rooms.get(room.id) === room) this.#rooms.delete(room.id) },
      report
    }
  }

  get size (): number { return this.#rooms.size }

  open (id: string): Promise<RoomFeed> {
    const opened = this.#open(id)
    // whoever awaits it gets the rejection too; where nobody does, it must not end the process
    opened.catch(() => {})
    return opened
  }

  get (id: string): RoomFeed | undefined {
    return this.#rooms.get(id)?.openFeed
  }

  end (id: string, options?: EndOptions): void {
    this.#rooms.get(id)?.end(options)
  }

  stats (): RoomsStats {
    return this.#figures.stats(this.#feeds(), this.size)
  }

  /**
   * The application closes: no room is opened any more, and `onIdle` is called for those that are open. Is fulfilled
   * when it has stored them, or after `withinMs`.
   */
  async drain (withinMs: number): Promise<void> {
    this.#isClosing = true
    if (this.#parts.settings.onIdle === undefined) return
    const left = new Set([...this.#rooms.values()].filter(({ openFeed }) => openFeed !== undefined))
    const rooms = [...left].values()
    let isOver = false
    const storeSome = async (): Promise<void> => {
      for (const room of rooms) {
        if (isOver) return
        await room.store()
        left.delete(room)
      }
    }
    await settledWithin(this.#parts.clock, withinMs, Promise.all(Array.from({ length: ROOMS_STORED_AT_ONCE }, storeSome)))
    isOver = true
    if (left.size > 0) this.#parts.report(new RoomsClosed(), `rooms ${shown(this.name)}: onIdle has not stored ${left.size} of them in time`)
  }

  /** No room is opened any more. */
  stop (): void {
    this.#isClosing = true
  }

  /** Frees all rooms. */
  async close (): Promise<void> {
    this.#isClosing = true
    this.#waits.close()
    const feeds = [...this.#leaving].map(({ feed }) => feed)
    await Promise.all([...this.#rooms.values()].map((room) => room.close()))
    await Promise.all(feeds.map((feed) => feed?.close().catch((error: unknown) => { this.#tools.report(error, `the log of the feed ${shown(feed.name)} could not be freed`) })))
    this.#rooms.clear()
    this.#leaving.clear()
    this.#deadlines.clear()
  }

  async #open (id: string): Promise<RoomFeed> {
    checkRoomId(id)
    if (this.#isClosing) throw new RoomsClosed()
    const before = this.#rooms.get(id)
    if (before?.isLeft === false) return await before.open()
    const { maxOpen } = this.#parts.settings
    if (before === undefined && this.size >= maxOpen) throw new TooManyFeeds(maxOpen, shown(this.name))
    const room = new Room(id, this.#tools)
    this.#rooms.set(id, room)
    room.begin(before)
    return await room.open()
  }

  * #feeds (): Generator<RoomFeed> {
    for (const { feed, isLeft } of this.#rooms.values()) if (feed !== undefined && !isLeft) yield feed
    for (const { feed } of this.#leaving) if (feed !== undefined) yield feed
  }
}
