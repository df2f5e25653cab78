/**
 * The last event ID of a request (WHATWG HTML 9.2.3), and the ids of streams that carry the positions of several feeds.
 */
import { MOST_ID_BYTES } from '../defaults.ts'
import { IdTooLong } from '../errors.ts'
import { LAST_EVENT_ID_PARAMETER } from './protocol.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The last event ID that a client sent: the header, else the query parameter, else `undefined`. An empty one is absent.
 *
 * A client sends the header as UTF-8, and Node reads headers as latin1; what is no UTF-8 is given as Node read it.
 *
 * @param header `request.headers['last-event-id']`
 * @param url the raw URL, because validation may strip or refuse the parameter
 */
export function readLastEventId (header: string | string[] | undefined, url: string): string | undefined {
  const text = Array.isArray(header) ? header.join(', ') : header
  if (text !== undefined && text !== '') return decode(text)
  const start = url.indexOf('?')
  if (start === -1) return undefined
  return new URLSearchParams(url.slice(start + 1)).get(LAST_EVENT_ID_PARAMETER)?.replace(/[\r\n\0]/g, '') || undefined
}

/** What may stand in an event ID that lists positions: no comma, no `=`, nothing that ends a line. */
const NAME = /^[^\s,=~\p{Cc}][^\s,=\p{Cc}]{0,127}$/u

/** True for what may be the name of a feed, and the id of a run or a room: it may stand in an event ID. */
export function isFeedName (name: unknown): name is string {
  return typeof name === 'string' && NAME.test(name)
}

/**
 * The id of an event on a stream of several feeds: `feed=position` pairs, so that each feed resumes by itself. Throws
 * `FST_EVENTFEED_ID_TOO_LONG` for one that would have more than 4,000 bytes.
 */
export function joinPositions (positions: ReadonlyMap<string, string>): string {
  const id = Array.from(positions, ([feed, position]) => `${feed}=${position}`).join(',')
  if (id.length <= MOST_ID_BYTES / 3) return id
  const bytes = Buffer.byteLength(id)
  if (bytes > MOST_ID_BYTES) throw new IdTooLong(positions.size, bytes, MOST_ID_BYTES)
  return id
}

/**
 * The positions in such an id, or `undefined` where it is none. A feed that is named twice, or not at all, makes it
 * none.
 */
export function splitPositions (id: string): Map<string, string> | undefined {
  const positions = new Map<string, string>()
  for (const pair of id.split(',')) {
    const equals = pair.indexOf('=')
    const feed = pair.slice(0, equals)
    if (equals < 1 || positions.has(feed)) return undefined
    positions.set(feed, pair.slice(equals + 1))
  }
  return positions
}

function decode (latin1: string): string {
  try {
    return utf8.decode(Buffer.from(latin1, 'latin1'))
  } catch {
    return latin1
  }
}
