/** Clients: one for each protocol, with the same few words. */
import type { FastifyInstance } from 'fastify'
import { connect as connectSession, constants, type ClientHttp2Session } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex, Readable } from 'node:stream'
import { resetSocket } from '../hostile/reset-socket.ts'
import { eventually } from '../story/raw-client.ts'
import { Answer, type Line } from './answer.ts'
import { Http1Responses } from './http1-responses.ts'

/** What an `EventSource` says by GET, and who handles control events by any method. */
const ACCEPT = 'text/event-stream, text/event-stream;control=events'

export interface Asked { readonly method?: 'GET' | 'HEAD' | 'POST', readonly headers?: Readonly<Record<string, string>> }

/** A client, with one connection. */
export interface Peer {
  /** Asks for `path`. The answer comes later. */
  ask (path: string, asked?: Asked): Answer
  /** True when the connection is closed, from whichever side. */
  readonly isClosed: boolean
  /** Waits until the server has closed the connection. */
  closed (): Promise<void>
  destroy (): void
}

/** The connection under a peer: what bytes go through, and what lies below it where that is another, as under TLS. */
export interface Wire { readonly stream: Duplex, readonly bottom: Duplex }

/** A client of HTTP/1 that hides nothing. */
export class Http1Peer implements Peer {
  isClosed = false
  readonly #wire: Wire
  readonly #version: '1.0' | '1.1'
  readonly #headers: Readonly<Record<string, string>>
  readonly #responses: Http1Responses
  readonly #line: Line
  /** What is asked in one go before each request, and behind it. */
  readonly beside: { readonly before: string | undefined, readonly behind: string | undefined }

  constructor (wire: Wire, version: '1.0' | '1.1', headers: Readonly<Record<string, string>> = {}, beside: Http1Peer['beside'] = { before: undefined, behind: undefined }) {
    this.#wire = wire
    this.#version = version
    this.#headers = headers
    this.beside = beside
    const responses = this.#responses = new Http1Responses(version)
    const { stream } = wire
    stream.on('data', (chunk: Buffer) => { responses.push(chunk) })
    stream.on('end', () => { this.isClosed = true; responses.closed(true) })
    stream.on('close', () => { this.isClosed = true; responses.closed(false) })
    for (const each of new Set([stream, wire.bottom])) each.on('error', () => {})
    this.#line = { stall: () => { stream.pause() }, flow: () => { stream.resume() }, leavings: leavingsOf(wire), faults: responses.faults }
  }

  ask (path: string, asked: Asked = {}): Answer {
    const { before, behind } = this.beside
    let text = ''
    const add = (each: string, { method = 'GET', headers = {} }: Asked = {}): Answer => {
      const answer = new Answer(method, this.#line)
      this.#responses.expect(answer)
      const lines = Object.entries({ host: 'localhost', accept: ACCEPT, ...this.#headers, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`)
      text += `${method} ${each} HTTP/${this.#version}\r\n${lines.join('')}\r\n`
      return answer
    }
    if (before !== undefined) add(before)
    const answer = add(path, asked)
    if (behind !== undefined) add(behind)
    this.#wire.stream.write(text, 'latin1')
    return answer
  }

  async closed (): Promise<void> {
    await eventually(() => this.isClosed, 'the server closes the connection')
  }

  destroy (): void {
    this.#wire.stream.destroy()
    this.#wire.bottom.destroy()
  }
}

function leavingsOf ({ stream, bottom }: Wire): Record<string, () => void> {
  const leavings: Record<string, () => void> = {
    'ends its side': () => { stream.end() },
    'destroys the connection': () => { stream.destroy(); bottom.destroy() }
  }
  if (bottom instanceof Socket) leavings['resets the connection'] = () => { resetSocket(bottom) }
  return leavings
}

/** A client of HTTP/2: one session, a stream for each answer. */
export class Http2Peer implements Peer {
  isClosed = false
  readonly session: ClientHttp2Session
  readonly #wire: Wire
  readonly #faults: string[] = []

  constructor (wire: Wire) {
    this.#wire = wire
    this.session = connectSession('http://localhost', { createConnection: () => wire.stream })
    this.session.on('error', () => {})
    this.session.on('close', () => { this.isClosed = true })
    wire.bottom.on('error', () => {})
  }

  ask (path: string, { method = 'GET', headers = {} }: Asked = {}): Answer {
    const stream = this.session.request({ ':method': method, ':path': path, accept: ACCEPT, ...headers })
    const answer = new Answer(method, {
      stall: () => { stream.pause() },
      flow: () => { stream.resume() },
      leavings: {
        'resets the stream': () => { stream.close(constants.NGHTTP2_CANCEL) },
        'destroys the session': () => { this.session.destroy() },
        'resets the connection': () => { if (this.#wire.bottom instanceof Socket) resetSocket(this.#wire.bottom) }
      },
      faults: this.#faults
    })
    stream.on('response', (received) => {
      const names = Object.keys(received).filter((name) => !name.startsWith(':'))
      answer.begin(Number(received[':status']), Object.fromEntries(names.map((name) => [name, String(received[name])])))
    })
    stream.on('trailers', (received) => { answer.trailers = Object.fromEntries(Object.keys(received).map((name) => [name, String(received[name])])) })
    let isReset = false
    // 'end' comes for a stream that was reset, too
    stream.on('aborted', () => { isReset = true })
    stream.on('data', (chunk: Buffer) => { answer.push(chunk) })
    stream.on('end', () => { if (!isReset && stream.rstCode === constants.NGHTTP2_NO_ERROR) answer.end() })
    stream.on('close', () => { answer.cut() })
    stream.on('error', () => {})
    stream.end()
    return answer
  }

  async closed (): Promise<void> {
    await eventually(() => this.isClosed, 'the server closes the session')
  }

  destroy (): void {
    this.session.destroy()
    this.#wire.bottom.destroy()
  }
}

/** A client without a socket: each request by itself. */
export class InjectPeer implements Peer {
  readonly isClosed = false
  readonly #app: FastifyInstance
  readonly #leaving = new Set<AbortController>()

  constructor (app: FastifyInstance) {
    this.#app = app
  }

  ask (path: string, { method = 'GET', headers = {} }: Asked = {}): Answer {
    const leaving = new AbortController()
    this.#leaving.add(leaving)
    let body: Readable | undefined
    const answer = new Answer(method, { stall: () => { body?.pause() }, flow: () => { body?.resume() }, leavings: { 'aborts the request': () => { leaving.abort() } }, faults: [] })
    this.#app.inject({ method, url: path, headers: { accept: ACCEPT, ...headers }, payloadAsStream: true, signal: leaving.signal }).then((response) => {
      answer.begin(response.statusCode, Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)])))
      body = response.stream().on('data', (chunk: Buffer) => { answer.push(chunk) }).on('end', () => { answer.end() }).on('error', () => { answer.cut() })
    }, () => { answer.cut() })
    return answer
  }

  async closed (): Promise<void> {
    throw new Error('an injected request has no connection')
  }

  destroy (): void {
    for (const leaving of this.#leaving) leaving.abort()
  }
}
