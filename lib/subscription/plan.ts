/**
 * What the options of a subscription mean for its streams: which cursor, from where on, with which snapshot. There is one plan for all
 * streams of a subscription.
 */
import { onAbort } from '../abort.ts'
import type { Entry, EntryView } from '../feed/entry.ts'
import type { FeedCore } from '../feed/feed-core.ts'
import type { As } from '../feed/frame-writer.ts'
import { isTaken } from '../feed/poison.ts'
import type { Snapshot } from '../feed/snapshot.ts'
import { inContext, type OwnContext } from '../own-context.ts'
import type { SourceOwner } from '../wire/frame-source.ts'
import type { Gap } from '../wire/protocol.ts'
import { Cursor, type EntryCursor } from './cursor.ts'
import { FollowedKeys } from './followed-keys.ts'
import { KeyedCursor } from './keyed-cursor.ts'
import { atEnd, atHead, findBehind, findFirst, type Opening } from './opening.ts'
import type { AnyOptions } from './options.ts'
import { Reader } from './reader.ts'
import type { Reading } from './reading.ts'
import { takeSnapshot, type State } from './taken-snapshot.ts'

/** How the streams of one subscription read. */
export class Plan implements Reading {
  readonly feed: FeedCore
  readonly where: ((view: EntryView) => unknown) | undefined
  readonly as: As
  readonly hasOwnFunctions: boolean
  readonly #after: AnyOptions['after']
  readonly #from: AnyOptions['from']
  readonly #initial: Snapshot<unknown> | undefined
  readonly #onGap: Snapshot<unknown> | undefined
  /** The keys that are followed now; `undefined` where entries of any key are taken, and of none. */
  readonly #keys: FollowedKeys | undefined
  readonly #signal: AbortSignal | undefined
  /** What takes back that a reader waits for the abort of the signal. */
  readonly #leaves = new WeakMap<object, () => void>()

  constructor (feed: FeedCore, { after, from, where, as, initial, onGap, signal }: AnyOptions, keys: Set<string> | undefined) {
    this.feed = feed
    this.where = where
    // that it gives data is looked at for each entry
    this.as = as as As
    this.hasOwnFunctions = (where ?? initial ?? onGap) !== undefined
    this.#after = after
    this.#from = from
    this.#initial = initial ?? feed.initial
    this.#onGap = onGap ?? feed.onGap
    this.#signal = signal
    this.#keys = keys === undefined ? undefined : new FollowedKeys(feed.window, keys)
  }

  get isKeyed (): boolean { return this.#keys !== undefined }

  hasKey ({ key }: Entry): boolean {
    return this.#keys === undefined || this.#keys.has(key)
  }

  /** Begins a stream behind the last event ID of its client, or as the options say. Throws what a snapshot throws. */
  begin (lastEventId: string | undefined, owner: SourceOwner): Reader {
    const { feed } = this
    const after = lastEventId ?? this.#after
    const reader = new Reader(this, owner, after === undefined && this.#from === undefined)
    feed.enter(reader)
    try {
      if (this.#signal !== undefined) this.#heed(this.#signal, reader)
      if (reader.end !== undefined) return reader
      const begin = (): Opening | Promise<Opening> => {
        if (after !== undefined) return this.#findBehind(after)
        if (feed.isFreed) return atEnd(feed.window, undefined, feed.hasEnded)
        return findFirst(feed, this.#from ?? 'latest', (entry) => this.#takes(entry))
      }
      reader.begin(feed.isOpening ? feed.opened(begin) : begin())
    } catch (error) {
      reader.release()
      throw error
    }
    return reader
  }

  cursorAt ({ start, before }: Opening, reader: { stir (): void }): EntryCursor {
    const { feed } = this
    if (this.#keys === undefined) return new Cursor(feed, start, before)
    const cursor = new KeyedCursor(feed, feed.keys, this.#keys, start, before)
    cursor.reader = reader
    return cursor
  }

  snapshot (gap: Gap | undefined, context: OwnContext | undefined): State | Promise<State> | undefined {
    const { feed } = this
    const made = gap === undefined ? this.#initial : this.#onGap
    if (made === undefined) return undefined
    const snapshot = context === undefined ? made : inContext(made, context)
    return takeSnapshot(snapshot, gap, {
      head: atHead(feed.window),
      find: (after) => this.#findBehind(after),
      take: (events, position) => feed.states.take(events, position, (publication, at) => feed.entryOf(publication, at))
    })
  }

  left (reader: Reader): void {
    this.#leaves.get(reader)?.()
    this.feed.leave(reader)
  }

  /** Takes the entries of one more key, from the next that is published. */
  follow (key: string): void {
    this.#keys?.follow(key)
  }

  /** Takes no entry of a key any more. */
  unfollow (key: string): void {
    this.#keys?.unfollow(key)
  }

  /** The reader ends when the signal is aborted. */
  #heed (signal: AbortSignal, reader: Reader): void {
    const end = (): void => { reader.finish({ kind: 'kick', reason: signal.reason }) }
    if (signal.aborted) end()
    else this.#leaves.set(reader, onAbort(signal, end))
  }

  #findBehind (after: string): Opening | Promise<Opening> {
    const { feed } = this
    return feed.isFreed ? atEnd(feed.window, after, feed.hasEnded) : findBehind(feed, after)
  }

  #takes (entry: Entry): boolean {
    try {
      return this.hasKey(entry) && (this.where === undefined || isTaken(this.where, entry, undefined))
    } catch {
      // the stream comes upon it again, and reports it or ends
      return true
    }
  }
}
