/**
 * A feed: a named log of events that streams follow. Publishing appends once and wakes those who wait at the head; it awaits
 * no reader. It does not know HTTP.
 */
import type { Clock } from '../clock.ts'
import { BadEvent, BadField, describe, FeedEnded, shown } from '../errors.ts'
import { appended } from '../log/answers.ts'
import { Entry, type Draft, type EntryView } from '../log/entry.ts'
import type { EventLog } from '../log/event-log.ts'
import type { EventCodec } from '../wire/codec.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import { checkEventType, DEFAULT_EVENT_TYPE, toJson, type DataText } from '../wire/event.ts'
import { CONFLATION_SHARE } from '../defaults.ts'
import { guardedEach } from '../guarded.ts'
import { Roster } from '../roster.ts'
import { Bookmarks } from './bookmarks.ts'
import { NewestByKey } from './conflation.ts'
import { FanOut } from './fan-out.ts'
import { Filters } from './filters.ts'
import { FeedFigures, percentilesOf, type FeedStats } from './figures.ts'
import { KeyIndex } from './key-index.ts'
import { PoisonReports } from './poison.ts'
import type { Reader } from './reader.ts'
import type { LagPolicy } from './slow-consumer.ts'
import type { Snapshot } from './snapshot.ts'
import { States } from './states.ts'
import type { SubscribedFeed } from './plan.ts'
import type { Projected } from './projection.ts'
import { FeedSubscription, type SubscribeOptions } from './subscription.ts'
import { VariantCache } from './variant-cache.ts'

/** What is published in a feed of the given data types. An event of type `message` need not name it. */
export type Publication<Types> =
  | { [Type in keyof Types & string]: { event: Type, data: Types[Type], key?: string | undefined } }[keyof Types & string]
  | ('message' extends keyof Types ? { event?: undefined, data: Types['message'], key?: string | undefined } : never)

/** What filters and projections of a feed of the given data types see. */
export type FeedView<Types> = { [Type in keyof Types & string]: EntryView<Type, Types[Type]> }[keyof Types & string]

/**
 * The events that a subscription dispatches: those of the feed, or what its projection makes of them (`never`: it has
 * none).
 */
export type Dispatched<Types, Made> =
  [Made] extends [never]
    ? { [Type in keyof Types & string]: { event: Type, data: Types[Type] } }[keyof Types & string]
    : Made extends { event?: infer Type, data: infer Data } ? { event: TypeOf<Type, Types, Made>, data: Data } : never

/** The event type that a projection names; where it need not name one, also those of the feed. */
type TypeOf<Type, Types, Made> =
  | (Type extends string ? Type : never)
  | (Made extends { event: string } ? never : keyof Types & string)

/** A named log of events that streams follow. Made by `app.feed`. */
export interface Feed<Types = Record<string, unknown>> {
  /** Its name: no other feed that is alive has it. */
  readonly name: string
  /** True after `end`. */
  readonly hasEnded: boolean
  /**
   * Adds an event and wakes all who follow; awaits none of them. What it returns is the event's id: at once with a log in
   * memory, as a promise with a log that must write first. `await` takes both.
   *
   * @throws FST_EVENTFEED_BAD_EVENT, FST_EVENTFEED_BAD_FIELD, FST_EVENTFEED_UNKNOWN_EVENT, FST_EVENTFEED_INVALID_DATA,
   *   FST_EVENTFEED_FEED_ENDED; nothing was added then
   */
  publish (event: Publication<Types>): string | Promise<string>
  /** A source for `reply.sse`: which entries, from where on, in which shape. Throws `FST_EVENTFEED_BAD_OPTION`. */
  subscribe<Made extends Projected<Type> = never, Type extends string = string> (
    options?: SubscribeOptions<FeedView<Types>, Made, Publication<Types>>
  ): FeedSubscription<Dispatched<Types, Made>>
  /**
   * Ends the feed: streams get what remains, then `stream:done`; the name is free at once, the log is freed with the last
   * stream. A second call does nothing.
   */
  end (): void
  /** What the feed holds, what it has done, and how far its streams are behind. */
  stats (): FeedStats
}

/** What a feed is made of. */
export interface FeedParts {
  readonly name: string
  readonly log: EventLog
  readonly clock: Clock
  readonly codec: EventCodec | undefined
  /** Writes data by a schema that a projection carries. */
  readonly compile: (event: string, schema: object) => DataText
  readonly lag: LagPolicy
  readonly initial?: Snapshot<unknown> | undefined
  readonly onGap?: Snapshot<unknown> | undefined
  /** Called by `end`: the name is free again. */
  readonly onEnd: () => void
  /** Called when the log of a feed that has ended is freed; with the error where that failed. */
  readonly onFreed: (error?: unknown) => void
  /** Called with what failed and has nobody else to report it: it belongs into the application's log. */
  readonly onFault: (error: unknown, what: string) => void
}

/** A feed over a log. */
export class LogFeed implements Feed, SubscribedFeed {
  readonly name: string
  readonly log: EventLog
  readonly fanOut: FanOut
  readonly variants: VariantCache
  readonly states: States
  readonly bookmarks: Bookmarks
  readonly figures = new FeedFigures()
  readonly newest: NewestByKey | undefined
  readonly poison = new PoisonReports((error, what) => { this.#report(error, what) })
  readonly report = (error: unknown): void => { this.#report(error, 'a stream of it could not be ended') }
  readonly #parts: FeedParts
  readonly #readers = new Roster<Reader>()
  #keys: KeyIndex | undefined
  #plain: FeedSubscription | undefined
  #appending = 0
  #lastAt = 0
  #hasEnded = false
  #isDrained = false
  #isClosed = false

  constructor (parts: FeedParts) {
    this.#parts = parts
    this.name = parts.name
    this.log = parts.log
    this.fanOut = new FanOut(parts.clock, new Filters(parts.log.window, this.figures, this.report), this.report)
    this.variants = new VariantCache(parts.log.window, parts, this.poison)
    this.states = new States(parts.log.window)
    this.bookmarks = new Bookmarks(parts.log, parts.clock, this.fanOut, this.#readers)
    const { window } = parts.log
    const { entries, bytes } = window.retention
    this.newest = parts.lag.mode === 'latest' ? new NewestByKey(window, entries, bytes * CONFLATION_SHARE) : undefined
    parts.log.tail(() => {
      this.figures.published++
      this.newest?.advance()
      this.#keys?.advance()
      this.bookmarks.advance()
      this.fanOut.notify()
    })
  }

  get lag (): LagPolicy { return this.#parts.lag }
  get initial (): Snapshot<unknown> | undefined { return this.#parts.initial }
  get onGap (): Snapshot<unknown> | undefined { return this.#parts.onGap }

  /** Made for the first that follows keys: a feed without such streams pays nothing. */
  get keys (): KeyIndex {
    this.#keys ??= new KeyIndex(this.log.window)
    return this.#keys
  }

  get hasEnded (): boolean { return this.#hasEnded }

  get lastWord (): SourceEnd { return this.#isDrained ? { kind: 'drain' } : { kind: 'done' } }

  /** True when no entry will come any more: `publish` may have been called before `end`, and the log not be done with it. */
  get isComplete (): boolean { return this.#hasEnded && this.#appending === 0 }

  publish (event: Publication<Record<string, unknown>>): string | Promise<string> {
    if (this.#hasEnded) throw new FeedEnded(shown(this.name))
    const draft = this.#draftOf(event)
    // a getter or toJSON() of the data may have ended the feed
    if (this.#hasEnded) throw new FeedEnded(shown(this.name))
    const answer = this.log.append(draft)
    if (!isPromiseLike(answer)) return positionOf(answer)
    this.#appending++
    const published = Promise.resolve(answer).then(positionOf).finally(() => {
      this.#appending--
      if (this.#hasEnded) this.#complete()
    })
    // whoever awaits it gets the rejection too; where nobody does, it must not end the process
    published.catch((error: unknown) => { this.#parts.onFault(error, 'its log did not take an event') })
    return published
  }

  subscribe<Made extends Projected = never> (
    options?: SubscribeOptions<EntryView, Made>
  ): FeedSubscription<Dispatched<Record<string, unknown>, Made>> {
    // what the types of the public interface have checked is not known here
    if (options !== undefined) return new FeedSubscription(this, options as SubscribeOptions<EntryView, unknown, unknown>)
    // the one to all there is has nothing that could differ, so all its streams share it
    this.#plain ??= new FeedSubscription(this, {})
    return this.#plain as FeedSubscription<Dispatched<Record<string, unknown>, Made>>
  }

  end (): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#parts.onEnd()
    this.#complete()
  }

  stats (): FeedStats {
    const { window } = this.log
    const behind: Array<{ entries: number, bytes: number }> = []
    guardedEach(this.#readers, (reader) => { behind.push(reader.behind()) }, (error) => { this.#parts.onFault(error, 'how far a stream of it is behind is not known') })
    return {
      entries: window.size,
      bytes: window.bytes,
      ageMs: Math.round(window.ageOf(window.oldest)),
      streams: this.#readers.size,
      ...this.figures,
      lag: { entries: percentilesOf(behind.map(({ entries }) => entries)), bytes: percentilesOf(behind.map(({ bytes }) => bytes)) }
    }
  }

  entryOf (publication: unknown, position: string): Entry {
    return new Entry(this.#draftOf(publication), position, -1)
  }

  enter (reader: Reader): void {
    this.#readers.add(reader)
  }

  leave (reader: Reader): void {
    this.#readers.delete(reader)
    this.#closeWhenLeft()
  }

  /** The application closes: ends all streams at once, so that their clients come back, and frees the log. */
  async close (): Promise<void> {
    this.#isDrained ||= !this.#hasEnded
    this.#hasEnded = true
    // streams of other applications; those of this one were drained
    guardedEach([...this.#readers], (reader) => { reader.finish({ kind: 'drain' }) }, (error) => { this.#parts.onFault(error, 'a stream of it could not be ended') })
    await this.#free()
  }

  async #free (): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.bookmarks.close()
    await this.log.close()
    this.newest?.clear()
  }

  /** The wall clock may be set back, but `at` never decreases. */
  #now (): number {
    const { window } = this.log
    this.#lastAt = Math.max(this.#parts.clock.now(), this.#lastAt, window.at(window.next - 1)?.at ?? 0)
    return this.#lastAt
  }

  #draftOf (publication: unknown): Draft {
    const { event, data, key } = checkPublication(publication)
    return { event, json: (this.#parts.codec?.json ?? withoutSchema)(event, data), key, at: this.#now() }
  }

  #report (error: unknown, what: string): void {
    try {
      this.#parts.onFault(error instanceof Error ? error : new Error(`thrown: ${shown(error)}`), what)
    } catch { /* a logger that throws: there is no other to report it */ }
  }

  #complete (): void {
    guardedEach(this.#readers, (reader) => { reader.stir() }, (error) => { this.#parts.onFault(error, 'a stream of it could not be woken') })
    this.fanOut.notify()
    this.#closeWhenLeft()
  }

  /** What remains is kept for the streams that have not read it yet. */
  #closeWhenLeft (): void {
    if (this.isComplete && this.#readers.size === 0) this.#free().then(() => { this.#parts.onFreed() }, this.#parts.onFreed)
  }
}

function checkPublication (event: unknown): { event: string, data: unknown, key: string | undefined } {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) {
    throw new BadEvent(`publish() takes { event, data, key }, not ${describe(event)}`)
  }
  for (const name of Object.keys(event)) {
    if (name !== 'event' && name !== 'data' && name !== 'key') {
      throw new BadEvent(`publish() takes { event, data, key }, and no ${shown(name)}${name === 'id' ? ': the log assigns the ids' : ''}`)
    }
  }
  const { event: type = DEFAULT_EVENT_TYPE, data, key }: { event?: unknown, data?: unknown, key?: unknown } = event
  if (data === undefined) throw new BadEvent('publish() needs data: an event without data is never dispatched by a client; give \'\' for one that is empty')
  if (key !== undefined && typeof key !== 'string') throw new BadField('key', 'must be a string', shown(key))
  return { event: checkEventType(type), data, key }
}

const withoutSchema: DataText = (_event, data) => toJson(data)

/** Promises of other realms and libraries are no instances of this one's. */
function isPromiseLike (value: unknown): value is PromiseLike<Entry> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

function positionOf (answer: Entry): string {
  return appended(answer).position
}
