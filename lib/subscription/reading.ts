/** What a reader is made of: its feed, and how it reads that. */
import type { Entry } from '../feed/entry.ts'
import type { FeedCore } from '../feed/feed-core.ts'
import type { Where } from '../feed/poison.ts'
import type { OwnContext } from '../own-context.ts'
import type { Gap } from '../wire/protocol.ts'
import type { EntryCursor } from './cursor.ts'
import type { Opening } from './opening.ts'
import type { State } from './taken-snapshot.ts'

/** How streams read their feed. */
export interface Reading {
  readonly feed: FeedCore
  readonly where: Where | undefined
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
