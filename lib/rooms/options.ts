/** The options of a family of rooms, and what they must be. */
import { MAX_ROOMS, ROOM_BYTES, ROOM_ENTRIES, ROOM_IDLE_MS } from '../defaults.ts'
import { BadOption, describe, shown } from '../errors.ts'
import { readCommonOptions, type CommonFeedOptions, type CommonFeedSettings } from '../feed/feed-options.ts'
import type { EventLog } from '../log/contract.ts'
import { readRetention, type Retention } from '../log/retention.ts'
import type { EventSchemas, FeedTypes } from '../schema/types.ts'
import type { Feed } from '../subscription/feed.ts'

/** Called with the id of a room, and its feed. What it returns is awaited. */
export type RoomHook<Types> = (id: string, feed: Feed<Types>) => unknown

/** The options of `app.feeds`. */
export interface RoomsOptions<Schemas extends EventSchemas = EventSchemas> extends CommonFeedOptions<Schemas> {
  /** Keeps the history of a room beyond the process, and beyond its freeing. Called with its id. Default: memory. */
  log?: ((id: string) => EventLog) | undefined
  /**
   * How long a room stays after its last stream has left, or after the last `open`, in milliseconds. Default: 60,000.
   * `Infinity`: for ever.
   */
  freeWhenIdleMs?: number | undefined
  /** At most this many rooms at a time; `open` then fails with 503. Default: 10,000. */
  maxOpen?: number | undefined
  /**
   * Prepares a room before anybody gets it: may load its history and publish it. Where it fails, so does `open`. It has
   * 30 seconds.
   */
  onOpen?: RoomHook<FeedTypes<Schemas>> | undefined
  /**
   * Called when a room has been idle for `freeWhenIdleMs`, before it is freed, and when the application closes: may
   * store its history. While it runs, `open` and streams keep the room; else nothing can be published. Where it fails,
   * that is logged, and the room is freed all the same. It has 30 seconds.
   */
  onIdle?: RoomHook<FeedTypes<Schemas>> | undefined
}

/** The options of `app.feeds`, read. */
export interface RoomsSettings extends CommonFeedSettings {
  readonly retain: Retention
  readonly log: ((id: string) => EventLog) | undefined
  readonly freeWhenIdleMs: number
  readonly maxOpen: number
  readonly onOpen: RoomHook<Record<string, unknown>> | undefined
  readonly onIdle: RoomHook<Record<string, unknown>> | undefined
}

/** Reads the options of `app.feeds`. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function readRoomsOptions (options: RoomsOptions): RoomsSettings {
  const common = readCommonOptions('app.feeds', options, ['log', 'freeWhenIdleMs', 'maxOpen', 'onOpen', 'onIdle'])
  const { retain = {}, log, freeWhenIdleMs = ROOM_IDLE_MS, maxOpen = MAX_ROOMS, onOpen, onIdle } = options
  checkCount('freeWhenIdleMs', freeWhenIdleMs, 0)
  checkCount('maxOpen', maxOpen, 1)
  for (const [name, value] of Object.entries({ log, onOpen, onIdle })) {
    if (value !== undefined && typeof value !== 'function') throw new BadOption(`app.feeds({ ${name} }) must be a function of the id of a room, not ${describe(value)}`)
  }
  const bounds = readRetention(retain)
  return {
    ...common,
    retain: { ...bounds, entries: retain.entries ?? ROOM_ENTRIES, bytes: retain.bytes ?? ROOM_BYTES },
    log,
    freeWhenIdleMs,
    maxOpen,
    // what is published in a room is checked by its schema: the types of the hooks say no more
    onOpen: onOpen as RoomsSettings['onOpen'],
    onIdle: onIdle as RoomsSettings['onIdle']
  }
}

function checkCount (name: string, value: unknown, least: number): void {
  if (value === Infinity || (Number.isSafeInteger(value) && Number(value) >= least)) return
  throw new BadOption(`app.feeds({ ${name} }) must be an integer of ${least} or more, or Infinity, not ${shown(value)}`)
}
