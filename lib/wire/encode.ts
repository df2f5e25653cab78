/**
 * The text of an event stream (WHATWG HTML 9.2.5). Fields were checked in `event.ts`; here they only become lines.
 */
import {
  checkEvent, checkEventType, checkFields, checkId, DEFAULT_EVENT_TYPE, isEventObject, isMisheard, plainText, type DataText, type EventFields, type ServerSentEvent
} from './event.ts'
import { CONTROL } from './protocol.ts'

/** CR LF, CR and LF all end a line, so data is split at each of them; a client joins the lines with LF. */
const LINE_ENDS = /\r\n|\r|\n/

let lastHead = { event: DEFAULT_EVENT_TYPE, text: 'data: ' }

/**
 * The bytes of one event, as UTF-8, with the blank line that ends it.
 *
 * @throws FST_EVENTFEED_BAD_FIELD, FST_EVENTFEED_BAD_EVENT
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export function encode (event: ServerSentEvent | string): Buffer {
  return Buffer.from(encodeFields(checkEvent(event)))
}

/** What a stream must know of the events that it has encoded. */
export interface Encoded {
  /** How many of them clients dispatch, without control events. */
  events: number
  /** The last event ID of a client that has read all of them. */
  lastEventId: string | undefined
  /** The type of the last event that an `EventSource` takes for news of its connection. */
  misheard?: string | undefined
}

/**
 * The text of what a source yielded, noted in `encoded`. The same as of `checkEvent` and `encodeFields`, without an
 * object for each event in between: a generator of small objects would pay a tenth more.
 *
 * @param dataText `undefined`: strings as they are, all else as JSON
 * @throws FST_EVENTFEED_BAD_FIELD, FST_EVENTFEED_BAD_EVENT; then nothing is noted
 */
export function encodeYielded (yielded: unknown, dataText: DataText = plainText, encoded: Encoded): string {
  if (!isEventObject(yielded)) return encodeNoted(checkEvent(yielded, dataText), encoded)
  const { data, event, id, retry, comment } = yielded
  const isUsual = data !== undefined && event !== undefined && event !== CONTROL.gap && id !== undefined && retry === undefined && comment === undefined
  if (!isUsual) return encodeNoted(checkFields(yielded, { data, event, id, retry, comment }, dataText), encoded)
  const type = checkEventType(event)
  const text = dataText(type, data)
  const lastEventId = checkId(id)
  encoded.events++
  encoded.lastEventId = lastEventId
  // JSON that V8 has written is one line, and never empty
  const isJson = dataText === plainText && typeof data !== 'string'
  if (isJson || (text !== '' && isOneLine(text))) return encodeUsual(type, text, lastEventId, encoded)
  noteType(type, encoded)
  return encodeFields({ data: text, event: type, id: lastEventId, retry: undefined, comment: undefined })
}

function encodeNoted (fields: EventFields, encoded: Encoded): string {
  if (fields.data !== undefined && fields.event !== CONTROL.gap) encoded.events++
  if (fields.id !== undefined) encoded.lastEventId = fields.id
  noteType(fields.event, encoded)
  return encodeFields(fields)
}

/**
 * The text of one event. The id comes last: a client that commits it before the event is whole loses nothing when the
 * line is cut in between.
 */
export function encodeFields (fields: EventFields): string {
  return `${encodeBody(fields)}${fields.id === undefined ? '' : idLine(fields.id)}\n`
}

/**
 * The lines of an event but the id and the blank line at its end. The default type is left out: that is the same by the
 * standard, and some clients handle only events without a type.
 */
export function encodeBody ({ comment, event, data, retry }: Omit<EventFields, 'id'>): string {
  let text = ''
  if (comment !== undefined) text += lines(':', comment)
  if (event !== undefined && event !== DEFAULT_EVENT_TYPE) text += `event: ${event}\n`
  if (data !== undefined) text += lines('data:', data)
  if (retry !== undefined) text += retryLine(retry)
  return text
}

/** `id: …` with its line end. */
export function idLine (id: string): string {
  return `id: ${id}\n`
}

/** `retry: …` with its line end. */
export function retryLine (retryMs: number): string {
  return `retry: ${retryMs}\n`
}

/** An event whose data is one line, and not empty. */
function encodeUsual (event: string, data: string, id: string, encoded: Encoded): string {
  return `${headOf(event, encoded)}${data}\nid: ${id}\n\n`
}

/** What stands before the data of an event of this type: the same again and again in most streams. */
function headOf (event: string, encoded: Encoded): string {
  if (event === lastHead.event) return lastHead.text
  const text = event === DEFAULT_EVENT_TYPE ? 'data: ' : ['event: ', event, '\ndata: '].join('')
  // not remembered: each stream is to note its own
  if (isMisheard(event)) noteType(event, encoded)
  else lastHead = { event, text }
  return text
}

function noteType (event: string | undefined, encoded: Encoded): void {
  if (event !== undefined && isMisheard(event)) encoded.misheard = event
}

/** Most texts are one line of JSON, which has no line end in it. */
function isOneLine (text: string): boolean {
  return !text.includes('\n') && !text.includes('\r')
}

function lines (name: string, text: string): string {
  if (isOneLine(text)) return text === '' ? `${name}\n` : `${name} ${text}\n`
  return text.split(LINE_ENDS).map((line) => line === '' ? `${name}\n` : `${name} ${line}\n`).join('')
}
