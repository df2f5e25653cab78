/**
 * The HTTP/2 sessions of streams that end because the application closes. Until Node 24, nobody else closes them; and
 * a stream is over when its bytes are with the session, though the client may take none of them.
 */
import type { ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2Session } from 'node:http2'
import type { Clock } from '../clock.ts'

/** Sessions that are to close. */
export class Http2Sessions {
  /** What cuts the line of each. */
  readonly #cuts = new Map<Http2Session, () => void>()
  #onEmpty: () => void = () => {}

  /** Closes the session of a response when that is over. Returns false over HTTP/1. */
  closeBehind ({ req: request }: ServerResponse): boolean {
    if (request.httpVersionMajor !== 2) return false
    // asked now: a stream that is over does not know its session any more, nor a session that is closing its socket
    const { stream } = request as unknown as Http2ServerRequest
    const { session } = stream
    if (session === undefined || this.#cuts.has(session)) return true
    // a session does not let its socket be destroyed, and waits for it; this it lets pass
    const dispose = session.socket[Symbol.asyncDispose]
    this.#cuts.set(session, () => { dispose().catch(() => {}) })
    session.once('close', () => {
      this.#cuts.delete(session)
      if (this.#cuts.size === 0) this.#onEmpty()
    })
    // it waits for the streams that are open
    stream.once('close', () => { session.close() })
    return true
  }

  /** Is fulfilled when all are closed; those that are not within `timeoutMs` are cut. */
  async allClosed (clock: Clock, timeoutMs: number): Promise<void> {
    if (this.#cuts.size === 0) return
    await new Promise<void>((resolve) => {
      const stopTimer = clock.after(timeoutMs, resolve)
      this.#onEmpty = () => {
        stopTimer()
        resolve()
      }
    })
    for (const cut of this.#cuts.values()) cut()
  }
}
