/**
 * The feed of a room: it tells its room who comes and leaves, and asks it before it takes an event or a stream. A feed
 * that was freed may be held for ever by somebody who forgot it: then it says what to do.
 */
import type { FeedParts } from '../feed/feed-parts.ts'
import type { Follower } from '../feed/follower.ts'
import type { CheckedPublication, Publication } from '../feed/publication.ts'
import { LogFeed } from '../subscription/feed.ts'

/** What a room does for its feed. */
export interface RoomGate {
  /** Throws `FST_EVENTFEED_FEED_FREED` where nothing can be published. */
  checkTaking (): void
  /** Throws `FST_EVENTFEED_FEED_FREED` where no stream can begin. */
  checkReading (): void
  /** A stream has begun. */
  entered (): void
  /** The last stream has left. */
  left (): void
}

/** A feed that is freed when nobody follows it. */
export class RoomFeed extends LogFeed {
  readonly #room: RoomGate

  constructor (parts: FeedParts, room: RoomGate) {
    super(parts)
    this.#room = room
  }

  override publish (event: Publication<Record<string, unknown>>): string | Promise<string> {
    this.#room.checkTaking()
    return super.publish(event)
  }

  override publishChecked (event: CheckedPublication): string | Promise<string> {
    this.#room.checkTaking()
    return super.publishChecked(event)
  }

  override enter (reader: Follower): void {
    this.#room.checkReading()
    super.enter(reader)
    this.#room.entered()
  }

  override leave (reader: Follower): void {
    super.leave(reader)
    if (this.readers === 0) this.#room.left()
  }
}
