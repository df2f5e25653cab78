/** A client that plays a script over a bare socket, and keeps what it got. For that over HTTP/2 see fuzz-client-http2.ts. */
import { connect, type Socket } from 'node:net'
import { TURNS_PER_SOCKET } from '../../lib/defaults.ts'
import type { Leg, Run } from './fuzz-script.ts'
import { turns } from './fuzz-source.ts'
import { responsesIn, type Response } from './http-bytes.ts'
import { resetSocket } from './reset-socket.ts'

/** What a client got on one connection. */
export interface Received {
  responses (): ReadonlyArray<Response | undefined>
  /** True where the client did nothing that lets a server cut the line. */
  readonly isPatient: boolean
}

/** What a client needs to know while it waits. */
export interface Surroundings {
  readonly port: number
  /** Takes what is to be closed when no stream is open any more: a client may stay without reading. */
  linger (close: () => void): void
  /** False where nothing more may be asked; it takes what waits until all that was asked has arrived. */
  mayAsk (arrived: () => Promise<void>): boolean
  /** Called again and again while a client waits for the end: what waits for what never comes is to be ended. */
  nudge (): void
}

/** How long a client waits for the end of a stream, before that is a fault. */
export const LIMIT_MS = 20_000

/** What a client sends beside its last event ID. */
export function requestHeaders ({ accept, isEventSource }: Run): Record<string, string> {
  return { accept, 'cache-control': isEventSource ? 'no-cache' : 'max-age=0' }
}

/** One connection, from the request to its end. Fails where the server never ends a stream that the client reads to the end. */
export async function playLeg (path: string, run: Run, leg: Leg, headers: Record<string, string>, { port, nudge }: Surroundings): Promise<Received> {
  const client = new Client(port)
  let isPatient = leg.leave === 'read to the end'
  try {
    for (let count = 0; count < run.ahead; count++) client.ask('/ahead', '1.1', {})
    client.ask(path, run.http, { ...requestHeaders(run), ...headers })
    // what follows a request of HTTP/1.0 may make the end of its connection a reset
    const behind = run.http === '1.1' ? run.behind : 0
    for (let count = 0; count < behind; count++) client.ask('/quiet', '1.1', {})
    if (run.ahead + behind > TURNS_PER_SOCKET) isPatient = false
    for (const step of leg.steps) {
      if (step.do === 'turns') await turns(step.count)
      if (step.do === 'bytes') await client.receive(step.count)
      if (step.do === 'pause') await new Promise((resolve) => { setTimeout(resolve, step.ms) })
      if (step.do === 'stall') client.socket.pause()
      if (step.do === 'flow') client.socket.resume()
      if (step.do === 'ask' && run.http === '1.1') client.ask('/behind', '1.1', {})
      if (step.do === 'junk') { client.socket.write('\x00 no request \r\n\r\n'); isPatient = false }
    }
    if (leg.leave === 'close') client.socket.destroy()
    if (leg.leave === 'reset') resetSocket(client.socket)
    if (leg.leave === 'half close') client.socket.end()
    client.socket.resume()
    if (leg.leave === 'read to the end' || leg.leave === 'half close') await client.whole(run.ahead, nudge)
  } finally {
    client.socket.destroy()
  }
  return { responses: () => responsesIn(client.bytes, client.hasEnded), isPatient }
}

class Client {
  readonly socket: Socket
  hasEnded = false
  isClosed = false
  #chunks: Buffer[] = []
  #length = 0

  constructor (port: number) {
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.on('data', (chunk: Buffer) => { this.#chunks.push(chunk); this.#length += chunk.length })
    this.socket.on('end', () => { this.hasEnded = true })
    this.socket.on('close', () => { this.isClosed = true })
    // a reset is one way to be closed
    this.socket.on('error', () => {})
  }

  get bytes (): Buffer {
    if (this.#chunks.length > 1) this.#chunks = [Buffer.concat(this.#chunks)]
    return this.#chunks[0] ?? Buffer.alloc(0)
  }

  ask (path: string, version: string, headers: Record<string, string>): void {
    const lines = Object.entries({ host: 'localhost', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
    this.socket.write(`GET ${path} HTTP/${version}\r\n${lines.join('')}\r\n`, 'latin1')
  }

  /** Waits for more bytes, as long as some come. */
  async receive (more: number): Promise<void> {
    const wanted = this.#length + more
    for (let quiet = 0, seen = this.#length; this.#length < wanted && !this.isClosed && quiet < 40; quiet++) {
      if (seen !== this.#length) quiet = 0
      seen = this.#length
      await turns(1)
    }
  }

  /** Waits until the response behind `ahead` others is whole, or no more comes. */
  async whole (ahead: number, nudge: () => void): Promise<void> {
    const limit = performance.now() + LIMIT_MS
    for (let seen = -1, pauseMs = 0; !this.isClosed && !this.hasEnded; pauseMs = Math.min(pauseMs + 1, 10)) {
      if (seen !== this.#length && this.#mayBeWhole() && responsesIn(this.bytes, false)[ahead]?.isWhole === true) return
      seen = this.#length
      if (performance.now() > limit) throw new Error(`a client waits in vain for the end; what it got ends with ${JSON.stringify(this.bytes.subarray(-200).toString())}`)
      nudge()
      await new Promise((resolve) => { setTimeout(resolve, pauseMs) })
    }
    // the last bytes and the end may be read in this turn
    await turns(1)
  }

  /** To look into all bytes each time would take too long. */
  #mayBeWhole (): boolean {
    return this.#length < 20_000 || this.bytes.subarray(-4_000).includes('0\r\n\r\n') || this.bytes.at(-1) === 0x7d
  }
}
