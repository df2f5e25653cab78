/** Whether a request accepts an event stream (RFC 9110, 12.5.1). */
import Negotiator from 'negotiator'

const EVENT_STREAM = 'text/event-stream'

/** What is looked at of a request. */
interface Headers { readonly headers: { readonly accept?: string | undefined } }

/** True where `Accept` allows an event stream: by its name, by `text/*` or any type, or because it is absent. */
export function acceptsEventStream (request: Headers): boolean {
  return new Negotiator({ headers: { ...request.headers } }).mediaType([EVENT_STREAM]) !== undefined
}

/** True where `Accept` says the name itself, as every `EventSource` does. */
export function namesEventStream (request: Headers): boolean {
  return request.headers.accept !== undefined && new Negotiator({ headers: { ...request.headers } }).mediaTypes().includes(EVENT_STREAM)
}
