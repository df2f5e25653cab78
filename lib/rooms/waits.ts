/**
 * Waits for what is foreign and may never settle: each ends when that has settled, after a while, or when the
 * application closes. All share one timer.
 */
import type { Deadlines } from '../deadlines.ts'

/** How a wait has ended. */
export type WaitEnd = 'settled' | 'late' | 'closed'

/** The waits of one family. */
export class Waits {
  readonly #deadlines: Deadlines
  readonly #ends = new Set<(end: WaitEnd) => void>()
  #isClosed = false

  constructor (deadlines: Deadlines) {
    this.#deadlines = deadlines
  }

  /** True after `close`. */
  get isClosed (): boolean { return this.#isClosed }

  /** Is fulfilled with how the wait has ended. What the promise is rejected with is for others to handle. */
  async until (promise: Promise<unknown>, mostMs: number): Promise<WaitEnd> {
    if (this.#isClosed) return 'closed'
    return await new Promise((resolve) => {
      const end = (how: WaitEnd): void => {
        deadline.cancel()
        this.#ends.delete(end)
        resolve(how)
      }
      const deadline = this.#deadlines.set(mostMs, () => { end('late') })
      this.#ends.add(end)
      const settled = (): void => { end('settled') }
      promise.then(settled, settled)
    })
  }

  /** Ends all waits, and those that are still to come. */
  close (): void {
    this.#isClosed = true
    for (const end of [...this.#ends]) end('closed')
  }
}
