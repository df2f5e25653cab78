/** A person with a browser: logged in by a cookie, with any number of tabs, each of which has an `EventSource`. */
import { EventSource } from 'eventsource'
import type { FastifyInstance } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { eventually } from '../story/raw-client.ts'

/** A recipe that is served. */
export interface Served {
  readonly origin: string
  /** Cuts the lines of all open streams. */
  cut (): void
}

/** Serves a recipe until the test ends, at any port that is free or at a given one. */
export async function serve (
  t: Test, app: Pick<FastifyInstance, 'close' | 'listen' | 'server'>, port = 0
): Promise<Served> {
  const open = new Set<ServerResponse>()
  app.server.prependListener('request', (_request, response) => {
    open.add(response)
    response.once('close', () => { open.delete(response) })
  })
  t.teardown(() => app.close())
  return {
    origin: await app.listen({ port, host: '127.0.0.1' }),
    cut: () => { for (const { socket } of open) socket?.destroy() }
  }
}

/** What a page sees of an event: its data as JSON says it. */
export interface Shown { readonly type: string, readonly data: unknown, readonly id: string }

/** A page with a stream. */
export class Tab {
  /** All that came, control events too, in the order in which it came. */
  readonly events: Shown[] = []
  readonly #source: EventSource

  constructor (t: Test, url: string, cookie = '') {
    const fetchAsLoggedIn: typeof fetch = (input, init) => {
      return fetch(input, { ...init, headers: { ...init?.headers, cookie } })
    }
    this.#source = new ListeningToAll(url, { fetch: fetchAsLoggedIn }, (shown) => { this.events.push(shown) })
    t.teardown(() => this.close())
  }

  /** The data of all events of a type. */
  all (type: string): unknown[] {
    return this.events.flatMap((event) => event.type === type ? [event.data] : [])
  }

  /** Waits until `count` events of a type have come. Gives the data of all of them. */
  async until (type: string, count = 1): Promise<unknown[]> {
    await this.#eventually(() => this.all(type).length >= count, `${count} × ${type}`)
    return this.all(type)
  }

  /** Waits until the browser has given up for good. */
  async untilStopped (): Promise<void> {
    await this.#eventually(() => this.#source.readyState === this.#source.CLOSED, 'the page stops')
  }

  close (): void {
    this.#source.close()
  }

  async #eventually (fact: () => boolean, what: string): Promise<void> {
    await eventually(fact, what).catch((error: Error) => {
      throw new Error(`${error.message}: ${JSON.stringify(this.events)}`)
    })
  }
}

interface Request extends RequestInit { headers?: Record<string, string> }

/** A person, and the application that this person uses. */
export class Visitor {
  readonly #t: Test
  readonly #url: string
  readonly #cookie: string

  private constructor (t: Test, url: string, cookie: string) {
    this.#t = t
    this.#url = url
    this.#cookie = cookie
  }

  /** Somebody who is not logged in. `url` is where the application is served, without a slash at its end. */
  static nobody (t: Test, url: string): Visitor {
    return new Visitor(t, url, '')
  }

  /** Somebody who has logged in. */
  static async login (t: Test, url: string, user: string): Promise<Visitor> {
    const response = await Visitor.nobody(t, url).#send('POST', '/login', { user })
    await response.text()
    return new Visitor(t, url, response.headers.get('set-cookie')?.split(';')[0] ?? '')
  }

  /** Opens a tab. */
  open (path: string): Tab {
    return new Tab(this.#t, `${this.#url}${path}`, this.#cookie)
  }

  /** What `fetch` gives. */
  async fetch (path: string, { headers, ...init }: Request = {}): Promise<Response> {
    // a connection that is kept would be that of a server which the test has closed
    const sent = { connection: 'close', ...headers, cookie: this.#cookie }
    return await fetch(`${this.#url}${path}`, { ...init, headers: sent })
  }

  /** The status of an answer. */
  async status (method: string, path: string, body?: unknown): Promise<number> {
    const response = await this.#send(method, path, body)
    await response.text()
    return response.status
  }

  /** The JSON of an answer; fails where it is no success. */
  async ask<Answer = unknown> (method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await this.#send(method, path, body)
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return JSON.parse(text)
  }

  async #send (method: string, path: string, body: unknown): Promise<Response> {
    if (body === undefined) return await this.fetch(path, { method })
    const headers = { 'content-type': 'application/json' }
    return await this.fetch(path, { method, headers, body: JSON.stringify(body) })
  }
}

/** An `EventSource` that tells of every event, because listeners cannot be added for types that are not known. */
class ListeningToAll extends EventSource {
  readonly #onEvent: (shown: Shown) => void

  constructor (url: string, options: ConstructorParameters<typeof EventSource>[1], onEvent: (shown: Shown) => void) {
    super(url, options)
    this.#onEvent = onEvent
  }

  override dispatchEvent (event: Event): boolean {
    if (event instanceof MessageEvent) {
      this.#onEvent({ type: event.type, data: JSON.parse(event.data), id: event.lastEventId })
    }
    return super.dispatchEvent(event)
  }
}
