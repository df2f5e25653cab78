/**
 * A client of one event stream: it keeps every byte, comes back with its last event ID when the line is cut, as a
 * browser does, and
 * can leave or stall.
 */
import type { FastifyInstance } from 'fastify'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect, type ClientHttp2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { createParser } from 'eventsource-parser'

/** How a client reaches the server. */
export type Way = 'HTTP/1.1' | 'HTTP/2' | 'inject'

/** An event as a client sees it, and on which of its connections. */
export interface Seen {
  readonly event: string,
  readonly data: string,
  readonly id: string | undefined,
  readonly connection: number
}

/** More connections than this in one run are a loop. */
const MOST_CONNECTIONS = 12

/** Each connection of a client is a socket of its own. */
const agent = new Agent({ keepAlive: false })

/** One client. */
export class Client {
  readonly events: Seen[] = []
  /** All that was received, on all connections. */
  text = ''
  /** The statuses of the responses, in order. */
  readonly statuses: number[] = []
  connections = 0
  isOpen = false
  /** True when it has seen `stream:done`, or 204: it does not come back. */
  isDone = false
  lastEventId: string | undefined
  /** False: it stays away when its stream has ended. */
  comesBack = true
  readonly #app: FastifyInstance
  readonly #path: string
  readonly #way: Way
  readonly #headers: Readonly<Record<string, string>>
  #body: Readable | undefined
  #leave: () => void = () => {}

  constructor (app: FastifyInstance, path: string, way: Way, headers: Readonly<Record<string, string>> = {}) {
    this.#app = app
    this.#path = path
    this.#way = way
    this.#headers = headers
  }

  /** Connects. */
  open (): void {
    if (this.connections >= MOST_CONNECTIONS) return
    this.connections++
    this.isOpen = true
    const headers = {
      accept: 'text/event-stream',
      'cache-control': 'no-cache',
      ...this.#headers,
      ...this.lastEventId === undefined ? {} : { 'last-event-id': this.lastEventId }
    }
    if (this.#way === 'HTTP/1.1') this.#openHttp1(headers)
    else if (this.#way === 'HTTP/2') this.#openHttp2(headers)
    else this.#inject(headers)
  }

  /** Leaves, for good. */
  leave (): void {
    this.comesBack = false
    this.cut()
  }

  /** The line is cut. */
  cut (): void { this.#leave() }

  stall (): void { this.#body?.pause() }

  flow (): void { this.#body?.resume() }

  #openHttp1 (headers: Record<string, string>): void {
    const options = { port: portOf(this.#app), host: '127.0.0.1', path: this.#path, headers, agent }
    const sent = request(options, (response: IncomingMessage) => {
      this.#reads(response, response.statusCode ?? 0)
    })
    // a reset is one way to be closed
    sent.on('error', () => { this.#closed() })
    this.#leave = () => { sent.destroy() }
    sent.end()
  }

  #openHttp2 (headers: Record<string, string>): void {
    const session: ClientHttp2Session = connect(`http://127.0.0.1:${portOf(this.#app)}`)
    session.on('error', () => {})
    const stream = session.request({ ':path': this.#path, ...headers })
    stream.on('response', ({ ':status': status }) => { this.#reads(stream, Number(status)) })
    stream.on('error', () => {})
    stream.on('close', () => {
      session.close()
      this.#closed()
    })
    this.#leave = () => { session.destroy() }
  }

  #inject (headers: Record<string, string>): void {
    const leaving = new AbortController()
    this.#leave = () => { leaving.abort() }
    this.#app.inject({ url: this.#path, headers, payloadAsStream: true, signal: leaving.signal }).then((response) => {
      this.#reads(response.stream(), response.statusCode)
    }, () => { this.#closed() })
  }

  #reads (body: Readable, status: number): void {
    this.#body = body
    this.statuses.push(status)
    if (status === 204) this.isDone = true
    const connection = this.connections
    const parser = createParser({
      onEvent: ({ event = 'message', data, id }) => {
        if (id !== undefined) this.lastEventId = id
        if (event === 'stream:done') this.isDone = true
        this.events.push({ event, data, id, connection })
      }
    })
    body.setEncoding('utf8')
    body.on('data', (text: string) => {
      this.text += text
      if (status === 200) parser.feed(text)
    })
    body.on('error', () => {})
    body.on('close', () => { this.#closed() })
  }

  #closed (): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#body = undefined
    if (this.comesBack && !this.isDone) setImmediate(() => { if (this.comesBack && !this.isOpen) this.open() })
  }
}

function portOf (app: FastifyInstance): number {
  const address = app.server.address() as AddressInfo | null // it listens on a port, or not at all any more
  return address?.port ?? 1
}

/** The number of an event's data; `undefined` for what is not ours. */
export function numberIn (data: string): number | undefined {
  const n = /"n":(-?\d+)/.exec(data)?.[1]
  return n === undefined ? undefined : Number(n)
}
