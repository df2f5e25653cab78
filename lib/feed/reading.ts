/** What a reader is made of: its feed, and how it reads that. */
import type { Entry, EntryView } from './entry.ts'
import type { OwnContext } from '../own-context.ts'
import type { Gap } from '../wire/control-event.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import type { Bookmarks } from './bookmarks.ts'
import type { NewestByKey } from './conflation.ts'
import type { EntryCursor, Walked } from './cursor.ts'
import type { FanOut } from './fan-out.ts'
import type { FeedFigures } from './figures.ts'
import type { Opening } from './opening.ts'
import type { History } from './place.ts'
import type { LagPolicy } from './slow-consumer.ts'
import type { PoisonReports } from './poison.ts'
import type { State } from './snapshot.ts'

/** What a reader needs of its feed. */
export interface FollowedFeed extends History, Walked {
  readonly name: string
  readonly fanOut: FanOut
  readonly figures: FeedFigures
  readonly bookmarks: Bookmarks
  readonly poison: PoisonReports
  readonly lag: LagPolicy
  /** Where slow streams are conflated: the newest entries that the log has dropped. */
  readonly newest: NewestByKey | undefined
  /** True when no entry will come any more. */
  readonly isComplete: boolean
  /** Puts into the application's log what nobody else could be told of. Throws nothing. */
  readonly report: (error: unknown) => void
  /** How streams end that have read all there is. */
  readonly lastWord: SourceEnd
}

/** How streams read their feed. */
export interface Reading {
  readonly feed: FollowedFeed
  readonly where: ((view: EntryView) => unknown) | undefined
  /** True where functions are called that may look at who has opened the stream: they run in its context. */
  readonly hasOwnFunctions: boolean
  /** True for an entry of a key that is followed; for all where that does not matter. */
  hasKey (entry: Entry): boolean
  /** A cursor at an opening. One that follows keys stirs its reader when it was at the head, and has an entry. */
  cursorAt (opening: Opening, reader: { stir (): void }): EntryCursor
  /** The snapshot to be sent in place of a gap, or at a first connect that asks for nothing else; `undefined` for none. */
  snapshot (gap: Gap | undefined, context: OwnContext | undefined): State | Promise<State> | undefined
  /** A reader will not read any more. */
  left (reader: object): void
}
