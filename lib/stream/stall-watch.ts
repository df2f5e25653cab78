/**
 * Finds the clients that take nothing, where no socket of their own tells: over HTTP/2, whose streams share a socket,
 * and for injected requests. It samples what a client has taken while something waits for it. It does not know how a
 * stream is cut.
 */
import type { Clock } from '../clock.ts'
import { STALL_CHECKS } from '../defaults.ts'
import type { Deadline, Deadlines } from '../deadlines.ts'

/** What is looked at. */
export interface Watched {
  /** How much the client has taken, in any unit: only that it changes counts. */
  readonly taken: number
  /** True while something waits for the client. */
  readonly isWaiting: boolean
  /** True when nothing reaches the client any more, whether or not Node has said so. */
  readonly isGone: boolean
}

/** Who hears of it. Either ends the watch. */
export interface StallOwner {
  /** The client has taken nothing for `timeoutMs`, although something waited for it. */
  onStalled (): void
  /** The client is gone, and Node has not said so. */
  onGone (error?: Error): void
}

/** What a watch needs of time. */
export interface StallTools {
  readonly clock: Clock
  readonly deadlines: Deadlines
}

/** The watch over one stream. Idle streams have no deadline. */
export class StallWatch {
  readonly #watched: Watched
  readonly #owner: StallOwner
  readonly #timeoutMs: number
  readonly #tools: StallTools
  #deadline: Deadline | undefined
  #taken = 0
  /** When the client was last seen to have taken something, or when the watch began. */
  #progressAt = 0

  /** A client is found stalled after `timeoutMs` at the earliest, and after a quarter more at the latest. */
  constructor (watched: Watched, owner: StallOwner, timeoutMs: number, tools: StallTools) {
    this.#watched = watched
    this.#owner = owner
    this.#timeoutMs = timeoutMs
    this.#tools = tools
  }

  /** Something waits for the client. The watch ends by itself when nothing waits any more. */
  begin (): void {
    if (this.#deadline !== undefined) return
    this.#taken = this.#watched.taken
    this.#progressAt = this.#tools.clock.elapsed()
    this.#set()
  }

  /** Ends the watch. A second call does nothing. */
  stop (): void {
    this.#deadline?.cancel()
    this.#deadline = undefined
  }

  #set (): void {
    this.#deadline = this.#tools.deadlines.set(this.#timeoutMs / STALL_CHECKS, () => { this.#check() })
  }

  #check (): void {
    this.#deadline = undefined
    const { taken, isWaiting, isGone } = this.#watched
    if (isGone) {
      this.#owner.onGone()
      return
    }
    if (!isWaiting) return
    const now = this.#tools.clock.elapsed()
    if (taken !== this.#taken) {
      this.#taken = taken
      this.#progressAt = now
    }
    // timers may fire a fraction of a millisecond early
    if (now - this.#progressAt >= this.#timeoutMs - 1) this.#owner.onStalled()
    else this.#set()
  }
}
