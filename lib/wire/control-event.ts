/**
 * The events that are ours, named `stream:…`: a page that does not listen for them never notices. Each has a `data:` line,
 * if an empty one: a block with only an id is not dispatched, and some clients do not keep its id either.
 */
import { encodeBody, idLine, retryLine } from './encode.ts'

/** Why events are missing. */
export type GapReason = 'trimmed' | 'epoch' | 'malformed' | 'ahead' | 'lagged' | 'failed'

/** The data of `stream:gap`. */
export interface Gap {
  /** The last event ID that the client has: the one that it sent, or a later one. */
  requested: string
  /** The oldest entry that the log still has, as an event ID; `null` where it has none, and for `failed`. */
  oldest: string | null
  /**
   * `trimmed`: older than the log keeps; `epoch`: of another log, as after a restart; `malformed`: no id of this feed;
   * `ahead`: newer than the log's newest; `lagged`: the stream fell behind what the log keeps;
   * `failed`: exactly one event is missing, the one with the gap's own id, because the server could not filter or write it.
   */
  reason: GapReason
}

/** Moves the client's last event ID, and nothing else. */
export function bookmark (id: string): string {
  return control('bookmark', '', id)
}

/** Says that events are missing. `id` is the position just before what follows. */
export function gap (details: Gap, id: string): string {
  return control('gap', JSON.stringify(details), id)
}

/** Says that the source has ended and no reconnect is wanted: with this id a client that comes back gets 204. */
export function done (lastEventId: string): string {
  return control('done', '', `${DONE_ID}.${lastEventId}`)
}

/** Says that the source failed, by a code without internals, and when to come back. The last event ID stays as it is. */
export function failure (code: string, retryMs: number): string {
  return `${lines('error', JSON.stringify({ code }))}${retryLine(retryMs)}\n`
}

/** The last event ID of a client that has seen `stream:done` begins with this. */
export const DONE_ID = '~done'

/** True for the last event ID that `stream:done` gave. */
export function isDone (lastEventId: string): boolean {
  return lastEventId === DONE_ID || lastEventId.startsWith(`${DONE_ID}.`)
}

function control (name: string, data: string, id: string): string {
  return `${lines(name, data)}${idLine(id)}\n`
}

function lines (name: string, data: string): string {
  return encodeBody({ event: `stream:${name}`, data, retry: undefined, comment: undefined })
}
