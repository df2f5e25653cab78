/**
 * The text of an event stream (WHATWG HTML 9.2.5). Fields were checked in `event.ts`; here they only become lines.
 */
import { checkEvent, type EventFields, type ServerSentEvent } from './event.ts'

/** CR LF, CR and LF all end a line, so data is split at each of them; a client joins the lines with LF. */
const LINE_ENDS = /\r\n|\r|\n/

let lastHead = { event: '', text: 'event: \ndata: ' }

/**
 * The bytes of one event, as UTF-8, with the blank line that ends it.
 *
 * @throws FST_EVENTFEED_BAD_FIELD, FST_EVENTFEED_BAD_EVENT
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
export function encode (event: ServerSentEvent | string): Buffer {
  return Buffer.from(encodeFields(checkEvent(event)))
}

/** The text of one event. The id comes last: a client that commits it before the event is whole loses nothing when the line is cut in between. */
export function encodeFields (fields: EventFields): string {
  const { event, data, id, retry, comment } = fields
  // the usual event, in fewer steps
  if (event !== undefined && data !== undefined && data !== '' && id !== undefined && retry === undefined && comment === undefined && isOneLine(data)) {
    return `${headOf(event)}${data}\nid: ${id}\n\n`
  }
  return `${encodeBody(fields)}${fields.id === undefined ? '' : idLine(fields.id)}\n`
}

/** The lines of an event but the id and the blank line at its end. */
export function encodeBody ({ comment, event, data, retry }: Omit<EventFields, 'id'>): string {
  let text = ''
  if (comment !== undefined) text += lines(':', comment)
  if (event !== undefined) text += `event: ${event}\n`
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

/** What stands before the data of an event of this type: the same again and again in most streams. */
function headOf (event: string): string {
  if (event !== lastHead.event) lastHead = { event, text: ['event: ', event, '\ndata: '].join('') }
  return lastHead.text
}

/** Most texts are one line of JSON, which has no line end in it. */
function isOneLine (text: string): boolean {
  return !text.includes('\n') && !text.includes('\r')
}

function lines (name: string, text: string): string {
  if (isOneLine(text)) return text === '' ? `${name}\n` : `${name} ${text}\n`
  return text.split(LINE_ENDS).map((line) => line === '' ? `${name}\n` : `${name} ${line}\n`).join('')
}
