/** A feed as its application sees it: a named log of events that streams follow. */
import type { EndOptions } from '../feed/ending.ts'
import type { EntryView } from '../feed/entry.ts'
import { FeedCore } from '../feed/feed-core.ts'
import type { FeedStats } from '../feed/figures.ts'
import type { Projected } from '../feed/projection.ts'
import type { Publication } from '../feed/publication.ts'
import type { Writable } from '../schema/types.ts'
import type { SubscribeOptions } from './options.ts'
import { FeedSubscription } from './subscription.ts'

/** What filters and projections of a feed of the given data types see. */
export type FeedView<Types, Name extends keyof Types & string = keyof Types & string> =
  { [Type in Name]: EntryView<Type, Types[Type]> }[Name]

/**
 * The events that a subscription dispatches: those of the feed, or what its projection makes of them (`never`: it has
 * none).
 */
export type Dispatched<Types, Made> = DispatchedOf<FeedView<Types>, Made>

/** The same for the entries of these views: those that a subscription takes. */
export type DispatchedOf<View, Made> =
  [Made] extends [never]
    ? View extends { readonly event: infer Type, readonly data: infer Data } ? { event: Type, data: Data } : never
    : Made extends { readonly event?: infer Type, readonly data: infer Data }
      ? { event: TypeOf<Type, View, Made>, data: Writable<Data> }
      : never

/** The event type that a projection names; where it need not name one, also those of the entries. */
type TypeOf<Type, View, Made> =
  | (Type extends string ? Type : never)
  | (Made extends { readonly event: string } ? never : View extends { readonly event: infer Taken } ? Taken : never)

/** A named log of events that streams follow. Made by `app.feed`. */
export interface Feed<Types = Record<string, unknown>> {
  /** Its name: no other feed that is alive has it. */
  readonly name: string
  /** True after `end` or `fail`, called in this process or in another that has the log. */
  readonly hasEnded: boolean
  /**
   * Adds an event and wakes all who follow; awaits none of them. What it returns is the event's id: at once with a
   * log in memory, as a promise with a log that must write first, or has not opened. `await` takes both. The promise
   * is fulfilled when the event is kept, and streams have it.
   *
   * @throws FST_EVENTFEED_BAD_EVENT, FST_EVENTFEED_BAD_FIELD, FST_EVENTFEED_UNKNOWN_EVENT,
   *   FST_EVENTFEED_INVALID_DATA, FST_EVENTFEED_FEED_ENDED, FST_EVENTFEED_LOG_BUSY (may be tried again), and after
   *   `app.close()` FST_EVENTFEED_LOG_CLOSED; nothing was added then
   */
  publish (event: Publication<Types>): string | Promise<string>
  /**
   * A source for `reply.sse`: which entries, from where on, in which shape. Throws `FST_EVENTFEED_BAD_OPTION`.
   *
   * @typeParam Made what `as` makes; `never` if there is none
   * @typeParam Name the event types in `events`
   * @typeParam Taken what `where` lets through, if it is a type guard
   */
  subscribe<
    // written out, for the compiler to print
    const Made extends { event?: string | undefined, data: unknown } = never,
    Name extends keyof Types & string = keyof Types & string,
    Taken extends FeedView<Types, Name> = FeedView<Types, Name>
  > (
    options?: SubscribeOptions<FeedView<Types, Name>, Made, Publication<Types>, Name, Taken>
  ): FeedSubscription<DispatchedOf<Taken, Made>>
  /**
   * Ends the feed: streams get what remains, then `stream:done`. The name is free for another feed at once. The history
   * is deleted when the last stream has left, and after `keepMs` at the earliest. Until then, who comes without an id
   * and without `from` gets all that is kept, and then the end; `app.feed.get` gives the feed for as long as `keepMs`.
   * After that, who comes gets a gap in place of what was there, and the end. A second call does nothing.
   *
   * @throws FST_EVENTFEED_BAD_OPTION
   */
  end (options?: EndOptions): void
  /**
   * Ends the feed as a failure: streams get what remains, then `stream:error` with the code
   * `FST_EVENTFEED_FEED_FAILED`, and their clients do not come back; all clients but an `EventSource` are cut off.
   * Loops fail with an error of that code, whose `cause` is `error`. The application's log gets `error`, once; no client
   * sees its text. All else is as for `end`. A log holds the end, and not that it was a failure: another process that
   * has the same log, or opens it later, says `stream:done`. After the end, a call only reports `error` in the log.
   *
   * @throws FST_EVENTFEED_BAD_OPTION
   */
  fail (error: unknown, options?: EndOptions): void
  /**
   * What the feed holds in memory, oldest first, histories by key included: to be stored elsewhere, or shown. A log that
   * it was given may have more. Throws where what a log has stored does not fit the schema any more.
   */
  entries (): Array<FeedView<Types>>
  /** What the feed holds, what it has done, and how far its streams are behind. */
  stats (): FeedStats
}

/** A feed over a log, with its streams. */
export class LogFeed extends FeedCore implements Feed {
  #plain: FeedSubscription<never> | undefined

  entries (): EntryView[] {
    const { window, histories } = this
    window.trim()
    const views: EntryView[] = []
    for (let entry = histories?.from(0); entry !== undefined; entry = histories?.from(entry.index + 1)) views.push(entry.view)
    for (let index = window.oldest; index < window.next; index++) {
      const entry = window.at(index)
      if (entry !== undefined) views.push(entry.view)
    }
    // what was parsed is cached, and counts
    window.trimSoon()
    return views
  }

  subscribe<Made extends Projected = never> (options?: SubscribeOptions<EntryView, Made>): FeedSubscription<Dispatched<Record<string, unknown>, Made>>
  // what it dispatches, and to whom, the types of the public interface have checked
  subscribe (options?: object): FeedSubscription<never>
  subscribe (options?: object): FeedSubscription<never> {
    if (options !== undefined) return new FeedSubscription(this, options)
    // the one to all there is has nothing that could differ, so all its streams share it
    this.#plain ??= new FeedSubscription(this, {})
    return this.#plain
  }
}
