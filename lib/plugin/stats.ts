/**
 * The figures of one plugin: what its streams have done since the start, and how many are open by route. They are
 * counted when a stream begins and when it ends, never for an event; what is open is looked at when somebody asks.
 */
import type { FeedStats } from '../feed/figures.ts'
import type { RoomCounts } from '../rooms/figures.ts'
import type { RunsStats } from '../runs/figures.ts'
import { END_REASONS, type EndReason, type EndSummary } from '../stream/end.ts'
import type { RefusalReason } from './refusal-reasons.ts'

/** What `app.eventfeed.stats()` gives: a snapshot that nothing changes any more. */
export interface EventfeedStats extends StreamStats {
  /** How many requests got no stream, by reason, since the start. All reasons are there; 0 where none was refused. */
  refused: Record<RefusalReason, number>
  /**
   * By name: what each feed that has not ended holds, and how it is followed. A family of rooms stands here as one, with
   * the figures of all its rooms; `rooms` says how many.
   */
  feeds: Record<string, FeedStats & { rooms?: RoomCounts }>
  /** By name: what the runs of each family hold, and how they are followed. */
  runs: Record<string, RunsStats>
}

/** Of streams. Refused ones are in none of these figures. */
export interface StreamStats {
  /** Open streams, those in set-up included. */
  connections: number
  /** Streams since the start: those that are open, and all that have ended. */
  opened: number
  /** Open streams by route, as `GET /chat`. A route that has none is left out. */
  routes: Record<string, number>
  /** How many streams have ended for which reason. All reasons are there; 0 where none has. */
  ended: Record<EndReason, number>
  /** Events that were handed to sockets, by all streams since the start. */
  events: number
  /** Bytes of event streams that were handed to sockets, without HTTP's own framing, by all streams since the start. */
  bytes: number
}

/** What is looked at of a stream that is open. */
interface Counted {
  readonly route: string
  readonly connection: { readonly events: number, readonly bytes: number }
}

/** Counts the streams of one plugin. */
export class StreamCounts {
  #opened = 0
  readonly #ended = Object.fromEntries(END_REASONS.map((reason) => [reason, 0])) as Record<EndReason, number> // all reasons are there
  #events = 0
  #bytes = 0

  /** A stream has begun. */
  begun (): void {
    this.#opened++
  }

  /** A stream has ended, and is not among the open ones any more. */
  ended ({ reason, events, bytes }: Pick<EndSummary, 'reason' | 'events' | 'bytes'>): void {
    this.#ended[reason]++
    this.#events += events
    this.#bytes += bytes
  }

  /** The figures, now. It walks over all streams that are open. */
  stats (open: Iterable<Counted>): StreamStats {
    const stats = { connections: 0, opened: this.#opened, routes: {}, ended: { ...this.#ended }, events: this.#events, bytes: this.#bytes }
    const routes = new Map<string, number>()
    for (const { route, connection } of open) {
      stats.connections++
      stats.events += connection.events
      stats.bytes += connection.bytes
      routes.set(route, (routes.get(route) ?? 0) + 1)
    }
    return { ...stats, routes: Object.fromEntries(routes) }
  }
}
