/**
 * A client that reads each event as a page does: it remembers the last event ID, waits as long as `retry` says when its stream
 * has ended, and comes back. Events are parsed by eventsource-parser. It can stop reading, as a page in a tunnel does.
 */
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { get, type IncomingMessage } from 'node:http'
import type { Gap } from 'fastify-eventfeed'
import type { Continuity } from './continuity.ts'

export interface PageOptions {
  readonly port: number
  readonly path: string
  readonly continuity: Continuity
  /** Called for each event, and when the stream is open. */
  readonly onProgress: (page: Page) => void
}

/** What browsers wait where nobody says otherwise. */
const RETRY_MS = 3_000

export class Page {
  readonly continuity: Continuity
  /** What each stream has said of how long to wait. */
  readonly retries: number[] = []
  reconnects = 0
  /** True once the first event has come. */
  isPlaced = false
  readonly #options: PageOptions
  #lastEventId: string | undefined
  #response: IncomingMessage | undefined
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor (options: PageOptions) {
    this.#options = options
    this.continuity = options.continuity
    this.#connect()
  }

  /** Stops reading: the socket fills up. */
  pause (): void { this.#response?.pause() }

  resume (): void { this.#response?.resume() }

  close (): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#response?.destroy()
  }

  #connect (): void {
    const { port, path } = this.#options
    const parser = createParser({ onEvent: (event) => { this.#take(event) }, onRetry: (milliseconds) => { this.retries.push(milliseconds) } })
    const headers = { accept: 'text/event-stream', ...(this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }) }
    get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      if (response.statusCode !== 200) throw new Error(`the server answered ${response.statusCode}`)
      this.#response = response
      response.setEncoding('utf8').on('data', (text: string) => { parser.feed(text) })
      // that it was cut is seen by its close
      response.on('error', () => {}).on('close', () => { this.#comeBack() })
    }).on('error', () => { if (this.#response === undefined) this.#comeBack() })
  }

  #comeBack (): void {
    this.#response = undefined
    if (this.#isClosed) return
    this.reconnects++
    this.#timer = setTimeout(() => { this.#connect() }, this.retries.at(-1) ?? RETRY_MS)
  }

  #take ({ id, event, data }: EventSourceMessage): void {
    const before = this.#lastEventId
    if (id !== undefined) this.#lastEventId = id
    this.isPlaced = true
    if (event === 'stream:gap') this.continuity.gap(JSON.parse(data) as Gap, before)
    else if (event === 'price') this.continuity.event((JSON.parse(data) as { number: number }).number, id ?? '')
    else if (event !== 'stream:bookmark') throw new Error(`the server has sent ${event}`)
    this.#options.onProgress(this)
  }
}
