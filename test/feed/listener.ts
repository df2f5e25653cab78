/** A client of one event stream over a real socket, for tests: it waits for facts, never for time. */
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createParser } from 'eventsource-parser'
import { fastify, type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { Test } from 'tap'
import eventfeed, { type EventfeedOptions } from '../../lib/index.ts'

/** An event as a client sees it. */
export interface Seen { event: string, data: string, id: string | undefined }

/** An application with the plugin, closed behind the test. */
export async function appOf (t: Test, options: EventfeedOptions = {}, server: FastifyServerOptions = {}): Promise<FastifyInstance> {
  const app: FastifyInstance = fastify({ forceCloseConnections: true, ...server } as object)
  t.teardown(() => app.close())
  await app.register(eventfeed, { drainTimeoutMs: 1, ...options })
  return app
}

/** Makes the application listen on a free port. */
export async function listen (app: FastifyInstance): Promise<void> {
  await app.listen({ host: '127.0.0.1', port: 0 })
}

export class Listener {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** All events, control events included. */
  readonly events: Seen[] = []
  /** The whole body, as it came. */
  text = ''
  hasEnded = false
  readonly #response: IncomingMessage
  #waiting: Array<() => void> = []

  private constructor (response: IncomingMessage) {
    this.status = response.statusCode ?? 0
    this.headers = response.headers
    this.#response = response
  }

  /** Opens a stream, with the last event ID where one is given. It is left behind the test. */
  static async open (t: Test, app: FastifyInstance, path: string, lastEventId?: string): Promise<Listener> {
    const { port } = app.server.address() as AddressInfo
    return await new Promise((resolve, reject) => {
      const headers = { accept: 'text/event-stream', 'cache-control': 'no-cache', ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }) }
      const request = get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
        const listener = new Listener(response)
        const parser = createParser({ onEvent: ({ event = 'message', data, id }) => { listener.events.push({ event, data, id }) } })
        response.setEncoding('utf8')
        response.on('data', (text: string) => {
          listener.text += text
          parser.feed(text)
          listener.#look()
        })
        response.on('error', () => {})
        response.on('close', () => {
          listener.hasEnded = true
          listener.#look()
        })
        t.teardown(() => request.destroy())
        resolve(listener)
      })
      request.on('error', reject)
    })
  }

  /** The events that are not control events. */
  get own (): Seen[] { return this.events.filter(({ event }) => !event.startsWith('stream:')) }

  /** Their data, read from JSON. */
  get data (): unknown[] { return this.own.map(({ data }) => JSON.parse(data) as unknown) }

  /** The last event ID of a client that has read all this. */
  get lastEventId (): string | undefined { return this.events.findLast(({ id }) => id !== undefined)?.id }

  /** The control events of one kind. */
  control (name: string): Seen[] { return this.events.filter(({ event }) => event === `stream:${name}`) }

  /** The gaps that were told. */
  get gaps (): unknown[] { return this.control('gap').map(({ data }) => JSON.parse(data) as unknown) }

  /** Waits until something is so. A stream that ends before is an error. */
  async until (isSo: (listener: this) => boolean): Promise<this> {
    while (!isSo(this)) {
      if (this.hasEnded) throw new Error(`the stream has ended before; it was: ${this.text.slice(0, 500)}`)
      await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    }
    return this
  }

  /** Waits for so many events of one's own. */
  async count (events: number): Promise<this> {
    return await this.until(({ own }) => own.length >= events)
  }

  /** Waits for the opening: a bookmark or a gap. */
  async opening (): Promise<this> {
    return await this.until(({ events }) => events.length > 0)
  }

  async ended (): Promise<this> {
    return await this.until(({ hasEnded }) => hasEnded)
  }

  /** Reads no more until `resume`. */
  pause (): void { this.#response.pause() }

  resume (): void { this.#response.resume() }

  leave (): void { this.#response.destroy() }

  #look (): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}
