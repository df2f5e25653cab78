/** Runs as their application sees them: work whose output is a feed of its own. */
import type { Checked, Given } from '../schema/mistakes.ts'
import type { TypedEvent, Yield } from '../schema/types.ts'
import type { AnyEvent } from '../wire/event.ts'
import type { Dispatched, DispatchedOf, FeedView } from '../subscription/feed.ts'
import type { RunsStats } from './figures.ts'
import type { RunFollower } from './follower.ts'
import type { FollowOptions, StartOptions } from './options.ts'
import type { Run } from './run.ts'
import type { RunsFollower } from './several.ts'
import type { RunSource, RunSourceOf } from './source-values.ts'

/** What the source of a run may yield: what its family declares; any event where it declares none. */
export type RunYield<Types> = string extends keyof Types ? AnyEvent : Yield<Types>

/** What a family declares, as routes have it: `undefined` for nothing. */
type RunTypes<Types> = string extends keyof Types ? undefined : Types

/** What a stream of a run gets where nothing is projected. */
export type RunEvents<Types> = string extends keyof Types ? Dispatched<Types, never> : TypedEvent<Types>

/** A family of runs. Made by `app.runs`. */
export interface Runs<Types = Record<string, unknown>> {
  /** Its name: no other family has it. */
  readonly name: string
  /**
   * Starts a run: its source is read to the end, whoever follows. It begins when the caller has returned. A source that
   * is refused is closed.
   *
   * Nobody is authorized by an id: give a `tag`, such as the id of the user, and check it before `follow` and `stop`.
   *
   * @throws FST_EVENTFEED_RUN_EXISTS (409) for the id of a run that is running; one that has ended makes way.
   *   FST_EVENTFEED_TOO_MANY_RUNS, FST_EVENTFEED_RUNS_FULL and, while the application closes, FST_EVENTFEED_RUNS_CLOSED
   *   (all 503). FST_EVENTFEED_BAD_SOURCE, FST_EVENTFEED_BAD_OPTION
   */
  start<const Event extends Given<RunTypes<Types>>, Kept = never> (
    source: Checked<Event, RunTypes<Types>, RunSource<RunYield<Types>>, RunSourceOf<Event>, Kept>, options?: StartOptions
  ): Run
  /**
   * A source for `reply.sse` and for `for await`: the events of a run from its beginning, or after those that are
   * skipped, or after the last event ID of the client; then those that come, then the end. Where no run has the id, the
   * stream fails before its head is sent, with FST_EVENTFEED_UNKNOWN_RUN (404); a loop rejects with that. Where the run
   * has failed, or was stopped by a drain, a stream ends with `stream:error`, and a loop rejects with
   * FST_EVENTFEED_RUN_FAILED. A client that leaves stops nothing.
   *
   * @throws FST_EVENTFEED_BAD_OPTION
   */
  follow<const Made extends { event?: string | undefined, data: unknown } = never, Taken extends FeedView<Types> = FeedView<Types>> (
    id: string, options?: FollowOptions<FeedView<Types>, Made, Taken>
  ): RunFollower<DispatchedOf<Taken, Made>>
  /**
   * Several runs on one stream, whose ids list what the client has of each: also some that start later, and others by
   * `follow(id)` and `unfollow(id)` of what it returns. It ends when all of them have ended; where one has failed, with
   * that failure. Without any it stays open. A run that was freed and that the client has in part is a gap.
   *
   * @throws FST_EVENTFEED_BAD_OPTION
   */
  follow<const Made extends { event?: string | undefined, data: unknown } = never, Taken extends FeedView<Types> = FeedView<Types>> (
    ids: readonly string[], options?: FollowOptions<FeedView<Types>, Made, Taken>
  ): RunsFollower<DispatchedOf<Taken, Made>>
  /**
   * Stops a run: its `signal` is aborted, the `return()` of its generator is called, and all who follow learn of the
   * `reason`. Is fulfilled with the run when its `finally` has run. A source that still runs after 5 s is awaited no
   * longer: then `error.code` is FST_EVENTFEED_RUN_PARKED. A run that has ended stays as it is. Rejects with
   * FST_EVENTFEED_UNKNOWN_RUN (404).
   */
  stop (id: string, reason?: string): Promise<Run>
  /** The run of an id. Rejects with FST_EVENTFEED_UNKNOWN_RUN (404) where there is none, or none any more. */
  get (id: string): Promise<Run>
  /** The runs that this process holds: those that are running, and those that are kept. */
  list (): Run[]
  /** What the runs hold and have done. It walks over all of them. */
  stats (): RunsStats
}
