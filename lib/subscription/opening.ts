/** Where a feed's stream begins, and what its client missed before that. */
import type { Entry } from '../feed/entry.ts'
import { locate, locateEarliest, then, type History, type LocatedGap, type Location } from '../feed/location.ts'
import type { Window } from '../feed/window.ts'
import type { Gap } from '../wire/protocol.ts'

/**
 * Where a first connect begins: after the newest entry; at the oldest that is kept; at the same, with a gap where
 * entries from before that are not kept any more; at the last `n` that the stream takes; at the first that was published
 * at a time, or later; after the newest entry, with the newest `n` of each key first. The last three look at what this process holds of the log.
 */
export type From = 'latest' | 'earliest' | 'start' | { readonly last: number } | { readonly since: Date } | { readonly lastPerKey: number }

/** Where a stream begins. */
export interface Opening {
  readonly start: Location
  /** The position just before the start: what the client has seen. */
  readonly before: string
  /** What the client missed and the log no longer has; `undefined` for nothing. */
  readonly gap: Gap | undefined
  /** So many of the newest entries of each key come first. Default: none. */
  readonly lastPerKey?: number
}

/** Behind the newest entry. Where nobody knows which that is, behind the last one that was known. */
export function atHead (window: Window): Opening {
  if (!window.isHeadUnknown) return atIndex(window, window.next)
  const before = window.head
  return { start: { kind: 'older', after: before }, before, gap: undefined }
}

/**
 * Of a feed that has given up its log: nothing can be read any more, and its streams end at once.
 *
 * @param after an event ID; `''` for a stream that asks for what came before, `undefined` for one that does not
 * @param isDeleted true where that is lost
 */
export function atEnd (window: Window, after: string | undefined, isDeleted: boolean): Opening {
  const head = atIndex(window, window.next)
  if (after === undefined || window.indexAfter(after) !== undefined) return head
  if (isDeleted) return { ...head, gap: { requested: after, oldest: null, reason: 'trimmed' } }
  // what is only closed can be asked again, elsewhere
  return after === '' && window.next === 1 ? head : { ...head, before: after }
}

/** Behind an event ID, exclusive. */
export function findAfter (history: History, after: string): Opening | Promise<Opening> {
  return then(locate(history, after), (location) => openingAt(location, after))
}

/** Where a first connect begins. `takes` says which entries the stream takes. */
export function findFirst (history: History, from: From, takes: (entry: Entry) => boolean): Opening | Promise<Opening> {
  if (from === 'earliest' || from === 'start') {
    return then(locateEarliest(history), ({ start, before, oldest, isTrimmed }) => {
      return { start, before, gap: from === 'start' && isTrimmed ? { requested: '', oldest, reason: 'trimmed' } : undefined }
    })
  }
  const { window } = history
  if (from === 'latest') return atHead(window)
  if ('lastPerKey' in from) {
    window.trim()
    return { ...atHead(window), lastPerKey: from.lastPerKey }
  }
  // what is too old has left, even where nothing was published since
  window.trim()
  if (window.isHeadUnknown) return atHead(window)
  return atIndex(window, 'last' in from ? startOfLast(window, from.last, takes) : window.firstSince(from.since.getTime()))
}

function openingAt (location: Location | LocatedGap, requested: string): Opening {
  if (location.kind !== 'gap') return { start: location, before: requested, gap: undefined }
  const { oldest, reason, start, before } = location
  return { start, before, gap: { requested, oldest, reason } }
}

function atIndex (window: Window, index: number): Opening {
  return { start: { kind: 'window', index }, before: window.positionBefore(index), gap: undefined }
}

function startOfLast (window: Window, count: number, takes: (entry: Entry) => boolean): number {
  let start = window.next
  for (let index = start - 1, left = count; left > 0 && index >= window.oldest; index--) {
    const entry = window.at(index)
    if (entry === undefined || !takes(entry)) continue
    start = index
    left--
  }
  return start
}
