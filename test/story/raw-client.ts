/**
 * A client of bare bytes over a TCP socket: it hides nothing of what the server sent, and can stop reading.
 */
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'

/** How long a test waits for a fact. On a busy machine facts are late, not wrong. */
const LIMIT_MS = 30_000

/** Is fulfilled when `fact` is true. It looks at each turn of the event loop, and then ever more seldom. */
export async function eventually (fact: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const limit = performance.now() + LIMIT_MS
  for (let pauseMs = 0; !await fact(); pauseMs = Math.min(pauseMs + 1, 20)) {
    if (performance.now() > limit) throw new Error(`this did not come true: ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, pauseMs) })
  }
}

/** Waits until a number stays as it is from one look to the next. Gives it. */
export async function standsStill (count: () => number, what: string): Promise<number> {
  let before = -1
  await eventually(async () => {
    const isStill = before === count()
    before = count()
    await new Promise((resolve) => { setTimeout(resolve, 20) })
    return isStill
  }, what)
  return before
}

/** What an `EventSource` says by GET, and who handles control events by any method. */
const ACCEPT = 'text/event-stream, text/event-stream;control=events'

/** One connection. */
export class RawClient {
  readonly socket: Socket
  /** True when the socket is closed, from either side. */
  isClosed = false
  /** True when the server has said that it sends nothing more. */
  hasEnded = false
  #chunks: Buffer[] = []

  private constructor (socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => { this.#chunks.push(chunk) })
    socket.on('end', () => { this.hasEnded = true })
    socket.on('close', () => { this.isClosed = true })
    // a reset is one way to be closed
    socket.on('error', () => {})
  }

  /** Connects. The socket is destroyed when the test ends, if not before. */
  static async connect (t: Test, port: number, host = '127.0.0.1'): Promise<RawClient> {
    const client = new RawClient(connect({ port, host }))
    t.teardown(() => { client.destroy() })
    await new Promise<void>((resolve, reject) => { client.socket.once('connect', resolve).once('error', reject) })
    return client
  }

  /** Connects and asks for `path`. */
  static async get (t: Test, port: number, path: string, headers: Record<string, string> = {}): Promise<RawClient> {
    const client = await RawClient.connect(t, port)
    client.ask(path, headers)
    return client
  }

  /** All that was received, one byte a character where it is not UTF-8. */
  get text (): string {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0]?.toString() ?? ''
  }

  /** How many bytes were received. */
  get length (): number {
    return this.#chunks.reduce((sum, { length }) => sum + length, 0)
  }

  get status (): number {
    return Number(/^HTTP\/1\.1 (\d{3})/.exec(this.text)?.[1])
  }

  /** The lines of the head, in lower case. */
  get head (): string[] {
    return (this.text.split('\r\n\r\n')[0] ?? '').toLowerCase().split('\r\n').slice(1)
  }

  /** What follows the head, without the framing of chunks. */
  get body (): string {
    const { text } = this
    const at = text.indexOf('\r\n\r\n')
    if (at === -1) return ''
    return this.head.includes('transfer-encoding: chunked') ? unchunked(Buffer.from(text.slice(at + 4))) : text.slice(at + 4)
  }

  /**
   * Sends the head of a request, as an `EventSource` does that could choose its method. Header values are bytes, one a
   * character.
   */
  ask (path: string, headers: Record<string, string> = {}, method = 'GET'): void {
    const lines = Object.entries({ host: 'localhost', accept: ACCEPT, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    this.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1')
  }

  /** Waits until `text` was received. */
  async until (text: string | RegExp): Promise<void> {
    await eventually(() => typeof text === 'string' ? this.text.includes(text) : text.test(this.text), `${text} in ${JSON.stringify(this.text.slice(0, 2000))}`)
  }

  /** Waits until the server has closed the connection. */
  async closed (): Promise<void> {
    await eventually(() => this.isClosed || this.hasEnded, 'the server closes the connection')
  }

  /** Waits for the end of a chunked body. */
  async whole (): Promise<void> {
    await this.until(/0\r\n\r\n$/)
  }

  /** Forgets what was received, before another request. */
  forget (): void {
    this.#chunks = []
  }

  /** Stops reading. */
  stall (): void {
    this.socket.pause()
  }

  /** Reads on. */
  flow (): void {
    this.socket.resume()
  }

  destroy (): void {
    this.socket.destroy()
  }
}

function unchunked (bytes: Buffer): string {
  const parts: Buffer[] = []
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const length = lineEnd === -1 ? 0 : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    if (!(length > 0)) return Buffer.concat(parts).toString()
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length))
    at = lineEnd + 2 + length + 2
  }
}
