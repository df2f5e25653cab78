/** Rooms as their application sees them: feeds of one kind that are made when somebody opens them. */
import type { EndOptions } from '../feed/ending.ts'
import type { Feed } from '../subscription/feed.ts'
import type { RoomsStats } from './figures.ts'

/** A family of rooms. Made by `app.feeds`. */
export interface Rooms<Types = Record<string, unknown>> {
  /** Its name: no other family has it, and no feed. */
  readonly name: string
  /** How many rooms are open, are being opened, or are on their way out: at most `maxOpen`. */
  readonly size: number
  /**
   * The feed of a room, which is made if need be: fulfilled when `onOpen` is. All who open a room at the same time share
   * one making. The room stays for `freeWhenIdleMs` from then on, and for that long after its last stream has left;
   * then it is freed, and must be opened again. So open it for each request, and keep no feed.
   *
   * Rejects with FST_EVENTFEED_BAD_OPTION for what is no id; FST_EVENTFEED_TOO_MANY_FEEDS, FST_EVENTFEED_ROOM_TIMED_OUT
   * where `onOpen`, or an earlier `onIdle` or log of the room, has not settled in 30 seconds, FST_EVENTFEED_LOG_FAILED
   * where its log cannot be opened, and while the application closes FST_EVENTFEED_ROOMS_CLOSED (all 503);
   * FST_EVENTFEED_FEED_ENDED where it was ended meanwhile; and with what `onOpen` fails with.
   */
  open (id: string): Promise<Feed<Types>>
  /** The feed of a room that is open now; `undefined` where none is, also while it is being opened. */
  get (id: string): Feed<Types> | undefined
  /**
   * Ends a room, as `end` of its feed does: its id is free, with `keepMs` after that. Until then `open` and `get` give
   * the feed that has ended. Does nothing where none is open or being opened. `onIdle` is not called.
   */
  end (id: string, options?: EndOptions): void
  /** What all rooms hold and have done. It walks over all of them and their streams. */
  stats (): RoomsStats
}
