/** What a world is made of: the victim, whose foreign code is faulty, what is published, and who listens. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EventStreamOptions, FeedOptions, FeedSubscription, SubscribeOptions } from '../../lib/index.ts'
import type { Client } from './client.ts'
import type { EVENTS, Place } from './host.ts'

/** How the victim differs from a healthy stream: where its foreign code stands. */
export interface Victim {
  /** Over the options of the feed that it follows. */
  readonly feed?: Partial<FeedOptions<typeof EVENTS>>
  /** Over the options of its subscription; called for each stream. */
  readonly subscribe?: () => SubscribeOptions<never, unknown, never> | Record<string, unknown>
  /** In place of its subscription; called for each stream. */
  readonly source?: (
    request: FastifyRequest,
    subscription: () => FeedSubscription,
    other: () => FeedSubscription
  ) => unknown
  /** The options of its streams. */
  readonly options?: () => EventStreamOptions
  /** The last event ID of its first connection. */
  readonly lastEventId?: string
  readonly places?: Partial<Record<Place, (honest: () => unknown) => unknown>>
  /** What is done to its reply before it streams. */
  readonly patch?: (reply: FastifyReply) => void
  /** What is published as the note of each event. */
  readonly note?: () => unknown
  /** How often its sources began, and how often they were let go of. */
  readonly disposal?: { readonly begun: number, readonly over: number, readonly wake: () => void }
  /** Called when the world ends. */
  readonly dispose?: () => void
}

/** An event that was published. */
export interface Published {
  readonly n: number,
  readonly feed: 'a' | 'b',
  readonly id: string,
  readonly key: string,
  readonly isHidden: boolean
}

/** A client and what it is to get. */
export interface Listener {
  readonly name: string
  readonly feed: 'a' | 'b'
  readonly client: Client
  /** True for what its filter and keys take. */
  readonly takes: (published: Published) => boolean
  /** It gets what was published after so many. */
  since: number
}
