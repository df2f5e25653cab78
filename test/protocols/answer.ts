/** One response as its client sees it, whatever it came by: the head, the body so far, whether it has ended, and how to leave. */
import { createParser } from 'eventsource-parser'
import { StringDecoder } from 'node:string_decoder'
import { constants, createGunzip, type Gunzip } from 'node:zlib'
import { eventually } from '../story/raw-client.ts'

/** What a client can do to the line that a response comes by. */
export interface Line {
  /** Stops reading. */
  stall (): void
  /** Reads on. */
  flow (): void
  /** The ways to leave, by what the client does. */
  readonly leavings: Readonly<Record<string, () => void>>
  /** What was wrong with the bytes that came, if anything: then each wait fails. */
  readonly faults: readonly string[]
}

/** An event as a client's parser gives it. */
export interface ParsedEvent { readonly event?: string | undefined, readonly id?: string | undefined, readonly data: string }

/** One response. */
export class Answer {
  readonly method: string
  /** 0 until the head has come. */
  status = 0
  headers: Readonly<Record<string, string>> = {}
  trailers: Readonly<Record<string, string>> = {}
  /** True when the response is whole, by the rules of its protocol. */
  hasEnded = false
  /** True when it was cut: it is not whole, and nothing more comes. */
  isCut = false
  /** So many bytes of the body came, compressed or not. */
  length = 0
  readonly #line: Line
  readonly #decoder = new StringDecoder('utf8')
  #gunzip: Gunzip | undefined
  #text = ''

  constructor (method: string, line: Line) {
    this.method = method
    this.#line = line
  }

  /** The body so far, decompressed. */
  get text (): string { return this.#text }

  get leavings (): Line['leavings'] { return this.#line.leavings }

  /** The head has come. */
  begin (status: number, headers: Record<string, string>): void {
    this.status = status
    this.headers = headers
    if (headers['content-encoding'] !== 'gzip') return
    this.#gunzip = createGunzip({ finishFlush: constants.Z_SYNC_FLUSH })
    this.#gunzip.on('data', (chunk: Buffer) => { this.#text += this.#decoder.write(chunk) }).on('end', () => { this.hasEnded = true }).on('error', () => { this.isCut = true })
  }

  /** A part of the body has come. */
  push (chunk: Buffer): void {
    this.length += chunk.length
    if (this.#gunzip === undefined) this.#text += this.#decoder.write(chunk)
    else this.#gunzip.write(chunk)
  }

  end (): void {
    if (this.#gunzip === undefined) this.hasEnded = true
    else this.#gunzip.end()
  }

  cut (): void {
    if (this.hasEnded) return
    if (this.#gunzip === undefined) {
      this.isCut = true
      return
    }
    // what came by then is still read
    this.#gunzip.removeAllListeners('end').on('end', () => { this.isCut = true }).end()
  }

  stall (): void { this.#line.stall() }

  flow (): void { this.#line.flow() }

  /** Waits for the head. */
  async opened (): Promise<void> {
    await this.#fact(() => this.status > 0, 'the head comes')
  }

  /** Waits until the body has `text`. */
  async until (text: string): Promise<void> {
    await this.#fact(() => this.#text.includes(text), `${text} comes`)
  }

  /** Waits for the end of the response. */
  async whole (): Promise<void> {
    await this.#fact(() => this.hasEnded, 'the response ends')
  }

  /** Waits until nothing more comes, be it whole or not. */
  async over (): Promise<void> {
    await this.#fact(() => this.hasEnded || this.isCut, 'the response is over')
  }

  /** The events, as a parser of somebody else's reads them. Throws at what that complains of. */
  get events (): ParsedEvent[] {
    const events: ParsedEvent[] = []
    const parser = createParser({ onEvent: ({ event, id, data }) => { events.push({ event, id, data }) }, onError: (error) => { throw error } })
    parser.feed(this.#text)
    return events
  }

  /** The numbers that events carry at the beginning of their data, as `data: 17 …`. */
  get numbers (): number[] {
    return [...this.#text.matchAll(/^data: (\d+)(?=[ \n])/gm)].map(([, number]) => Number(number))
  }

  async #fact (fact: () => boolean, what: string): Promise<void> {
    const { faults } = this.#line
    await eventually(() => fact() || faults.length > 0 || this.isCut, `${what}; so far ${this.status} ${JSON.stringify(this.#text.slice(0, 300))}, ${this.length} bytes`)
    if (faults.length > 0) throw new Error(`the framing is wrong: ${faults.join('; ')}`)
    if (!fact()) throw new Error(`it was cut before ${what}: ${JSON.stringify(this.#text.slice(-300))}`)
  }
}
