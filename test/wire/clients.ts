/**
 * Two clients from npm that share no code, behind one face: bytes in, what was dispatched out. `EventSource` keeps the last
 * event ID from event to event, as the standard says; eventsource-parser gives the id of each event as it stands.
 */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createParser } from 'eventsource-parser'
import { EventSource } from 'undici'

/** What eventsource-parser makes of a stream. */
export interface ParsedStream {
  readonly events: Array<{ type: string, data: string, id: string | undefined }>
  readonly retries: number[]
  readonly comments: string[]
}

/** Reads chunks of bytes with eventsource-parser. A line that is no field fails the test: we write none. */
export function readByEventSourceParser (chunks: Iterable<Uint8Array>): ParsedStream {
  const read: ParsedStream = { events: [], retries: [], comments: [] }
  const parser = createParser({
    onEvent: ({ event = 'message', data, id }) => { read.events.push({ type: event, data, id }) },
    onRetry: (retryMs) => { read.retries.push(retryMs) },
    onComment: (comment) => { read.comments.push(comment) },
    onError: (error) => { throw error }
  })
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for (const chunk of chunks) parser.feed(decoder.decode(chunk, { stream: true }))
  parser.feed(decoder.decode())
  return read
}

/** What an `EventSource` dispatches. */
export interface Dispatched { readonly type: string, readonly data: string, readonly lastEventId: string }

/** The type of an event that is sent after a stream, so that its reader knows that all was dispatched. */
const LAST_TYPE = 'the reader may close now'

/** undici's `EventSource`, over a real server on this machine: one server for many streams. */
export class EventSourceReader {
  readonly #server: Server
  readonly #streams = new Map<string, readonly Uint8Array[]>()
  #opened = 0

  private constructor () {
    this.#server = createServer((request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      // each chunk is one HTTP chunk, so the client reads them one by one, however TCP cuts them
      for (const chunk of this.#streams.get(request.url ?? '') ?? []) response.write(chunk)
      response.write(`event: ${LAST_TYPE}\ndata:\n\n`)
    })
  }

  /** Starts the server. */
  static async start (): Promise<EventSourceReader> {
    const reader = new EventSourceReader()
    await once(reader.#server.listen(0, '127.0.0.1'), 'listening')
    return reader
  }

  /** Reads one stream, whose chunks must not be empty, to its end. */
  async read (chunks: readonly Uint8Array[]): Promise<Dispatched[]> {
    const { port } = this.#server.address() as AddressInfo // it listens on a port, so the address is one
    const path = `/${++this.#opened}`
    this.#streams.set(path, chunks)
    const dispatched: Dispatched[] = []
    await new Promise<void>((resolve, reject) => {
      const source = new ListeningToAll(`http://127.0.0.1:${port}${path}`, (event) => {
        if (!isMessage(event)) {
          if (event.type === 'open') return
          source.close()
          reject(new Error(`the EventSource dispatched ${event.type}`))
        } else if (event.type === LAST_TYPE) {
          source.close()
          resolve()
        } else {
          dispatched.push({ type: event.type, data: event.data, lastEventId: event.lastEventId })
        }
      })
    })
    this.#streams.delete(path)
    return dispatched
  }

  /** Stops the server, and cuts what is still open. */
  async stop (): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}

interface Message { type: string, data: string, lastEventId: string }

/** Messages may be of any type, `open` and `error` too; what makes them messages is that they have data. */
function isMessage (event: { type: string }): event is Message {
  return 'data' in event
}

/** An `EventSource` that tells of every event, because listeners cannot be added for types that are not known. */
class ListeningToAll extends EventSource {
  readonly #onEvent: (event: { type: string }) => void

  constructor (url: string, onEvent: (event: { type: string }) => void) {
    super(url)
    this.#onEvent = onEvent
  }

  override dispatchEvent (event: Parameters<EventSource['dispatchEvent']>[0]): boolean {
    this.#onEvent(event)
    return super.dispatchEvent(event)
  }
}
