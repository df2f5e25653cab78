/** `openFeed`: the events of a route, typed, over as many connections as it takes. */
import type { EventSourceMessage } from 'eventsource-parser'
import type { EventSchemas, EventTypes } from '../schema/types.ts'
import { dataReader } from './data.ts'
import { Deliveries, guard } from './deliveries.ts'
import { FeedError } from './errors.ts'
import { Line, type LineEnd } from './line.ts'
import { lineOptionsOf, type OpenFeedOptions } from './options.ts'
import { ACCEPT, sayLastEventId } from './request.ts'
import type { FeedState } from './states.ts'

/** One event, as a page gets it: told apart by `event`. */
export type FeedEvent<Types> = {
  [Type in keyof Types & string]: {
    readonly event: Type
    readonly data: Types[Type]
    /** The last event ID after this event; `''` where no event had one. */
    readonly id: string
  }
}[keyof Types & string]

/** The event of one type. */
export type FeedEventOf<Types, Type extends keyof Types & string> = FeedEvent<Pick<Types, Type>>

/** A feed that a client follows. */
export interface ClientFeed<Types> extends AsyncIterable<FeedEvent<Types>> {
  /**
   * Calls the listener with each event of a type, until what this returns is called. What a listener throws is reported
   * as an uncaught error; everything else goes on.
   */
  on<Type extends keyof Types & string> (name: Type, listener: (event: FeedEventOf<Types, Type>) => void): () => void
  /** A loop: it gets every event from its first `next` on. Reading waits for the slowest loop. */
  [Symbol.asyncIterator] (): AsyncIterableIterator<FeedEvent<Types>>
  /** Closes the feed: loops end, and listeners are not called any more. */
  close (): void
  /** Where the feed stands; `''` at the beginning. For `lastEventId` of a later visit. */
  readonly lastEventId: string
  /** True when nothing more will come. */
  readonly isClosed: boolean
}

/**
 * Follows the events of a route. The first listener or loop opens the line, so that nothing is missed. The client comes
 * back whenever the line is cut, with its last event ID, until the server has said all.
 *
 * It ends at `stream:done` and at a 204, by `close()` and the `signal`, when its last loop is left and no listener is
 * there, and with an error: loops reject with it, and `onState` gets it with the state `closed`. A feed that has ended
 * is not opened again.
 *
 * @param url absolute, or relative to the page
 * @throws FeedError FST_EVENTFEED_CLIENT_BAD_OPTION
 */
export function openFeed<const Schemas extends EventSchemas> (
  url: string | URL, options: OpenFeedOptions & { readonly events: Schemas }
): ClientFeed<EventTypes<Schemas>>
/**
 * @typeParam Types the data types of the events, such as `SchemaEvents<typeof schema>` of the route's schema, where only
 *   types are to reach the page
 */
export function openFeed<Types = Record<string, unknown>> (
  url: string | URL, options?: OpenFeedOptions & { readonly events?: undefined }
): ClientFeed<Types>
export function openFeed (url: string | URL, options: OpenFeedOptions = {}): ClientFeed<Record<string, unknown>> {
  // its listeners get events of the type that they have named
  return new OpenedFeed(String(url), options) as ClientFeed<Record<string, unknown>>
}

/** What surrounds `fetch` in browsers; Node has no cache. */
type CachedRequest = RequestInit & { readonly cache: 'no-store' }

type AnyEvent = FeedEvent<Record<string, unknown>>

class OpenedFeed {
  readonly #deliveries = new Deliveries<AnyEvent>(() => { this.close() })
  readonly #line: Line
  readonly #url: string
  readonly #options: OpenFeedOptions
  readonly #onAbort: () => void
  #hasBegun = false
  #isClosed = false

  constructor (url: string, options: OpenFeedOptions) {
    const { body, method, signal, lastEventId = '' } = options
    const read = dataReader(options)
    this.#url = url
    this.#options = { ...options }
    if (body !== undefined && method?.toUpperCase() === 'GET') throw new FeedError('BAD_OPTION', 'a GET has no body')
    this.#line = new Line({
      request: async (lastEventId, attempt, signal) => await this.#ask(lastEventId, attempt, signal),
      ready: () => this.#deliveries.drained(),
      onState: (state) => { this.#tell(state) },
      onEvent: ({ event = 'message', data: text }: EventSourceMessage) => {
        let data: unknown
        try {
          data = read(event, text)
        } catch (error) {
          // only this is thrown there
          this.#tell({ state: 'skipped', event, text, error: error as FeedError })
          return
        }
        this.#deliveries.push({ event, data, id: this.#line.lastEventId })
      }
    }, lineOptionsOf(options, Infinity), lastEventId)
    this.#onAbort = () => { this.#finish({ isFinal: true, error: signal?.reason }) }
    if (signal?.aborted === true) this.#onAbort()
    else signal?.addEventListener('abort', this.#onAbort)
  }

  get lastEventId (): string { return this.#line.lastEventId }
  get isClosed (): boolean { return this.#isClosed }

  on (name: string, listener: (event: AnyEvent) => void): () => void {
    if (this.#isClosed) return () => {}
    const off = this.#deliveries.on(name, listener)
    this.#begin()
    return off
  }

  [Symbol.asyncIterator] (): AsyncIterableIterator<AnyEvent> {
    return this.#deliveries.loop(() => { this.#begin() })
  }

  close (): void {
    this.#finish({ isFinal: true })
  }

  #begin (): void {
    if (this.#hasBegun || this.#isClosed) return
    this.#hasBegun = true
    this.#line.run().then((end) => { this.#finish(end) })
  }

  async #ask (lastEventId: string, attempt: number, signal: AbortSignal): Promise<Response> {
    const { headers: given, body, method, credentials, redirect, lastEventIdIn, fetch = globalThis.fetch } = this.#options
    const headers = new Headers(typeof given === 'function' ? await given({ attempt, lastEventId }) : given)
    if (!headers.has('accept')) headers.set('accept', ACCEPT)
    const url = sayLastEventId(this.#url, lastEventId, headers, lastEventIdIn === 'query')
    signal.throwIfAborted()
    const request: CachedRequest = {
      method: method ?? (body === undefined ? 'GET' : 'POST'), headers, body, credentials, redirect, signal, cache: 'no-store'
    }
    return await fetch(url, request)
  }

  #tell (state: FeedState): void {
    const { onState } = this.#options
    if (onState !== undefined) guard(onState, state)
  }

  /** Once, whoever is the first to say so. */
  #finish (end: LineEnd): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#line.close(end)
    const { error, reason } = end
    this.#deliveries.end({ hasFailed: error !== undefined, error })
    this.#tell({ state: 'closed', ...reason === undefined ? {} : { reason }, ...error === undefined ? {} : { error } })
  }
}
