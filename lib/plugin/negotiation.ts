/**
 * What the `Accept` header of a request says of event streams (RFC 9110, 12.5.1): whether it accepts one, and whether
 * its client handles control events.
 */
import Negotiator from 'negotiator'

const EVENT_STREAM = 'text/event-stream'
/** `fetch` sends this by itself, as `EventSource` sends the name: both are answered without a parser. */
const ANY_TYPE = '*/*'
/** The parameter by which a client that is no `EventSource` says that it handles control events. */
const CONTROL_EVENTS = new Set(['control=events', 'control="events"'])
const NO_CACHE = 'no-cache'
/** A range with this parameter is refused by the client. */
const REFUSED = /^q=0(\.0*)?$/

/** What is looked at of a request. */
interface Headers {
  readonly headers: {
    readonly accept?: string | undefined
    readonly 'cache-control'?: string | undefined
    readonly pragma?: string | string[] | undefined
  }
}

/**
 * True where `Accept` allows an event stream: by its name, by `text/*` or any type, or because it is absent, or
 * empty, which says as little.
 */
export function acceptsEventStream (request: Headers): boolean {
  const { headers: { accept } } = request
  if (accept === undefined || accept === EVENT_STREAM || accept === ANY_TYPE || accept.trim() === '') return true
  return namesEventStream(accept) || new Negotiator({ headers: { accept } }).mediaType([EVENT_STREAM]) !== undefined
}

/**
 * True where the client handles control events. Every `EventSource` does, which sends a GET whose `Accept` names an
 * event stream. Any other client says so by `text/event-stream;control=events`.
 */
export function readsControlEvents ({ method, headers: { accept } }: Headers & { readonly method: string }): boolean {
  if (accept === undefined || accept === ANY_TYPE) return false
  return (method === 'GET' && namesEventStream(accept)) || accept.split(',').some(namesControlEvents)
}

/** True where the client says by `text/event-stream;control=events` that it handles control events. */
export function asksForControlEvents ({ headers: { accept } }: Headers): boolean {
  return accept?.split(',').some(namesControlEvents) === true
}

/**
 * True where the client does not take each end of a response for success: it says that it handles control events, or
 * it is an `EventSource`. That asks with the cache mode "no-store" (https://html.spec.whatwg.org/#the-eventsource-interface),
 * for which `Pragma: no-cache` and `Cache-Control: no-cache` are sent (https://fetch.spec.whatwg.org/#http-network-or-cache-fetch);
 * a `fetch` without options sends neither. Where a proxy strips both, an `EventSource` comes back after a cut all the
 * same.
 */
export function comesBackAfterEnds (request: Headers): boolean {
  const { headers } = request
  return isNoCache(headers['cache-control']) || isNoCache(headers.pragma) || asksForControlEvents(request)
}

/** Of one of these headers, which are lists in any case. */
function isNoCache (header: string | string[] | undefined): boolean {
  return header === NO_CACHE || String(header).toLowerCase().split(',').some((directive) => directive.trim() === NO_CACHE)
}

/** True where the header says the name itself. Names of types are read in any case. */
function namesEventStream (accept: string): boolean {
  return accept === EVENT_STREAM || new Negotiator({ headers: { accept } }).mediaTypes().some((type) => type.toLowerCase() === EVENT_STREAM)
}

function namesControlEvents (range: string): boolean {
  const [type, ...parameters] = range.toLowerCase().split(';').map((part) => part.trim())
  return type === EVENT_STREAM && parameters.some((part) => CONTROL_EVENTS.has(part)) && !parameters.some((part) => REFUSED.test(part))
}
