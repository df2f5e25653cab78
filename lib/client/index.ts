/** The entry point `fastify-eventfeed/client`: for browsers, and for Node. */
export { openFeed, type ClientFeed, type FeedEvent, type FeedEventOf } from './open-feed.ts'
export { resumingFetch, type ResumingFetchOptions } from './resuming-fetch.ts'
export { FeedError, type FeedErrorCode, type FeedErrorKind } from './errors.ts'
export { defineEvents, type SchemaEvents } from '../schema/define-events.ts'
export type { ClientClock } from './environment.ts'
export type { Gap, GapReason } from '../wire/protocol.ts'
export type { Attempt, OpenFeedOptions, RetryOptions } from './options.ts'
export type { ClosedState, FeedState, GapState, OpenState, RetryingState, SkippedState } from './states.ts'
