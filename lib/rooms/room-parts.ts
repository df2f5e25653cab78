/**
 * What the feed of a room is made of. All rooms of a family share it, so a room is the parts of its own feed:
 * thousands of rooms take little.
 */
import type { Clock } from '../clock.ts'
import type { Deadlines } from '../deadlines.ts'
import { ROOM_HOOK_MS } from '../defaults.ts'
import { asError, RoomTimedOut, shown } from '../errors.ts'
import type { FeedParts } from '../feed/feed-parts.ts'
import type { LagPolicy } from '../feed/lag-policy.ts'
import type { Snapshot } from '../feed/snapshot.ts'
import type { EventLog } from '../log/contract.ts'
import type { Retention } from '../log/retention.ts'
import type { OwnContext } from '../own-context.ts'
import type { EventCodec } from '../wire/codec.ts'
import type { DataText } from '../wire/event.ts'
import type { RoomsFigures } from './figures.ts'
import type { RoomsSettings } from './options.ts'
import type { RoomFeed } from './room-feed.ts'
import { SEPARATOR } from './room-id.ts'
import type { Waits } from './waits.ts'

/** A room, as its family knows it. */
export interface RoomOfFamily {
  readonly id: string
  /** Its feed, as soon as there is one. */
  readonly feed: RoomFeed | undefined
}

/** What all rooms of a family share. */
export interface RoomTools extends Pick<FeedParts, 'codec' | 'compile' | 'onMisheard'> {
  /** The name of the family. */
  readonly name: string
  readonly settings: RoomsSettings
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly waits: Waits
  readonly figures: RoomsFigures
  /** Where `log`, `onOpen` and `onIdle` run: they serve all who open the room, and see no request of one of them. */
  readonly context: OwnContext
  /** Called when the room is left: whoever opens it now gets another. */
  readonly onLeft: (room: RoomOfFamily) => void
  /** ... when its feed has been freed: nobody reads it any more. */
  readonly onFreed: (room: RoomOfFamily) => void
  /** ... when its id is free, and it counts no more. */
  readonly onGone: (room: RoomOfFamily) => void
  /** Tells the application's log what has failed. Throws nothing. */
  readonly report: (error: unknown, what: string) => void
}

/** What the feed of one room is made of. */
export abstract class RoomParts implements FeedParts {
  readonly id: string
  protected readonly tools: RoomTools
  /** What keeps its history, where that is not its memory alone. */
  log: EventLog | undefined

  constructor (id: string, tools: RoomTools) {
    this.id = id
    this.tools = tools
  }

  get name (): string { return `${this.tools.name}${SEPARATOR}${this.id}` }
  get countedAs (): string { return this.tools.name }
  get retain (): Retention { return this.tools.settings.retain }
  get clock (): Clock { return this.tools.clock }
  get deadlines (): Deadlines { return this.tools.deadlines }
  get codec (): EventCodec | undefined { return this.tools.codec }
  get lag (): LagPolicy { return this.tools.settings.lag }
  get initial (): Snapshot<unknown> | undefined { return this.tools.settings.initial }
  get onGap (): Snapshot<unknown> | undefined { return this.tools.settings.onGap }
  get onMisheard (): RoomTools['onMisheard'] { return this.tools.onMisheard }
  compile (event: string, schema: object): DataText { return this.tools.compile(event, schema) }

  abstract onEnd (isKept: boolean): void
  abstract onLetGo (): void
  abstract onFreed (error?: unknown): void
  abstract onFault (error: unknown, what: string): void

  /** Calls a hook. Rejects with what it fails with, however that is. */
  protected async call (name: 'onOpen' | 'onIdle', feed: RoomFeed): Promise<void> {
    const { settings, context } = this.tools
    const hook = settings[name]
    if (hook !== undefined) await context.runInAsyncScope(hook, undefined, this.id, feed)
  }

  protected timedOut (what: string): Error {
    return new RoomTimedOut(shown(this.name), what, ROOM_HOOK_MS)
  }

  protected report (error: unknown, what: string): void {
    this.tools.report(asError(error, what), `the room ${shown(this.name)}: ${what}`)
  }
}
