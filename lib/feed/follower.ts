/** Somebody who reads a feed, as the feed knows it: it is woken, asked how far it is behind, and ended. */
import type { RosterMember } from '../roster.ts'
import type { SourceEnd } from '../wire/frame-source.ts'

/** One reader of a feed. */
export interface Follower extends RosterMember {
  /** How far it is behind the newest entry. */
  behind (): { entries: number, bytes: number }
  /** Wakes it with the fan-out, where it waits and nothing has come for it. */
  stir (): void
  /** What comes next may not follow what the window has. */
  lose (): void
  /** Ends it at once: nothing more can be read, or may be. */
  finish (end: SourceEnd): void
}
