/**
 * What `follow` gives for one run: a source for `reply.sse`, and a loop in server code. The run is looked up when it is
 * opened, so that an id which nobody knows is an ordinary error of that stream.
 */
import { SubscriptionIterator, type Iterated } from '../subscription/iteration.ts'
import { openPlan } from '../subscription/open-plan.ts'
import { openLater } from '../stream/source.ts'
import { openFrames, type FrameSource, type FrameSourceOpener, type SourceContext } from '../wire/frame-source.ts'
import { LateIterator } from './late-iterator.ts'
import type { Lookup } from './lookup.ts'
import { RunPlan, type AnyFollowOptions, type FollowedOutput } from './run-plan.ts'

declare const dispatches: unique symbol

/**
 * Streams a run: its events from the beginning, then those that come, then its end. Can be given to `reply.sse` any
 * number of times. `for await` reads it at its own pace, and rejects where the run has failed.
 */
export class RunFollower<Event = unknown> implements FrameSourceOpener {
  /** The events that it dispatches. For the type checker only. */
  declare readonly [dispatches]: Event
  readonly #id: string
  readonly #lookup: Lookup
  readonly #options: AnyFollowOptions

  /** Made by `runs.follow`. @internal */
  constructor (id: string, lookup: Lookup, options: AnyFollowOptions) {
    this.#id = id
    this.#lookup = lookup
    this.#options = options
  }

  [openFrames] (context: SourceContext): FrameSource {
    const found = this.#lookup.find(this.#id)
    const open = (output: FollowedOutput, opened: SourceContext): FrameSource => openPlan(new RunPlan(output, this.#options), opened, undefined)
    if (!(found instanceof Promise)) return open(found, context)
    return openLater(found.then((output) => ({ [openFrames]: (opened: SourceContext) => open(output, opened) })), context)
  }

  /** Reads in server code. Each loop has a reader of its own; leaving it lets go of the run. */
  [Symbol.asyncIterator] (): AsyncIterator<Iterated<Event>, undefined> {
    const found = this.#lookup.find(this.#id)
    const iterate = (output: FollowedOutput): SubscriptionIterator => new SubscriptionIterator(new RunPlan(output, this.#options))
    const iterator = found instanceof Promise ? new LateIterator(found.then(iterate)) : iterate(found)
    return iterator as AsyncIterator<Iterated<Event>, undefined> // what the types of the public interface have checked is not known here
  }
}
