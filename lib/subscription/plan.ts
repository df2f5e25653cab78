/**
 * What the options of a subscription mean for its streams: which cursor, from where on, with which snapshot. There is
 * one plan for all streams of a subscription, and it does not know them.
 */
import { Few } from '../few.ts'
import type { Entry } from '../feed/entry.ts'
import type { FeedCore } from '../feed/feed-core.ts'
import { then } from '../feed/location.ts'
import type { As } from '../feed/frame-encoder.ts'
import { isTaken, Poison, type Where } from '../feed/poison.ts'
import type { Snapshot } from '../feed/snapshot.ts'
import { inContext, type OwnContext } from '../own-context.ts'
import type { Gap } from '../wire/protocol.ts'
import { Cursor, type EntryCursor } from './cursor.ts'
import { FollowedKeys } from './followed-keys.ts'
import { firstKeptOf, withKept } from './kept-opening.ts'
import { KeyedCursor } from './keyed-cursor.ts'
import { atEnd, atHead, findAfter, findFirst, type Opening } from './opening.ts'
import { readEvents, type AnyOptions } from './options.ts'
import { takeSnapshot, type TakenSnapshot } from './taken-snapshot.ts'

/** A stream that may get some of the past of a key that is followed while it is open. */
interface Joiner {
  join (key: string, last: number, before: number): void
  part (key: string): void
}

/** How the streams of one subscription read. */
export class Plan {
  readonly feed: FeedCore
  readonly where: Where | undefined
  readonly as: As
  /** True where functions are called that may look at who has opened the stream: they run in its context. */
  readonly hasOwnFunctions: boolean
  /** Ends the streams when it is aborted. */
  readonly signal: AbortSignal | undefined
  /** After which of its entries a stream ends. */
  readonly endAfter: Where | undefined
  /** How often a stream gets something, at most; `undefined`: as it comes. */
  readonly everyMs: number | undefined
  /** Where a first connect goes on. */
  readonly after: AnyOptions['after']
  readonly #from: AnyOptions['from']
  readonly #initial: Snapshot<unknown> | undefined
  readonly #onGap: Snapshot<unknown> | undefined
  /** The keys that are followed now; `undefined` where entries of any key are taken, and of none. */
  readonly keys: FollowedKeys | undefined
  /** The open streams of a plan with keys. */
  readonly #readers = new Few<Joiner>()
  #hasJoined = false

  /** The event types that are taken; `undefined` for all. */
  readonly #types: ReadonlySet<string> | undefined

  constructor (feed: FeedCore, { after, from, events, where, endAfter, as, everyMs, initial, onGap, signal }: AnyOptions, keys: Set<string> | undefined) {
    this.feed = feed
    this.#types = events === undefined ? undefined : readEvents(events, (event) => feed.declares(event))
    // a stream that looks at each entry shares no batches, and waits with a filter
    const filter = where ?? (endAfter === undefined ? undefined : takesAll)
    this.where = this.#types === undefined ? filter : ofTypes(this.#types, where)
    this.endAfter = endAfter
    this.everyMs = everyMs
    // that it gives data is looked at for each entry
    this.as = as as As
    this.hasOwnFunctions = (where ?? endAfter ?? initial ?? onGap) !== undefined
    this.after = after
    this.#from = from
    this.#initial = initial ?? feed.initial
    this.#onGap = onGap ?? feed.onGap
    this.signal = signal
    this.keys = keys === undefined ? undefined : new FollowedKeys(feed.window, keys)
  }

  get isKeyed (): boolean { return this.keys !== undefined }

  /** True for an entry with a key that is followed; for all where that does not matter. */
  hasKey ({ keys }: Entry): boolean {
    const followed = this.keys
    return followed === undefined || keys.some((key) => followed.has(key))
  }

  /** True for an entry of an event type that is not taken, whatever else is asked. */
  leavesOut ({ event }: Entry): boolean {
    return this.#types !== undefined && !this.#types.has(event)
  }

  /**
   * Says which entries a stream takes that are given out of turn; `undefined` for all. One that the filter throws at is
   * reported, and not taken. Throws what is to end the stream.
   */
  takesPast (context: OwnContext | undefined): ((entry: Entry) => boolean) | undefined {
    const { where, feed } = this
    if (where === undefined) return undefined
    return (entry) => {
      try {
        return isTaken(where, entry, context)
      } catch (error) {
        const poison = new Poison(error)
        if (poison.isFatal) throw error
        if (!this.leavesOut(entry)) feed.poison.add(where, entry, poison)
        return false
      }
    }
  }

  /** True for a stream that begins where the options say nothing, and its client neither: a snapshot may come first. */
  isFirst (lastEventId: string | undefined): boolean {
    return lastEventId === undefined && this.after === undefined && this.#from === undefined
  }

  /** Where a stream begins: after the last event ID of its client, or as the options say. */
  opening (lastEventId: string | undefined): Opening | Promise<Opening> {
    const { feed } = this
    const after = lastEventId ?? this.after
    if (after !== undefined) return this.#findAfter(after)
    // nothing comes any more, so who asks for nothing else wants what there was; a state says that too
    const from = this.#from ?? (feed.hasEnded && this.#initial === undefined ? 'start' : 'latest')
    if (feed.isFreed) return atEnd(feed.window, from === 'latest' ? undefined : '', feed.hasLostHistory)
    const takes = (entry: Entry): boolean => this.#takes(entry)
    const { window, histories } = feed
    const kept = histories === undefined || this.keys === undefined ? undefined : firstKeptOf(from, { window, histories }, this.keys, takes)
    return kept ?? findFirst(feed, from, takes)
  }

  /** A cursor at an opening. One that follows keys stirs its reader when it was at the head, and has an entry. */
  cursorAt ({ start, before }: Opening, reader: { stir (): void }): EntryCursor {
    const { feed } = this
    if (this.keys === undefined) return new Cursor(feed, start, before)
    const cursor = new KeyedCursor(feed, feed.keys, this.keys, start, before)
    cursor.reader = reader
    return cursor
  }

  /**
   * The snapshot to be sent in place of a gap, or at a first connect that asks for nothing else; `undefined` for
   * none.
   */
  snapshot (gap: Gap | undefined, context: OwnContext | undefined): TakenSnapshot | Promise<TakenSnapshot> | undefined {
    const { feed } = this
    const made = gap === undefined ? this.#initial : this.#onGap
    if (made === undefined) return undefined
    const snapshot = context === undefined ? made : inContext(made, context)
    return takeSnapshot(snapshot, gap, {
      head: atHead(feed.window),
      find: (after) => this.#findAfter(after),
      take: (events, position) => feed.snapshots.take(events, position, (publication, at) => feed.entryOf(publication, at))
    })
  }

  /** A stream is open from now on, for the keys that are followed meanwhile. */
  enter (reader: Joiner): void {
    if (this.keys !== undefined) this.#readers.add(reader)
  }

  /** ... and not any more. */
  leave (reader: Joiner): void { this.#readers.delete(reader) }

  /** Takes the entries of one more key, from the next that is published; before those, its `last` newest. */
  follow (key: string, last: number): void {
    if (this.keys === undefined || this.keys.has(key)) return
    this.keys.follow(key)
    if (last === 0) return
    this.#hasJoined = true
    for (const reader of this.#readers.all) reader.join(key, last, this.feed.window.next)
    this.feed.fanOut.notify()
  }

  /** Takes no entry of a key any more. */
  unfollow (key: string): void {
    this.keys?.unfollow(key)
    if (this.#hasJoined) for (const reader of this.#readers.all) reader.part(key)
  }

  #findAfter (after: string): Opening | Promise<Opening> {
    const { feed } = this
    if (feed.isFreed) return atEnd(feed.window, after, feed.hasLostHistory)
    const { window, histories } = feed
    const found = findAfter(feed, after)
    return histories === undefined ? found : then(found, (opening) => withKept(opening, { window, histories }, this.keys))
  }

  #takes (entry: Entry): boolean {
    try {
      return this.hasKey(entry) && (this.where === undefined || isTaken(this.where, entry, undefined))
    } catch {
      // the stream comes upon it again, and reports it or ends
      return !this.leavesOut(entry)
    }
  }
}

/** A filter that is asked about entries of some event types only. */
function ofTypes (types: ReadonlySet<string>, where: Where | undefined): Where {
  return (view) => types.has(view.event) && (where === undefined || where(view))
}

function takesAll (): boolean { return true }
