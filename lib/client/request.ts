/** What the client asks: the form with control events, and where it stands. */
import { LAST_EVENT_ID_HEADER, LAST_EVENT_ID_PARAMETER } from '../wire/protocol.ts'

/**
 * Asks for control events. No CORS preflight is needed for it.
 * @see https://fetch.spec.whatwg.org/#cors-safelisted-request-header
 */
export const ACCEPT = 'text/event-stream, text/event-stream;control=events'

/** Whatever `Headers` is made of. */
export type HeadersGiven = ConstructorParameters<typeof Headers>[0]

/**
 * Says the last event ID, if there is one: in the header, as UTF-8, like `EventSource`. Returns the URL, with the ID
 * where it must stand there.
 *
 * @param inQuery the ID stands in the query, as where a CORS preflight must be avoided
 */
export function sayLastEventId (url: string, lastEventId: string, headers: Headers, inQuery: boolean): string {
  if (lastEventId === '') return url
  if (!inQuery && isHeaderValue(lastEventId)) {
    headers.set(LAST_EVENT_ID_HEADER, String.fromCharCode(...new TextEncoder().encode(lastEventId)))
    return url
  }
  const [path = '', hash] = url.split('#', 2)
  const asked = `${path}${path.includes('?') ? '&' : '?'}${LAST_EVENT_ID_PARAMETER}=${encodeURIComponent(lastEventId)}`
  return hash === undefined ? asked : `${asked}#${hash}`
}

/** Headers lose white space around a value, and hold no control characters. */
function isHeaderValue (text: string): boolean {
  return !/[^\x20-\x7e\x80-\uffff]|^ | $/.test(text)
}
