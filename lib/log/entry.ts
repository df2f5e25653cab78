/**
 * One event in a log. Its data is kept as JSON text, as it was serialized when it was published: what filters and projections
 * see is read back from that, so it is the same on every log.
 */
import { ENTRY_BYTES } from '../defaults.ts'

/** An event on its way into a log. */
export interface Draft {
  /** The event type. */
  readonly event: string
  /** The data, as JSON. */
  readonly json: string
  /** The indexed attribute; `undefined` for an entry without one. */
  readonly key: string | undefined
  /** When it was published, in milliseconds since the Unix epoch. Does not decrease, also where the clock is set back. */
  readonly at: number
}

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
  /** The key it was published with; `undefined` where it has none. */
  readonly key: string | undefined
}

/** Whoever keeps an entry within a bound. */
export interface EntryKeeper {
  /** Its data was parsed, and counts this many bytes until the keeper makes it forget that. */
  viewMade (entry: Entry, bytes: number): void
}

/** How many bytes the parsed data takes for each byte of JSON: objects of short properties, about. */
const PARSED_SHARE = 2

/** An event in a log. */
export class Entry implements Draft {
  readonly event: string
  readonly json: string
  readonly key: string | undefined
  readonly at: number
  /** Opaque and ordered: what clients see as the event ID. Assigned by the log. Without CR, LF, NUL, comma and `=`; not beginning with `~`. */
  readonly position: string
  /** Its place in this process's window, dense and absolute; -1 for an entry that was read from before the window. */
  readonly index: number
  /** What it counts toward the log's bound, in bytes, without cached forms of it. */
  readonly size: number
  #view: EntryView | undefined
  #keeper: EntryKeeper | undefined

  constructor ({ event, json, key, at }: Draft, position: string, index: number) {
    this.event = event
    this.json = json
    this.key = key
    this.at = at
    this.position = position
    this.index = index
    this.size = ENTRY_BYTES + Buffer.byteLength(json) + event.length + (key?.length ?? 0)
  }

  /** What filters and projections see: made when somebody first asks, and the same object until it is forgotten. */
  get view (): EntryView {
    if (this.#view === undefined) {
      const view = Object.freeze({
        id: this.position, event: this.event, data: deepFreeze(JSON.parse(this.json)), at: this.at, key: this.key
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
