/**
 * Where a stream begins among the entries that are kept by key: one that comes back after the log has dropped what
 * comes next, and the first connect of one that follows keys.
 */
import type { Entry } from '../feed/entry.ts'
import type { KeyHistories } from '../feed/key-histories.ts'
import type { Window } from '../feed/window.ts'
import type { FollowedKeys } from './followed-keys.ts'
import type { From, Opening } from './opening.ts'

/** What is kept of a feed. */
interface Kept { readonly window: Window, readonly histories: KeyHistories }

/**
 * Where a stream goes on that was to get a gap. One that follows keys gets none where all that came for it since is
 * kept. Any other gets what is kept, after the gap.
 *
 * @param opening with the gap of the log; without one it stays as it is
 * @param keys `undefined` for a stream that follows none
 */
export function withKept (opening: Opening, { window, histories }: Kept, keys: FollowedKeys | undefined): Opening {
  const { gap } = opening
  if (gap === undefined) return opening
  histories.trim()
  const known = histories.indexAfter(gap.requested)
  const newestLost = keys === undefined ? window.oldest - 1 : histories.newestLost(keys)
  if (keys !== undefined && known !== undefined && newestLost < known) {
    return { start: { kind: 'kept', index: known, toldUpTo: 0 }, before: gap.requested, gap: undefined }
  }
  // an ID of another log is older than all that there is
  const first = firstKept({ window, histories }, keys, known ?? 0)
  if (first === undefined) return opening
  return {
    start: { kind: 'kept', index: first, toldUpTo: newestLost + 1 },
    before: histories.positionBefore(first),
    gap: { ...gap, oldest: histories.positionBefore(first + 1) }
  }
}

/**
 * Where a first connect begins that follows keys, if that is before the window; `undefined` where the window has all
 * that was asked for.
 *
 * @param takes says which entries the stream takes
 */
export function firstKeptOf (from: From, { window, histories }: Kept, keys: FollowedKeys, takes: (entry: Entry) => boolean): Opening | undefined {
  window.trim()
  histories.trim()
  const newestLost = histories.newestLost(keys)
  const index = startOf(from, { window, histories }, keys, { after: newestLost, takes })
  if (index === undefined || index >= window.oldest) return undefined
  const before = histories.positionBefore(index)
  const oldest = (index < window.oldest ? histories.at(index) : window.at(index))?.position ?? null
  const gap = from === 'start' && newestLost > 0 ? { requested: '', oldest, reason: 'trimmed' } as const : undefined
  return { start: { kind: 'kept', index, toldUpTo: newestLost + 1 }, before, gap }
}

/** @param after the last ones are to have no hole, so they begin after this index */
function startOf (
  from: From, kept: Kept, keys: FollowedKeys, { after, takes }: { readonly after: number, readonly takes: (entry: Entry) => boolean }
): number | undefined {
  if (from === 'latest') return undefined
  if (from === 'earliest' || from === 'start') return firstKept(kept, keys, 0)
  const { histories } = kept
  if ('since' in from) {
    const first = histories.since(from.since.getTime())
    return first === undefined ? undefined : firstKept(kept, keys, first.index)
  }
  return 'last' in from ? startOfLast(kept, keys, { count: from.last, after, takes }) : undefined
}

/** The index of the first entry from an index on that is kept, of keys; `undefined` where the window has that. */
function firstKept ({ window, histories }: Kept, keys: FollowedKeys | undefined, from: number): number | undefined {
  const [first] = keys === undefined ? [histories.from(from)?.index] : mergedFrom(histories, keys, from)
  return first === undefined || first >= window.oldest ? undefined : first
}

function mergedFrom (histories: KeyHistories, keys: FollowedKeys, from: number): number[] {
  const found: number[] = []
  histories.merge(keys, () => from, 1, found)
  return found
}

function startOfLast (
  { window, histories }: Kept, keys: FollowedKeys,
  { count, after, takes }: { readonly count: number, readonly after: number, readonly takes: (entry: Entry) => boolean }
): number | undefined {
  const newest = new Set<number>()
  for (const key of keys) {
    const indexes = histories.indexesOf(key)
    if (indexes === undefined) continue
    for (let number = indexes.next - 1, left = count; left > 0 && number >= indexes.first; number--) {
      const index = indexes.at(number) ?? 0
      if (index <= after) break
      const entry = window.at(index) ?? histories.at(index)
      const isTaken = entry !== undefined && takes(entry)
      // nobody counts the parsed data of what the window has dropped
      if (index < window.oldest) entry?.forgetView()
      if (!isTaken) continue
      newest.add(index)
      left--
    }
  }
  // fewer than that are all that there are
  const sorted = Float64Array.from(newest).sort()
  return sorted[Math.max(0, sorted.length - count)]
}
