/** Subscriptions: what a feed gives to `reply.sse`. One describes a stream; each time it is opened, a cursor begins. */
import { BadOption, describe, shown } from '../errors.ts'
import type { EntryView } from '../log/entry.ts'
import { openFrames, type FrameSource, type FrameSourceOpener, type SourceContext } from '../wire/frame-source.ts'
import { CursorFrames, type FollowedFeed } from './cursor-frames.ts'
import { findOpening, type From } from './opening.ts'
import type { Project } from './projection.ts'
import type { VariantCache } from './variant-cache.ts'

/** How a stream follows its feed. */
export interface SubscribeOptions<View = EntryView, Made = unknown> {
  /**
   * An event ID of this feed: the stream goes on behind it, exclusive. For first connects: the last event ID of the request
   * beats it.
   */
  after?: string | undefined
  /** Where a first connect begins without `after`: behind the newest entry, or at the oldest that is kept. Default: `latest`. */
  from?: From | undefined
  /**
   * Which entries. Synchronous; called when an entry is published, or when the socket is free again, and on replay. One that
   * throws ends its stream.
   */
  where?: ((view: View) => unknown) | undefined
  /** In which shape: a function, or a `projection(schema, fn)`. Called once for each entry, for all streams that share it. */
  as?: Project<View, Made> | undefined
}

/** What a subscription needs of its feed. */
export interface SubscribedFeed extends FollowedFeed {
  readonly name: string
  readonly variants: VariantCache
  /** A stream has begun. Returns the function that says it has ended. */
  enter (): () => void
}

declare const dispatches: unique symbol

/** A source that follows a feed. Can be given to `reply.sse` any number of times, and in an array with those of other feeds. */
export class FeedSubscription<Event = unknown> implements FrameSourceOpener {
  /** The events that it dispatches. For the type checker only. */
  declare readonly [dispatches]?: Event
  /** The name of the feed. */
  readonly feedName: string
  readonly #feed: SubscribedFeed
  readonly #options: SubscribeOptions

  /** Made by `feed.subscribe`. @internal */
  constructor (feed: SubscribedFeed, options: SubscribeOptions) {
    checkOptions(options)
    this.feedName = feed.name
    this.#feed = feed
    this.#options = { ...options }
  }

  [openFrames] (context: SourceContext): FrameSource {
    return this.open(context, undefined)
  }

  /** Opens it, on a stream of several feeds with an `idOf` of its own. @internal */
  open ({ after, codec, wake }: Pick<SourceContext, 'after' | 'codec' | 'wake'>, idOf: ((position: string) => string) | undefined): CursorFrames {
    const feed = this.#feed
    const { where, from = 'latest' } = this.#options
    const as = this.#options.as as Parameters<VariantCache['acquire']>[0]
    const variant = feed.variants.acquire(as, codec)
    const leave = feed.enter()
    const onRelease = (): void => {
      feed.variants.release(as, codec)
      leave()
    }
    try {
      return new CursorFrames({ feed, variant, where, idOf, wake, onRelease }, findOpening(feed.log, after ?? this.#options.after, from))
    } catch (error) {
      onRelease()
      throw error
    }
  }
}

function checkOptions (options: SubscribeOptions): void {
  if (typeof options !== 'object' || options === null) throw new BadOption(`subscribe() takes { after, from, where, as }, not ${describe(options)}`)
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    if (name === 'where' || name === 'as') {
      if (typeof value !== 'function') throw new BadOption(`subscribe({ ${name} }) must be a function, not ${describe(value)}`)
    } else if (name === 'after') {
      if (typeof value !== 'string') throw new BadOption(`subscribe({ after }) must be an event ID, a string, not ${describe(value)}`)
    } else if (name === 'from') {
      if (value !== 'latest' && value !== 'earliest') throw new BadOption(`subscribe({ from }) must be 'latest' or 'earliest', not ${shown(value)}`)
    } else throw new BadOption(`subscribe() has no option ${shown(name)}: there are after, from, where and as`)
  }
}
