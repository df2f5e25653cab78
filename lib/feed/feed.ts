/** A feed as its application sees it: a named log of events that streams follow. */
import type { Clock } from '../clock.ts'
import type { EventLog } from '../log/contract.ts'
import type { Retention } from '../log/retention.ts'
import type { EventCodec } from '../wire/codec.ts'
import type { DataText } from '../wire/event.ts'
import type { EntryView } from './entry.ts'
import type { FeedStats } from './figures.ts'
import type { Projected } from './projection.ts'
import type { Publication } from './publication.ts'
import type { LagPolicy } from './slow-consumer.ts'
import type { Snapshot } from './snapshot.ts'
import type { FeedSubscription, SubscribeOptions } from './subscription.ts'

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
  /** True after `end`, called in this process or in another that has the log. */
  readonly hasEnded: boolean
  /**
   * Adds an event and wakes all who follow; awaits none of them. What it returns is the event's id: at once with a log in
   * memory, as a promise with a log that must write first, or has not opened. `await` takes both. The promise is
   * fulfilled when the event is kept, and streams have it.
   *
   * @throws FST_EVENTFEED_BAD_EVENT, FST_EVENTFEED_BAD_FIELD, FST_EVENTFEED_UNKNOWN_EVENT, FST_EVENTFEED_INVALID_DATA,
   *   FST_EVENTFEED_FEED_ENDED, FST_EVENTFEED_LOG_BUSY (may be tried again), and after `app.close()`
   *   FST_EVENTFEED_LOG_CLOSED; nothing was added then
   */
  publish (event: Publication<Types>): string | Promise<string>
  /** A source for `reply.sse`: which entries, from where on, in which shape. Throws `FST_EVENTFEED_BAD_OPTION`. */
  subscribe<Made extends Projected<Type> = never, Type extends string = string> (
    options?: SubscribeOptions<FeedView<Types>, Made, Publication<Types>>
  ): FeedSubscription<Dispatched<Types, Made>>
  /**
   * Ends the feed: streams get what remains, then `stream:done`. The name is free at once; the history is deleted when
   * the last stream has left. A second call does nothing.
   */
  end (): void
  /** What the feed holds, what it has done, and how far its streams are behind. */
  stats (): FeedStats
}

/** What a feed is made of. */
export interface FeedParts {
  readonly name: string
  /** Default: one in memory, which keeps what `retain` says. */
  readonly log?: EventLog | undefined
  /** How much of the log is held in memory; not more than the log keeps. */
  readonly retain?: Partial<Retention> | undefined
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
