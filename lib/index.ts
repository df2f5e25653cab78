/**
 * The door: the plugin, and all public names. They hang on the plugin too, because `require()` gives the plugin itself.
 */
import { encode } from './wire/encode.ts'
import { MemoryLog } from './log/memory-log.ts'
import { projection } from './feed/projection.ts'
import { openapi } from './plugin/openapi.ts'
import { eventfeed } from './plugin/plugin.ts'
import { EventStreamEnded } from './stream/end.ts'

export type { Clock } from './clock.ts'
export type { GapMessage, LaggedMessage } from './feed/diagnostics.ts'
export type { EntryView } from './feed/entry.ts'
export type { FeedOptions } from './feed/feed-options.ts'
export type { Dispatched, Feed, FeedView } from './subscription/feed.ts'
export type { FeedStats, Percentiles } from './feed/figures.ts'
export type { From } from './subscription/opening.ts'
export type { Project, Projected, Projection } from './feed/projection.ts'
export type { Publication, PublishOptions } from './feed/publication.ts'
export type { FeedSubscription, JoinOptions } from './subscription/subscription.ts'
export type { Filter, SubscribeOptions, Verdict } from './subscription/options.ts'
export type {
  EventLog, Located, LogBeginning, LogDraft, LogEntry, LogGap, LogPage, Tail, TailListener
} from './log/contract.ts'
export type { FeedRetainOptions, RetainOptions, Retention } from './log/retention.ts'
export type { DefineFeed, Eventfeed, EventSource, RouteEvents, SendEventStream } from './plugin/augmentation.ts'
export type { EndedMessage, OpenedMessage, RefusedMessage } from './plugin/diagnostics.ts'
export type { ControlOption } from './plugin/control-option.ts'
export type { OpenapiOptions, OpenapiTransforms, TransformedDocument, TransformedRoute } from './plugin/openapi.ts'
export type { EventfeedOptions, EventStreamOptions } from './plugin/options.ts'
export type { StreamView } from './plugin/presence.ts'
export type { RefusalReason } from './plugin/refusal-reasons.ts'
export type { EventfeedStats, StreamStats } from './plugin/stats.ts'
export type { RoomCounts, RoomsStats } from './rooms/figures.ts'
export type { RoomHook, RoomsOptions } from './rooms/options.ts'
export type { Rooms } from './rooms/rooms.ts'
export type { RunEndedMessage, RunStartedMessage } from './runs/diagnostics.ts'
export type { RunsStats } from './runs/figures.ts'
export type { RunFollower } from './runs/follower.ts'
export type { FollowOptions, RunsOptions, StartOptions, WhenFull } from './runs/options.ts'
export type { Run, RunError, RunState } from './runs/run.ts'
export type { RunEvents, Runs, RunYield } from './runs/runs.ts'
export type { RunsFollower } from './runs/several.ts'
export type { RunArguments, RunSource } from './runs/source-values.ts'
export type { EventSchemas, EventTypes, FeedTypes, TypedEvent, Yield } from './schema/types.ts'
export type { EndReason } from './stream/end.ts'
export type { EventsOf, SourceArguments } from './stream/source.ts'
export type { Gap, GapReason } from './wire/protocol.ts'
export type { BookmarkControl, Control, DoneControl, ErrorControl, ErrorReason, GapControl } from './wire/control-form.ts'
export type { ControlFunction } from './wire/control-function.ts'
export type { AnyEvent, ServerSentEvent } from './wire/event.ts'
export type { GapEvent } from './wire/told-gap.ts'
export { encode, EventStreamEnded, MemoryLog, openapi, projection }

/** The plugin with all public names. Written out, because an inferred type would name files inside of Fastify. */
type PluginWithNames = typeof eventfeed & {
  default: typeof eventfeed
  eventfeed: typeof eventfeed
  encode: typeof encode
  EventStreamEnded: typeof EventStreamEnded
  MemoryLog: typeof MemoryLog
  openapi: typeof openapi
  projection: typeof projection
}

const names = { default: eventfeed, eventfeed, encode, EventStreamEnded, MemoryLog, openapi, projection }
const plugin: PluginWithNames = Object.assign(eventfeed, names)
export { eventfeed, plugin as 'module.exports' }
export default plugin
