/**
 * The contract of a log: the bounded history of a feed. The memory log fulfils it at once; a shared log may take its time.
 * `test/contract/` holds the suite that every log passes.
 *
 * A log assigns *positions*: opaque, ordered strings, which clients see as event IDs. In one process an entry also has an
 * *index* in the log's window; cursors use that, and ask the log only to find a position, or to read from before the window.
 */
import type { GapReason } from '../wire/control-event.ts'
import type { Draft, Entry } from './entry.ts'
import type { Window } from './window.ts'

/** Where a reader goes on. */
export type Place =
  /** In the window: the next entry is the one at `index`, or will be. */
  | { readonly kind: 'window', readonly index: number }
  /** Before the window: the next entry is the one after the position, exclusive; `page` reads it. */
  | { readonly kind: 'older', readonly after: string }

/** The log cannot continue from where the reader was. */
export interface Hole {
  readonly kind: 'gap'
  readonly reason: Exclude<GapReason, 'lagged' | 'failed'>
  /** The position of the oldest entry that is kept; `null` where there is none. */
  readonly oldest: string | null
  /** The position just before what follows: what a client has seen that goes on at `start`. */
  readonly before: string
  /** Where a reader goes on: at the oldest entry. */
  readonly start: Place
}

/** Entries from before the window, oldest first, and where to go on behind them. */
export interface Page {
  readonly entries: readonly Entry[]
  readonly next: Place | Hole
}

/** A log of events. Every method may be called at any time before `close`, also while another call is under way. */
export interface EventLog {
  /** The newest entries, in this process. Empty after `close`. */
  readonly window: Window

  /**
   * Adds an event at the end. Appends that one process makes one after the other, without waiting, keep their order. When it
   * returns, or its promise is fulfilled, the entry is kept, and stands in the window.
   *
   * It may fail, by throwing or by a rejected promise: then the event was not added, and may be given again.
   */
  append (draft: Draft): Entry | Promise<Entry>

  /**
   * Finds where a reader goes on whose last event ID is `position`: at the entry after it, exclusive. Exactly at the head
   * means caught up, and is no gap. A position that the log cannot continue from gives the reason: `malformed` (not one of this
   * kind of log), `epoch` (of another log, or of this one before it was lost), `ahead` (newer than the newest), `trimmed` (the
   * entry after it is not kept any more).
   */
  locate (position: string): Place | Hole | Promise<Place | Hole>

  /** The oldest entry that is kept, or the head where there is none, and the position just before it. */
  earliest (): { start: Place, before: string } | Promise<{ start: Place, before: string }>

  /** Reads at most `limit` entries after a position, exclusive, from before the window. Where they meet the window, `next` is there. */
  page (after: string, limit: number): Page | Promise<Page>

  /**
   * The live tail: from now on `listener` is called after each entry that comes to stand in the window, whoever appended it,
   * in their order, once each. Returns the function that ends it.
   */
  tail (listener: (entry: Entry) => void): () => void

  /** Frees all that the log holds. What is appended afterwards fails. A second call does nothing. */
  close (): void | Promise<void>
}
