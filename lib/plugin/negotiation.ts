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
/** A range with this parameter is refused by the client. */
const REFUSED = /^q=0(\.0*)?$/

/** What is looked at of a request. */
interface Headers { readonly headers: { readonly accept?: string | undefined } }

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

/** True where the header says the name itself. Names of types are read in any case. */
function namesEventStream (accept: string): boolean {
  return accept === EVENT_STREAM || new Negotiator({ headers: { accept } }).mediaTypes().some((type) => type.toLowerCase() === EVENT_STREAM)
}

function namesControlEvents (range: string): boolean {
  const [type, ...parameters] = range.toLowerCase().split(';').map((part) => part.trim())
  return type === EVENT_STREAM && parameters.some((part) => CONTROL_EVENTS.has(part)) && !parameters.some((part) => REFUSED.test(part))
}
