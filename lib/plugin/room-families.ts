/** `app.feeds`: the families of rooms of one application, by name. */
import { settledWithin } from '../clock.ts'
import { BadOption, FeedExists, shown } from '../errors.ts'
import type { RoomsStats } from '../rooms/figures.ts'
import { readRoomsOptions, type RoomsOptions } from '../rooms/options.ts'
import { RoomFamily } from '../rooms/room-family.ts'
import { SEPARATOR } from '../rooms/room-id.ts'
import type { Feed } from '../subscription/feed.ts'
import type { Workshop } from './workshop.ts'

/** The families of rooms of one application. */
export class RoomFamilies {
  readonly #families = new Map<string, RoomFamily>()
  readonly #workshop: Workshop
  /** The names of feeds that are alive. */
  readonly #feedNames: () => Iterable<string>

  constructor (workshop: Workshop, feedNames: () => Iterable<string>) {
    this.#workshop = workshop
    this.#feedNames = feedNames
  }

  /** Defines a family. */
  define (name: string, options: RoomsOptions): RoomFamily {
    this.#workshop.checkName(name, 'rooms')
    if (name.includes(SEPARATOR)) throw new BadOption(`the name of rooms must have no "${SEPARATOR}", which stands between it and the id of a room, but it is ${shown(name)}`)
    if (this.#families.has(name)) throw new FeedExists(shown(name))
    for (const taken of this.#feedNames()) if (taken === name || taken.startsWith(`${name}${SEPARATOR}`)) throw new FeedExists(shown(taken))
    const { clock, report } = this.#workshop
    const settings = readRoomsOptions(options)
    const compiled = this.#workshop.compile(options.events, `the rooms ${shown(name)}`)
    const family = new RoomFamily({ name, settings, clock, ...compiled, report })
    this.#families.set(name, family)
    return family
  }

  /** True for a name that no feed may have: that of a family, or of one of its rooms. */
  owns (name: string): boolean {
    return this.#families.has(split(name).family)
  }

  /** The feed of a room that is open now, by its full name; `undefined` where there is none. */
  get (name: string): Feed | undefined {
    const { family, id } = split(name)
    return this.#families.get(family)?.get(id)
  }

  /** What the rooms hold, by the name of their family. */
  stats (): Record<string, RoomsStats> {
    return Object.fromEntries(Array.from(this.#families, ([name, family]) => [name, family.stats()]))
  }

  /** The application closes: no room is opened any more. */
  stop (): void {
    for (const family of this.#families.values()) family.stop()
  }

  /** Rooms that are open are stored, those of all families within the same time. */
  async drain (withinMs: number): Promise<void> {
    await Promise.all(Array.from(this.#families.values(), (family) => family.drain(withinMs)))
  }

  /** Frees all rooms. A log that takes longer than `timeoutMs` is not awaited any more. */
  async close (timeoutMs: number): Promise<void> {
    const closing = Array.from(this.#families.values(), (family) => family.close())
    await settledWithin(this.#workshop.clock, timeoutMs, Promise.all(closing))
    this.#families.clear()
  }
}

/** The parts of the full name of a room. */
function split (name: string): { family: string, id: string } {
  const end = name.indexOf(SEPARATOR)
  return end === -1 ? { family: name, id: '' } : { family: name.slice(0, end), id: name.slice(end + 1) }
}
