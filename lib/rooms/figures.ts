/** What a family of rooms counts: the same figures as one feed has, of all of them, and how many rooms there are. */
import { FeedFigures, percentilesOf, type FeedStats } from '../feed/figures.ts'
import type { LogFeed } from '../subscription/feed.ts'

/** How many rooms there are, and were. */
export interface RoomCounts {
  /** Those that are open, are being opened, or are on their way out: what counts toward `maxOpen`. */
  open: number
  /** How many were opened since the family was defined. */
  opened: number
  /** How many of them were freed because nobody came. */
  freed: number
  /** How many of them have ended. */
  ended: number
}

/** What the rooms of a family hold and have done. */
export interface RoomsStats extends FeedStats {
  rooms: RoomCounts
}

/** What is counted of rooms that are gone, so that no figure decreases. */
export class RoomsFigures {
  readonly past = new FeedFigures()
  opened = 0
  freed = 0
  ended = 0

  /** The figures now. It walks over all rooms and their streams. */
  stats (feeds: Iterable<LogFeed>, open: number): RoomsStats {
    const { opened, freed, ended } = this
    const sum = new FeedFigures()
    sum.add(this.past)
    const held = { entries: 0, bytes: 0, kept: { entries: 0, bytes: 0 }, ageMs: 0, streams: 0 }
    const entries: number[] = []
    const bytes: number[] = []
    for (const feed of feeds) {
      sum.add(feed.figures)
      held.entries += feed.window.size
      held.bytes += feed.window.bytes
      held.kept.entries += feed.histories?.kept.entries ?? 0
      held.kept.bytes += feed.histories?.kept.bytes ?? 0
      held.ageMs = Math.max(held.ageMs, Math.round(feed.window.ageOf(feed.window.oldest)))
      held.streams += feed.readers
      for (const behind of feed.lags()) {
        entries.push(behind.entries)
        bytes.push(behind.bytes)
      }
    }
    return { ...held, ...sum, lag: { entries: percentilesOf(entries), bytes: percentilesOf(bytes) }, rooms: { open, opened, freed, ended } }
  }
}
