/** One session of a client over HTTP/2, with the hostile things that it can do: windows, resets, PINGs. */
import { connect, type ClientHttp2Session, type ClientHttp2Stream, type Settings } from 'node:http2'
import { connect as connectSocket, type Socket } from 'node:net'
import type { Test } from 'tap'
import { eventually } from '../story/raw-client.ts'

/** One session. */
export class Session {
  readonly session: ClientHttp2Session
  readonly socket: Socket

  constructor (port: number, settings: Settings = {}) {
    this.socket = connectSocket({ port, host: '127.0.0.1' })
    this.session = connect('http://127.0.0.1', { settings, createConnection: () => this.socket })
    // how a session ends is what tests look at
    this.session.on('error', () => {})
    this.socket.on('error', () => {})
  }

  /** Connects. The session is destroyed when the test ends, if not earlier. */
  static connect (t: Test, port: number, settings: Settings = {}): Session {
    const session = new Session(port, settings)
    t.teardown(() => { session.session.destroy() })
    return session
  }

  /** Asks for `path`. */
  ask (path: string, headers: Record<string, string> = {}): SessionStream {
    return new SessionStream(this.session.request({ ':path': path, accept: 'text/event-stream', 'cache-control': 'no-cache', ...headers }))
  }

  /** From now on, each stream may take this many bytes before the client must say that it takes more. */
  async setWindow (bytes: number): Promise<void> {
    await new Promise<void>((resolve) => { this.session.settings({ initialWindowSize: bytes }, () => { resolve() }) })
  }

  /** Is fulfilled when the server has answered a PING: it has then seen all that was sent earlier. */
  async ping (): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.session.ping((error) => { if (error === null) resolve(); else reject(error) })
    })
  }
}

/** One stream of a session. */
export class SessionStream {
  readonly stream: ClientHttp2Stream
  text = ''
  status = 0
  isClosed = false
  /** True where the server has ended the stream in order. */
  isWhole = false

  constructor (stream: ClientHttp2Stream) {
    this.stream = stream
    stream.setEncoding('utf8')
    stream.on('response', (headers) => { this.status = Number(headers[':status']) })
    stream.on('data', (chunk: string) => { this.text += chunk })
    let hasEnded = false
    // 'end' comes for a stream that was reset, too
    stream.on('end', () => { hasEnded = !stream.aborted })
    stream.on('close', () => {
      this.isClosed = true
      this.isWhole = hasEnded && stream.rstCode === 0
    })
    stream.on('error', () => {})
    stream.end()
  }

  /** Waits until `text` was received. */
  async until (text: string): Promise<void> {
    await eventually(() => this.text.includes(text), `${text} in ${JSON.stringify(this.text.slice(-200))}`)
  }

  /** Waits for the head. */
  async begun (): Promise<void> {
    await eventually(() => this.status !== 0, 'the head comes')
  }

  /** Resets the stream with a code of RFC 9113, section 7. */
  reset (code: number): void {
    this.stream.close(code)
  }
}
