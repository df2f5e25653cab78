/** What the plugin adds to Fastify's types. Nothing here exists at run time. */
import type { FastifyRequest } from 'fastify'
import type { Static, TSchema } from 'typebox'
import type { FeedOptions } from '../feed/feed-options.ts'
import type { RoomsOptions } from '../rooms/options.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { RunFollower } from '../runs/follower.ts'
import type { RunsOptions } from '../runs/options.ts'
import type { Runs } from '../runs/runs.ts'
import type { RunsFollower } from '../runs/several.ts'
import type { Feed } from '../subscription/feed.ts'
import type { FeedSubscription } from '../subscription/subscription.ts'
import type { Checked, Given, YieldedBy } from '../schema/mistakes.ts'
import type { EventSchemas, FeedTypes, TypedEvent } from '../schema/types.ts'
import type { EventsOf, SourceArguments } from '../stream/source.ts'
import type { EventStreamOptions } from './options.ts'
import type { StreamView } from './presence.ts'
import type { EventfeedStats } from './stats.ts'

/**
 * The data types of the events that a route declares, as its type provider reads their schemas; `undefined` where it
 * declares none.
 */
export type RouteEvents<Schema, Provider> =
  Schema extends { events: infer Declared extends Readonly<Record<string, unknown>> }
    ? { [Type in keyof Declared & string]: DataOf<Declared[Type], Provider> }
    : undefined

/** By the type provider; where that says nothing of a schema, as Fastify's default one does, by TypeBox. */
type DataOf<Schema, Provider> =
  Provider & { schema: Schema } extends { serializer: infer Data }
    ? unknown extends Data ? Schema extends TSchema ? Static<Schema> : unknown : Data
    : unknown

type SubscriptionFor<Types> = FeedSubscription<DispatchedBy<Types>>
type FollowerFor<Types> = RunFollower<DispatchedBy<Types>> | RunsFollower<DispatchedBy<Types>>
type DispatchedBy<Types> = Types extends undefined ? unknown : TypedEvent<Types>

/** What holds events, or a promise of it. */
type Held<Types> = EventsOf<YieldedBy<Types>> | SubscriptionFor<Types> | FollowerFor<Types> | ReadonlyArray<SubscriptionFor<Types>> | NodeJS.ReadableStream

/** What `reply.sse` takes in a route with these events. */
export type EventSource<Types = undefined> = Held<Types> | ((source: SourceArguments) => Held<Types> | Promise<Held<Types>>)

/** A source of such events, whatever they are. */
type SourceOf<Event> = EventsOf<Event> | ((source: SourceArguments) => EventsOf<Event> | Promise<EventsOf<Event>>)

/** `reply.sse`, in a route with these events. */
export interface SendEventStream<Types, Reply> {
  /**
   * Answers with an event stream (WHATWG HTML 9.2). Return what it returns.
   *
   * Nothing is sent before the first event, `ready()`, or `commitDelayMs`: a source that fails by then gives an
   * ordinary error response. When the stream ends, for whatever reason, `signal` is aborted, the generator's
   * `return()` is called, and nothing of the stream is left.
   *
   * Errors that are sent: `FST_EVENTFEED_NOT_ACCEPTABLE` (406), `FST_EVENTFEED_TOO_MANY_CONNECTIONS` (503),
   * `FST_EVENTFEED_TOO_MANY_CONNECTIONS_PER_KEY` (429), `FST_EVENTFEED_BAD_SOURCE`, and what the source throws.
   *
   * @throws FST_EVENTFEED_ALREADY_STREAMING, FST_EVENTFEED_REPLY_SENT, FST_EVENTFEED_BAD_OPTION
   */
  <const Event extends Given<Types>, Kept = never> (
    source: Checked<Event, Types, EventSource<Types>, SourceOf<Event>, Kept>, options?: EventStreamOptions<FastifyRequest>
  ): Reply & void
}

/** `app.eventfeed`. */
export interface Eventfeed {
  /**
   * What streams have done since the start, and what is open and held now. It walks over all open streams: ask each
   * few seconds, not for each request.
   */
  stats (): EventfeedStats
  /**
   * Ends all streams of a connection key, and returns how many were open. The `reason` stands in the log, in
   * `signal.reason.detail` and in the message on `fastify-eventfeed:ended`; clients do not get it, but a function as the
   * option `control` does. The clients come back: what authenticates requests must refuse them.
   */
  kick (connectionKey: string, reason?: string): number
  /**
   * Ends the streams for which a synchronous function is true: by their route, key or tag. It is asked about all of them
   * before any ends, so where it throws, that is thrown, and none has ended.
   *
   * @throws FST_EVENTFEED_NOT_SYNCHRONOUS for a function that returns a promise
   */
  kick (isKicked: (stream: StreamView) => boolean, reason?: string): number
  /**
   * The streams that are open now, or those of them for which a synchronous function is true: who is online. What it
   * gives is a copy. It walks over all open streams.
   *
   * @throws FST_EVENTFEED_NOT_SYNCHRONOUS for a function that returns a promise
   */
  streams <Kept extends StreamView> (isListed: (stream: StreamView) => stream is Kept): readonly Kept[]
  streams (isListed?: (stream: StreamView) => boolean): readonly StreamView[]
}

/** `app.feed`. */
export interface DefineFeed {
  /**
   * Defines a feed: a named, typed log of events that streams follow. Also at run time.
   *
   * @throws FST_EVENTFEED_FEED_EXISTS for the name of a feed that is alive, FST_EVENTFEED_BAD_OPTION,
   *   FST_EVENTFEED_BAD_SCHEMA
   */
  <const Schemas extends EventSchemas = Record<string, never>> (name: string, options?: FeedOptions<Schemas>): Feed<FeedTypes<Schemas>>
  /**
   * The feed of this name that is alive: defined, and not ended; also that of a room, such as `room:7`, while it is open. `undefined` where there is none, as after
   * `app.close()`.
   *
   * @typeParam Types the data types of its events: only who has defined it can know them, and nobody checks them
   */
  get<Types = Record<string, unknown>> (name: string): Feed<Types> | undefined
}

declare module 'fastify' {
  interface FastifySchema {
    /** The events of an event stream: schemas of their data, by event type. */
    events?: Readonly<Record<string, TSchema>> | undefined
  }

  interface FastifyReply<RouteGeneric, RawServer, RawRequest, RawReply, ContextConfig, SchemaCompiler, TypeProvider, ReplyType> {
    sse: SendEventStream<RouteEvents<SchemaCompiler, TypeProvider>, FastifyReply<RouteGeneric, RawServer, RawRequest, RawReply, ContextConfig, SchemaCompiler, TypeProvider, ReplyType>>
  }

  interface FastifyRequest {
    /** True where the request accepts an event stream, so that a handler can offer JSON besides. */
    readonly acceptsEventStream: boolean
  }

  interface FastifyInstance {
    /** What the plugin knows of its streams. */
    readonly eventfeed: Eventfeed
    /** Defines feeds, and finds them. */
    readonly feed: DefineFeed
    /**
     * Defines a family of rooms: feeds of one kind that are made when somebody opens them, and freed when nobody follows
     * them any more. Their schema is compiled once. Also at run time.
     *
     * @throws FST_EVENTFEED_FEED_EXISTS for a name that a feed or a family has, FST_EVENTFEED_BAD_OPTION,
     *   FST_EVENTFEED_BAD_SCHEMA
     */
    feeds<const Schemas extends EventSchemas = Record<string, never>> (name: string, options?: RoomsOptions<Schemas>): Rooms<FeedTypes<Schemas>>
    /**
     * Defines a family of runs: work whose output is a feed of its own, which goes on when its client leaves. Also at
     * run time.
     *
     * @throws FST_EVENTFEED_RUNS_EXIST for the name of a family that is there, FST_EVENTFEED_BAD_OPTION,
     *   FST_EVENTFEED_BAD_SCHEMA
     */
    runs<const Schemas extends EventSchemas = Record<string, never>> (
      name: string, options?: RunsOptions<Schemas>
    ): Runs<FeedTypes<Schemas>>
  }
}
