/**
 * One server-sent event: its fields, and the rules that the event stream format sets for them (WHATWG HTML 9.2.5 and
 * 9.2.6). It knows neither bytes nor who reads them.
 */
import { BadEvent, BadField, describe, shown } from '../errors.ts'
import { CONTROL, CONTROL_PREFIX } from './protocol.ts'
import { isToldGap } from './told-gap.ts'

/** What a source may yield, beside a string. `undefined` is absent; every other falsy value is a value. */
export interface ServerSentEvent<Type extends string = string, Data = unknown> {
  /** The data: a string goes out as it is, all else as JSON. An event without data is never dispatched by a client. */
  data?: Data | undefined
  /** The event type, without CR or LF; absent means `message`. `stream:` begins the types of control events only. */
  event?: Type | undefined
  /** The last event ID from here on: a number, or a string without CR, LF and NUL that does not begin with `~`. */
  id?: string | number | undefined
  /** The reconnection time in milliseconds: a non-negative integer. A client keeps it until it gets another. */
  retry?: number | undefined
  /** A comment, which clients skip. */
  comment?: string | undefined
}

/** What a source may yield where no events are declared. */
export type AnyEvent = string | ServerSentEvent

/** The fields of an event that were checked: the data is the text that goes out, the id a string. */
export interface EventFields {
  readonly data: string | undefined
  readonly event: string | undefined
  readonly id: string | undefined
  readonly retry: number | undefined
  readonly comment: string | undefined
}

const NOTHING: EventFields = { data: undefined, event: undefined, id: undefined, retry: undefined, comment: undefined }

/** The fields of what a source yielded, as they are. */
export type UncheckedFields = { readonly [name in keyof ServerSentEvent]: unknown }

/** The event type of an event that names none. */
export const DEFAULT_EVENT_TYPE = 'message'

const LINE_END = /[\r\n]/
let lastCheckedType = DEFAULT_EVENT_TYPE
const [NUL, LF, CR] = [0x00, 0x0a, 0x0d]

/**
 * Checks an event type. Throws `FST_EVENTFEED_BAD_FIELD` where a line end could forge a field, or the type is
 * reserved.
 */
export function checkEventType (event: unknown): string {
  // streams say the same types again and again
  if (event === lastCheckedType) return lastCheckedType
  if (typeof event !== 'string') throw new BadField('event', 'must be a string', shown(event))
  if (LINE_END.test(event)) throw new BadField('event', 'must not contain a line end', shown(event))
  if (event.startsWith(CONTROL_PREFIX)) throw new BadField('event', `must not begin with "${CONTROL_PREFIX}", which names control events`, shown(event))
  lastCheckedType = event
  return event
}

/** True for a type at which an `EventSource` calls its own `onerror` or `onopen`, though its connection is as it was. */
export function isMisheard (type: string): boolean {
  return type === 'error' || type === 'open'
}

/** Checks an event ID and makes a string of it. Throws `FST_EVENTFEED_BAD_FIELD`. */
export function checkId (id: unknown): string {
  if (typeof id === 'number') {
    if (!Number.isFinite(id)) throw new BadField('id', 'must be a string or a finite number', String(id))
    return String(id)
  }
  if (typeof id !== 'string') throw new BadField('id', 'must be a string or a finite number', shown(id))
  if (hasLineEndOrNul(id)) throw new BadField('id', 'must not contain a line end or NUL', shown(id))
  if (id.startsWith('~')) throw new BadField('id', 'must not begin with "~", which marks the ids of control events', shown(id))
  return id
}

/** In a loop, because ids are short, and to call a regular expression costs more than to look at ten characters. */
function hasLineEndOrNul (id: string): boolean {
  for (let index = 0; index < id.length; index++) {
    const code = id.charCodeAt(index)
    if (code === LF || code === CR || code === NUL) return true
  }
  return false
}

/**
 * Checks a reconnection time. Throws `FST_EVENTFEED_BAD_FIELD` for all but a non-negative integer, which clients
 * would ignore.
 */
export function checkRetry (retry: unknown): number {
  if (typeof retry !== 'number' || !Number.isSafeInteger(retry) || retry < 0) {
    throw new BadField('retry', 'must be a non-negative integer of milliseconds', typeof retry === 'number' ? String(retry) : shown(retry))
  }
  return retry
}

/**
 * Makes the text of an event's data; `event` is its type. The default writes strings as they are and all else as
 * JSON.
 */
export type DataText = (event: string, data: unknown) => string

/**
 * Writes data without a schema: a string as it is, all else as JSON. Throws `FST_EVENTFEED_BAD_FIELD` for what JSON
 * cannot say.
 */
export const plainText: DataText = (_event, data) => typeof data === 'string' ? data : toJson(data)

/** JSON of any value, never `undefined`. Throws `FST_EVENTFEED_BAD_FIELD`, with the original error as `cause`. */
export function toJson (data: unknown): string {
  let json: string | undefined
  try {
    json = JSON.stringify(data)
  } catch (cause) {
    throw new BadField('data', `must be a value that JSON can say (${said(cause)})`, describe(data), { cause })
  }
  if (json === undefined) throw new BadField('data', 'must be a value that JSON can say', describe(data))
  return json
}

/**
 * Checks what a source yielded. Throws `FST_EVENTFEED_BAD_EVENT` or `FST_EVENTFEED_BAD_FIELD`, naming the field, the
 * value seen and what to do.
 */
export function checkEvent (yielded: unknown, dataText: DataText = plainText): EventFields {
  if (typeof yielded === 'string') {
    return { data: dataText(DEFAULT_EVENT_TYPE, yielded), event: undefined, id: undefined, retry: undefined, comment: undefined }
  }
  if (!isEventObject(yielded)) {
    throw new BadEvent(`a source yields strings or { data, event, id, retry, comment }, not ${describe(yielded)}: wrap the value as { data: … }`)
  }
  const { data, event, id, retry, comment } = yielded
  return checkFields(yielded, { data, event, id, retry, comment }, dataText)
}

/** True for an object that may be an event: its fields are still to be checked. */
export function isEventObject (yielded: unknown): yielded is UncheckedFields {
  return typeof yielded === 'object' && yielded !== null && !Array.isArray(yielded) && !ArrayBuffer.isView(yielded)
}

/**
 * Checks fields that were read from what a source yielded. They are read once: a getter may give something else the
 * next time.
 */
export function checkFields (yielded: object, { data, event, id, retry, comment }: UncheckedFields, dataText: DataText): EventFields {
  if (event === CONTROL.gap && isToldGap(yielded)) return { ...NOTHING, event, data: toJson(data), id: checkId(id) }
  if (data === undefined && id === undefined && retry === undefined && comment === undefined) {
    throw new BadEvent(event === undefined
      ? `an event has at least one of data, id, retry and comment, but this one has ${fieldsOf(yielded)}: wrap a value as { data: … }`
      : `an event without data is never dispatched by a client: give { event: ${shown(event)}, data: '' } to send one that is empty`)
  }
  const type = event === undefined ? undefined : checkEventType(event)
  return {
    data: data === undefined ? undefined : dataText(type ?? DEFAULT_EVENT_TYPE, data),
    event: type,
    id: id === undefined ? undefined : checkId(id),
    retry: retry === undefined ? undefined : checkRetry(retry),
    comment: comment === undefined ? undefined : checkComment(comment)
  }
}

function checkComment (comment: unknown): string {
  if (typeof comment !== 'string') throw new BadField('comment', 'must be a string', shown(comment))
  return comment
}

function fieldsOf (value: object): string {
  const names = Object.keys(value)
  return names.length === 0 ? 'no field' : `only ${shown(names.slice(0, 5).join(', '))}`
}

/** What an error says, escaped: its text may quote the data. */
function said (cause: unknown): string {
  return cause instanceof Error ? shown(cause.message) : describe(cause)
}
