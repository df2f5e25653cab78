/** Subscriptions: what a feed gives to `reply.sse`. One describes a stream; each time it is opened, a reader begins. */
import { BadOption, describe } from '../errors.ts'
import type { FeedCore } from '../feed/feed-core.ts'
import { openFrames, openMember, type FrameSource, type IdOf, type MemberFrames, type MemberOpener, type SourceContext } from '../wire/frame-source.ts'
import { SubscriptionIterator, type Iterated } from './iteration.ts'
import { openPlan } from './open-plan.ts'
import { checkOptions, readJoin, readKeys, type AnyOptions } from './options.ts'
import { Plan } from './plan.ts'

declare const dispatches: unique symbol

/** The options of `follow`. */
export interface JoinOptions {
  /** How many of the newest entries of the key open streams get first. Default: 0. */
  readonly last?: number | undefined
}

/**
 * A source that follows a feed. Can be given to `reply.sse` any number of times, and in an array with those of other
 * feeds; in server code, `for await` reads it at its own pace.
 */
export class FeedSubscription<Event = unknown> implements MemberOpener {
  /** The events that it dispatches. For the type checker only. */
  declare readonly [dispatches]: Event
  /** The name of the feed. */
  readonly feedName: string
  readonly #plan: Plan

  /** Made by `feed.subscribe`. @internal */
  constructor (feed: FeedCore, options: AnyOptions) {
    checkOptions(options)
    this.feedName = feed.name
    this.#plan = new Plan(feed, options, options.keys === undefined ? undefined : readKeys(options.keys))
  }

  /**
   * Takes the entries of one more key, from the next that is published; open streams too. A key that is followed
   * already stays as it is. Throws `FST_EVENTFEED_BAD_OPTION` where the subscription has no `keys`.
   *
   * @param options `last`: each open stream first gets this many of the newest entries of the key that it takes, as far
   *   as this process holds them, but for those that it gets by another key. They carry no id, and a client that is cut
   *   among them does not get the others when it comes back. Default: 0
   */
  follow (key: string, options: JoinOptions = {}): void {
    this.#checkKey('follow', key)
    this.#plan.follow(key, readJoin(options))
  }

  /** Takes no entry of a key any more, also none that was published and is not sent yet. Throws as `follow` does. */
  unfollow (key: string): void {
    this.#checkKey('unfollow', key)
    this.#plan.unfollow(key)
  }

  [openFrames] (context: SourceContext): FrameSource {
    return this[openMember](context, undefined)
  }

  /** Reads in server code. Each loop has a reader of its own; leaving it lets go of the feed. */
  [Symbol.asyncIterator] (): AsyncIterator<Iterated<Event>, undefined> {
    // what the types of the public interface have checked is not known here
    return new SubscriptionIterator(this.#plan) as AsyncIterator<Iterated<Event>, undefined>
  }

  [openMember] (context: Pick<SourceContext, 'lastEventId' | 'codec' | 'control' | 'owner'>, idOf: IdOf | undefined): MemberFrames {
    return openPlan(this.#plan, context, idOf)
  }

  #checkKey (method: string, key: string): void {
    if (!this.#plan.isKeyed) throw new BadOption(`${method}(key) needs a subscription with keys: give subscribe({ keys: [] }) where there are none yet`)
    if (typeof key !== 'string') throw new BadOption(`${method}(key) takes a string, not ${describe(key)}`)
  }
}
