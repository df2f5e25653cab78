/**
 * One event of a log, as this process holds it. Its data is kept as JSON text: what filters and projections see is read
 * back from that, so it is the same on every log.
 */
import type { LogEntry } from '../log/contract.ts'
import { sizeOf } from '../log/retention.ts'

/** What filters and projections see of an entry: frozen, all the way down. */
export interface EntryView<Type extends string = string, Data = unknown> {
  /** The event ID. */
  readonly id: string
  /** The event type. */
  readonly event: Type
  /** The data, as it reads back from JSON. */
  readonly data: Data
  /** When it was published, in milliseconds since the Unix epoch. */
  readonly at: number
  /** The first of the keys that it was published with; `undefined` if it has none. */
  readonly key: string | undefined
  /** All keys that it was published with, in that order, each once; empty if it has none. */
  readonly keys: readonly string[]
}

/** Whoever keeps an entry within a bound. */
export interface EntryKeeper {
  /** Its data was parsed, and counts this many bytes until the keeper makes it forget that. */
  viewMade (entry: Entry, bytes: number): void
}

/** Most events have no key. */
export const NO_KEYS: readonly string[] = Object.freeze([])

/** How many bytes the parsed data takes for each byte of JSON: objects of short properties, about. */
const PARSED_SHARE = 2

/**
 * Writes the data of an entry by the schema that the feed has now: what is stored may be older than that. Throws for an
 * event that does not fit any more.
 */
export type Check = (entry: LogEntry) => string

/** An event in a log. */
export class Entry {
  /** Its index in this process's window, dense and absolute; -1 for an entry that is not in the window. */
  readonly index: number
  /** What it counts toward a bound, in bytes, without cached forms of it. */
  readonly size: number
  #stored: LogEntry
  #check: Check | undefined
  #view: EntryView | undefined
  #keeper: EntryKeeper | undefined

  /** @param check `undefined` for an entry that this feed has just written */
  constructor (stored: LogEntry, index: number, check?: Check) {
    this.#stored = stored
    this.#check = check
    this.index = index
    this.size = sizeOf(stored)
  }

  /** The event type. */
  get event (): string { return this.#stored.event }
  /** What clients see as the event ID. Assigned by the log. */
  get position (): string { return this.#stored.position }
  /** The first of its keys; `undefined` for an entry without one. */
  get key (): string | undefined { return this.#stored.keys[0] }
  /** The indexed attributes, the first one first. */
  get keys (): readonly string[] { return this.#stored.keys }
  /** When it was published, in milliseconds since the Unix epoch. */
  get at (): number { return this.#stored.at }

  /** The data, as JSON. Throws where what is stored does not fit the feed any more. */
  get json (): string {
    if (this.#check !== undefined) {
      this.#stored = { ...this.#stored, json: this.#check(this.#stored) }
      this.#check = undefined
    }
    return this.#stored.json
  }

  /** What filters and projections see: made when somebody first asks, and the same object until it is forgotten. */
  get view (): EntryView {
    if (this.#view === undefined) {
      const view = Object.freeze({
        id: this.position,
        event: this.event,
        data: deepFreeze(JSON.parse(this.json)),
        at: this.at,
        key: this.key,
        keys: frozen(this.keys)
      })
      this.#view = view
      this.#keeper?.viewMade(this, this.json.length * PARSED_SHARE)
      return view
    }
    return this.#view
  }

  /** From now on `keeper` counts the parsed data too, when there is some. */
  keptBy (keeper: EntryKeeper): void {
    this.#keeper = keeper
  }

  /** From now on nobody counts it. */
  letGo (): void {
    this.#keeper = undefined
  }

  /** The parsed data is not kept any more: it is made again when somebody asks. */
  forgetView (): void {
    this.#view = undefined
  }
}

/** The same list, which nobody can change. A log may have given one that it still uses: that is copied. */
function frozen (keys: readonly string[]): readonly string[] {
  if (keys.length === 0) return NO_KEYS
  return Object.isFrozen(keys) ? keys : Object.freeze([...keys])
}

/** Freezes all that it holds too. Not recursive: data may be deeper than the stack. */
function deepFreeze (value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const found = [value]
  for (let at = found.pop(); at !== undefined; at = found.pop()) {
    Object.freeze(at)
    for (const inner of Object.values(at)) if (typeof inner === 'object' && inner !== null) found.push(inner as object)
  }
  return value
}
