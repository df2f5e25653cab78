/**
 * What server and client agree on, beside the format of event streams itself. This file imports nothing, so that a
 * browser can load it.
 */

/** The request header that carries the last event ID (WHATWG HTML 9.2.3), as Node names it. */
export const LAST_EVENT_ID_HEADER = 'last-event-id'

/** The query parameter that carries it for clients that cannot set a header. */
export const LAST_EVENT_ID_PARAMETER = 'lastEventId'

/** The types of all control events begin with this: no event of an application has such a type. */
export const CONTROL_PREFIX = 'stream:'

/** The types of control events. */
export const CONTROL = {
  /** Moves the client's last event ID, and nothing else. */
  bookmark: 'stream:bookmark',
  /** Events are missing. Its data is a `Gap`. */
  gap: 'stream:gap',
  /** The source has ended, and no reconnect is wanted. */
  done: 'stream:done',
  /** The source failed. Its data is `{ code }`. */
  error: 'stream:error'
} as const

/** Why events are missing. */
export type GapReason = 'trimmed' | 'epoch' | 'malformed' | 'ahead' | 'lagged' | 'failed'

/** The data of `stream:gap`. */
export interface Gap {
  /**
   * The last event ID that the client has: the one that it sent, or a later one; empty where it has none, and what is
   * missing is the beginning.
   */
  requested: string
  /** The oldest entry that the log still has, as an event ID; `null` where it has none, and for `failed`. */
  oldest: string | null
  /**
   * `trimmed`: older than the log keeps; `epoch`: of another log, as after a restart; `malformed`: no id of this
   * feed; `ahead`: newer than the log's newest; `lagged`: the stream fell behind what the log keeps; `failed`:
   * exactly one event is missing, the one with the gap's own id, because the server could not filter or write it.
   */
  reason: GapReason
  /** On a stream of several feeds, the name of the feed whose events are missing; absent on other streams. */
  feed?: string
}

/** The id of `stream:done` begins with this, so that a client which comes back with it is answered by 204. */
const DONE_ID = '~done'

/** The id of `stream:done`, after a last event ID; `''` where there is none. */
export function doneId (lastEventId: string): string {
  return `${DONE_ID}.${lastEventId}`
}

/** True for the last event ID of a client that has seen `stream:done`. */
export function isDone (lastEventId: string): boolean {
  return lastEventId === DONE_ID || lastEventId.startsWith(`${DONE_ID}.`)
}
