/** Whether a request accepts an event stream (RFC 9110, 12.5.1). */
import Negotiator from 'negotiator'

const EVENT_STREAM = 'text/event-stream'
/** `fetch` sends this by itself, as `EventSource` sends the name: both are answered without a parser. */
const ANY_TYPE = '*/*'

/** What is looked at of a request. */
interface Headers { readonly headers: { readonly accept?: string | undefined } }

/**
 * True where `Accept` allows an event stream: by its name, by `text/*` or any type, or because it is absent, or
 * empty, which says as little.
 */
export function acceptsEventStream ({ headers: { accept } }: Headers): boolean {
  if (accept === undefined || accept === EVENT_STREAM || accept === ANY_TYPE || accept.trim() === '') return true
  return new Negotiator({ headers: { accept } }).mediaType([EVENT_STREAM]) !== undefined
}

/** True where `Accept` says the name itself, as every `EventSource` does. */
export function namesEventStream ({ headers: { accept } }: Headers): boolean {
  if (accept === undefined || accept === ANY_TYPE) return false
  return accept === EVENT_STREAM || new Negotiator({ headers: { accept } }).mediaTypes().includes(EVENT_STREAM)
}
