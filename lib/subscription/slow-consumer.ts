/** When a reader is too slow, and where it goes on then. */
import type { NewestByKey } from '../feed/conflation.ts'
import { countLag } from '../feed/diagnostics.ts'
import type { Entry } from '../feed/entry.ts'
import type { FeedCore } from '../feed/feed-core.ts'
import type { KeyHistories } from '../feed/key-histories.ts'
import type { LagPolicy } from '../feed/lag-policy.ts'
import type { LocatedGap } from '../feed/location.ts'
import { isTaken, Poison, type Where } from '../feed/poison.ts'
import type { Window } from '../feed/window.ts'
import { firstIndex } from '../indexed-ring.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import type { Gap } from '../wire/protocol.ts'
import type { EntryCursor } from './cursor.ts'
import { atHead, type Opening } from './opening.ts'

/**
 * True where a reader that is to read on at `index` is further behind than it may be. The limits themselves are
 * allowed.
 */
function isTooFarBehind (window: Window, index: number, { maxLagBytes, maxLagMs }: LagPolicy, histories?: KeyHistories): boolean {
  if (maxLagBytes !== Infinity && window.bytesSince(index) > maxLagBytes) return true
  return maxLagMs !== Infinity && Math.max(window.ageOf(index), histories?.ageOf(index) ?? 0) > maxLagMs
}

/** As `isTooFarBehind`, now. Costs nothing where the feed has no limits beside what its log keeps. */
export function isBehindLimits (feed: FeedCore, index: number): boolean {
  const { window, lag, histories } = feed
  const isLimited = lag.maxLagBytes !== Infinity || lag.maxLagMs !== Infinity
  return isLimited && isTooFarBehind(window, index, lag, histories)
}

/** How far a reader is behind the newest entry. */
interface Lag { entries: number, bytes: number }

/** How far a cursor is behind the newest entry; not at all before there is one. */
export function behindBy (window: Window, cursor: EntryCursor | undefined): Lag {
  if (cursor === undefined || cursor.isAtEnd) return { entries: 0, bytes: 0 }
  const { index } = cursor
  // who reads pages has not got all, also where the window is empty because something was lost
  if (index === undefined) return { entries: Math.max(1, window.size), bytes: window.bytesSince(window.oldest) }
  const from = Math.max(index, window.oldest)
  return { entries: window.next - from, bytes: window.bytesSince(from) }
}

/** Where a reader that is too slow goes on. */
interface Continuation {
  readonly gap: Gap
  /** The position of a client that was told of the gap. */
  readonly position: string
  readonly opening: Opening
  /** What it gets first; `undefined` where it goes on in the log. */
  readonly missed: readonly Entry[] | undefined
  /** Those of them that the filter has thrown at. */
  readonly poisoned: ReadonlyMap<Entry, Poison> | undefined
}

/** Who has fallen behind, and where. */
interface LaggingReader {
  /** What the client has. */
  readonly position: string
  /** The index of the first entry that it has not got; 0 where that is not known. */
  readonly index: number
  /** Where the log goes on, if it is not kept any more. */
  readonly gap: LocatedGap | undefined
}

/** The end of a reader whose snapshot would pass the bound of the log. */
export function lagged (feed: FeedCore, behind: Lag): SourceEnd {
  countLag(feed, behind)
  return { kind: 'lagged' }
}

/**
 * A reader is too slow: takes its cursor to where it goes on. Returns `undefined` if it ends. Throws what is to end the
 * stream.
 *
 * @param gap where the log goes on, if it does not keep what comes next any more
 */
export function fallBehind (
  feed: FeedCore, cursor: EntryCursor, gap: LocatedGap | undefined, where: Where | undefined, behind: Lag
): Continuation | undefined {
  countLag(feed, behind)
  if (feed.lag.mode === 'disconnect') return undefined
  const continuation = continuationOf(feed, cursor, gap, where)
  cursor.restart(continuation.opening.start, continuation.opening.before)
  return continuation
}

function continuationOf (feed: FeedCore, cursor: EntryCursor, gap: LocatedGap | undefined, where: Where | undefined): Continuation {
  const { window, lag, newest } = feed
  const lagging = { position: cursor.position, index: cursor.lastIndex, gap }
  // in pages from before the window nobody knows which of the newest it has: it goes on in the log
  if (newest === undefined || lagging.index === 0) return skipped(window, lag, lagging)
  const poisoned = new Map<Entry, Poison>()
  const takes = (entry: Entry): boolean => {
    if (!cursor.isOurs(entry)) return false
    try {
      if (where === undefined || isTaken(where, entry, undefined)) return true
      feed.figures.filtered++
      return false
    } catch (error) {
      const poison = new Poison(error)
      if (poison.isFatal) throw error
      // a gap stands for it
      poisoned.set(entry, poison)
      return true
    }
  }
  return { ...conflated(window, newest, takes, lagging), poisoned }
}

/** From the oldest entry within the limits. */
function skipped (window: Window, policy: LagPolicy, { position, gap: logGap }: LaggingReader): Continuation {
  const index = firstWithin(window, policy)
  // where something was lost before the window, the log's gap alone says what comes next
  const isLost = window.before === undefined && index === window.oldest
  const isGapFirst = logGap !== undefined && (isLost || logGap.start.kind === 'older' || logGap.start.index >= index)
  const { start, before, oldest } = isGapFirst
    ? logGap
    : { start: { kind: 'window', index } as const, before: window.positionBefore(index), oldest: window.at(index)?.position ?? null }
  const gap: Gap = { requested: position, oldest, reason: 'lagged' }
  return { gap, position: before, opening: { start, before, gap: undefined }, missed: undefined, poisoned: undefined }
}

/**
 * The newest entry of each key, and then from the head. A client that is cut before it receives the first of them
 * comes back with the position that it had.
 */
function conflated (window: Window, newest: NewestByKey, takes: (entry: Entry) => boolean, { position, index }: LaggingReader): Omit<Continuation, 'poisoned'> {
  // as it is now: what a filter publishes meanwhile comes later
  const opening = atHead(window)
  const missed = newest.since(index, takes)
  return { gap: { requested: position, oldest: missed[0]?.position ?? null, reason: 'lagged' }, position, opening, missed }
}

/** The oldest index from which on a reader is not too far behind. */
function firstWithin (window: Window, policy: LagPolicy): number {
  return firstIndex(window.oldest, window.next, (index) => !isTooFarBehind(window, index, policy))
}
