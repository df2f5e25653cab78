/**
 * Snapshots that streams are being sent: encoded when their function has returned, shared between streams where they
 * are the same, and counted toward the bound of the log. It does not know who asked for them.
 */
import { STATES_COMPARED, STATES_LEAST_BYTES, STATES_SHARE } from '../defaults.ts'
import type { Entry } from './entry.ts'
import type { Window } from './window.ts'

/** The events of a snapshot, encoded. */
export interface HeldSnapshot {
  readonly entries: readonly Entry[]
  /** One stream does not need it any more. A second call for the same stream is a mistake. */
  release (): void
}

/** A snapshot that streams hold. What was given is not: it may be as large again. */
interface Held { readonly events: WeakRef<object>, readonly position: string, readonly entries: readonly Entry[], readonly bytes: number, streams: number }

/** The snapshots of one feed. */
export class HeldSnapshots {
  readonly #window: Window
  /** The newest comes last. */
  readonly #held = new Set<Held>()
  #bytes = 0

  constructor (window: Window) {
    this.#window = window
  }

  /**
   * Encodes the events of a snapshot, for one stream. The same iterable, or equal events, as of the same position are
   * the same snapshot. Throws what the events throw.
   *
   * @returns `undefined` where the snapshot would pass the bound: then no more of its events are asked for
   */
  take (events: Iterable<unknown>, position: string, entryOf: (publication: unknown, position: string) => Entry): HeldSnapshot | undefined {
    const alike = [...this.#held].filter((held) => held.position === position).slice(-STATES_COMPARED)
    const known = alike.find((held) => held.events.deref() === events) ?? this.#encoded(events, position, entryOf, alike)
    return known === undefined ? undefined : this.#forOneMore(known)
  }

  /** A function of its own: one made in `take` would keep the events that were given. */
  #forOneMore (held: Held): HeldSnapshot {
    held.streams++
    return { entries: held.entries, release: () => { this.#release(held) } }
  }

  /** While the events are those of a known snapshot, none of them is kept a second time. */
  #encoded (events: Iterable<unknown>, position: string, entryOf: (publication: unknown, position: string) => Entry, known: Held[]): Held | undefined {
    let alike = known
    let equal: readonly Entry[] = []
    let own: Entry[] | undefined = alike.length === 0 ? [] : undefined
    let bytes = 0
    let count = 0
    for (const event of events) {
      const entry = entryOf(event, position)
      bytes += entry.size
      if (this.#bytes + bytes > this.#most && own !== undefined) return undefined
      if (own === undefined) {
        equal = alike[0]?.entries ?? []
        alike = alike.filter(({ entries }) => isSame(entries[count], entry))
        if (alike.length === 0) own = equal.slice(0, count)
      }
      own?.push(entry)
      count++
    }
    const same = own === undefined ? alike.find(({ entries }) => entries.length === count) : undefined
    return same ?? this.#hold({ events: new WeakRef(events), position, entries: own ?? alike[0]?.entries.slice(0, count) ?? [], bytes, streams: 0 })
  }

  #hold (held: Held): Held | undefined {
    if (this.#bytes + held.bytes > this.#most) return undefined
    this.#held.add(held)
    this.#charge(held.bytes)
    return held
  }

  #release (held: Held): void {
    if (--held.streams > 0) return
    this.#held.delete(held)
    this.#charge(-held.bytes)
  }

  /** What entries leave of the bound; or a share of it, which they have no say in: no entry leaves for a snapshot. */
  get #most (): number {
    return Math.max(this.#window.left, this.#window.retention.bytes * STATES_SHARE, STATES_LEAST_BYTES)
  }

  #charge (bytes: number): void {
    this.#bytes += bytes
    this.#window.hold(bytes)
  }
}

function haveSameKeys ({ keys: some }: Entry, { keys: others }: Entry): boolean {
  return some.length === others.length && some.every((key, place) => key === others[place])
}

function isSame (known: Entry | undefined, entry: Entry): boolean {
  return known !== undefined && known.json === entry.json && known.event === entry.event && haveSameKeys(known, entry)
}
