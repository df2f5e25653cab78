/**
 * The open event streams by the random id that their page gave them, so that a page can have its own line cut.
 *
 * The id is a secret between a page and the server: whoever knows it may cut every stream that has it. Two streams
 * share an id when a browser reconnects before the server has noticed that the old line is dead, so both are kept.
 * Somebody who gives another page's id on purpose had to know it, and only adds a line of their own that will be cut
 * too.
 */

/** What can be cut: the response of a stream. */
export interface Line {
  destroy (): unknown
}

/** The open streams, by id. Holds nothing of a stream that has ended. */
export class OpenLines {
  readonly #lines = new Map<string, Set<Line>>()

  /** How many ids have an open stream. */
  get size (): number {
    return this.#lines.size
  }

  /**
   * Remembers the response of a stream until `signal` is aborted: the stream's own signal, which is aborted however the
   * stream ends. A response's `close` would not do: it never comes where the socket dies before it is the response's
   * turn on it.
   */
  add (id: string | undefined, response: Line, signal: AbortSignal): void {
    if (id === undefined || signal.aborted) return
    const lines = this.#lines.get(id) ?? new Set()
    this.#lines.set(id, lines.add(response))
    signal.addEventListener('abort', () => {
      lines.delete(response)
      if (lines.size === 0 && this.#lines.get(id) === lines) this.#lines.delete(id)
    }, { once: true })
  }

  /**
   * Destroys the streams with that id as a failing network would, without a last word. Over HTTP/1.1 that destroys
   * their sockets, over HTTP/2 it resets these streams alone. Returns false if no open stream has the id.
   */
  cut (id: string): boolean {
    const lines = this.#lines.get(id)
    if (lines === undefined) return false
    this.#lines.delete(id)
    for (const response of lines) response.destroy()
    return true
  }
}
