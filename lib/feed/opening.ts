/** How a feed's stream begins: where, and with which control event. */
import type { EventLog, Hole, Place } from '../log/event-log.ts'
import { Batch } from '../wire/batch.ts'
import { bookmark, gap, type Gap } from '../wire/control-event.ts'

/** Where a first connect begins: behind the newest entry, or at the oldest that is kept. */
export type From = 'latest' | 'earliest'

/** Where a stream begins. */
export interface Opening {
  readonly start: Place
  /** The position just before the start: what the client has seen. */
  readonly before: string
  /** What the client missed and the log no longer has; `undefined` for nothing. */
  readonly gap: Gap | undefined
}

/** Finds where a stream begins. `after` is the last event ID, exclusive; without one, `from` decides. */
export function findOpening (log: EventLog, after: string | undefined, from: From): Opening | Promise<Opening> {
  if (after !== undefined) return then(log.locate(after), (place) => openingAt(place, after))
  if (from === 'earliest') return then(log.earliest(), ({ start, before }) => ({ start, before, gap: undefined }))
  const { window } = log
  return { start: { kind: 'window', index: window.next }, before: window.positionBefore(window.next), gap: undefined }
}

/**
 * The control event that a stream begins with. A bookmark, so that a client that is cut before its first event resumes from
 * here; or the gap, whose id does the same, so that it is not announced again.
 */
export function openingFrame ({ gap: missed }: Opening, id: string): Batch {
  return missed === undefined ? new Batch(bookmark(id), 0, id) : new Batch(gap(missed, id), 0, id)
}

function openingAt (place: Place | Hole, requested: string): Opening {
  if (place.kind !== 'gap') return { start: place, before: requested, gap: undefined }
  const { oldest, reason, start, before } = place
  return { start, before, gap: { requested, oldest, reason } }
}

/** A promise only where there is one: a log in memory answers at once, and so does its stream. */
function then<Value, Result> (value: Value | Promise<Value>, next: (value: Value) => Result): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}
