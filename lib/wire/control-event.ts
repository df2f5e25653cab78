/**
 * The control events, as text: a page that does not listen for them does not notice them. Each has data, `{}` where
 * there is nothing to say: many clients parse the data of every event as JSON, and a block with only an id is not
 * dispatched, and some clients do not keep its id either.
 */
import { encodeBody, idLine, retryLine } from './encode.ts'
import { CONTROL, doneId, type Gap } from './protocol.ts'

/** Moves the client's last event ID, and nothing else. */
export function bookmark (id: string): string {
  return control(CONTROL.bookmark, '{}', id)
}

/** Says that events are missing. `id` is the position just before what follows. */
export function gap (details: Gap, id: string): string {
  return control(CONTROL.gap, JSON.stringify(details), id)
}

/**
 * Says that the source has ended and no reconnect is wanted: a client that comes back with this id gets 204.
 *
 * @param reason why the source was stopped; `undefined` where it has ended by itself
 */
export function done (lastEventId: string, reason?: string): string {
  return control(CONTROL.done, JSON.stringify({ reason }), doneId(lastEventId))
}

/**
 * Says that the source failed, by a code without internals, and when to come back. The last event ID stays as it is,
 * unless an id is given.
 *
 * @param retryMs `undefined`: nothing is said of the time
 * @param id the id of `done`, where nothing more will ever come
 */
export function failure (code: string, retryMs?: number, id?: string): string {
  const retry = retryMs === undefined ? '' : retryLine(retryMs)
  return `${lines(CONTROL.error, JSON.stringify({ code }))}${retry}${id === undefined ? '' : idLine(id)}\n`
}

function control (event: string, data: string, id: string): string {
  return `${lines(event, data)}${idLine(id)}\n`
}

function lines (event: string, data: string): string {
  return encodeBody({ event, data, retry: undefined, comment: undefined })
}
