/** Where a feed's stream begins, and with which control event. */
import { LogFailed } from '../errors.ts'
import { beginning, located } from '../log/answers.ts'
import type { Entry } from '../log/entry.ts'
import type { EventLog, Hole, Place } from '../log/event-log.ts'
import type { Window } from '../log/window.ts'
import { Batch } from '../wire/batch.ts'
import { bookmark, gap, type Gap } from '../wire/control-event.ts'

/**
 * Where a first connect begins: behind the newest entry; at the oldest that is kept; at the last `n` that the stream takes; at
 * the first that was published at a time, or later. The last two look at what this process holds of the log.
 */
export type From = 'latest' | 'earliest' | { readonly last: number } | { readonly since: Date }

/** Where a stream begins. */
export interface Opening {
  readonly start: Place
  /** The position just before the start: what the client has seen. */
  readonly before: string
  /** What the client missed and the log no longer has; `undefined` for nothing. */
  readonly gap: Gap | undefined
}

/** Behind the newest entry. */
export function atHead (window: Window): Opening {
  return atIndex(window, window.next)
}

/** Behind an event ID, exclusive. */
export function findBehind (log: EventLog, after: string): Opening | Promise<Opening> {
  return then(asked(() => log.locate(after)), (place) => openingAt(located(place), after))
}

/** Where a first connect begins. `takes` says which entries the stream takes. */
export function findFirst (log: EventLog, from: From, takes: (entry: Entry) => boolean): Opening | Promise<Opening> {
  if (from === 'earliest') return then(asked(() => log.earliest()), (answer) => ({ ...beginning(answer), gap: undefined }))
  const { window } = log
  if (from === 'latest') return atHead(window)
  // what is too old has left, even where nothing was published since
  window.trim()
  return atIndex(window, 'last' in from ? startOfLast(window, from.last, takes) : window.firstSince(from.since.getTime()))
}

/** What a log answers. What it throws or rejects with becomes a failure of the log, so that clients come back. */
export function asked<Value> (ask: () => Value | Promise<Value>): Value | Promise<Value> {
  try {
    const answer = ask()
    return answer instanceof Promise ? answer.catch((cause: unknown) => { throw new LogFailed({ cause }) }) : answer
  } catch (cause) {
    throw new LogFailed({ cause })
  }
}

/** The control event of an opening, or of a gap further on: the gap's id is the position just before what follows, so that it is not announced again. */
export function noticeFrame (missed: Gap | undefined, id: string): Batch {
  return missed === undefined ? new Batch(bookmark(id), 0, id) : new Batch(gap(missed, id), 0, id)
}

function openingAt (place: Place | Hole, requested: string): Opening {
  if (place.kind !== 'gap') return { start: place, before: requested, gap: undefined }
  const { oldest, reason, start, before } = place
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

/** A promise only where there is one: a log in memory answers at once, and so does its stream. */
function then<Value, Result> (value: Value | Promise<Value>, next: (value: Value) => Result): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}
