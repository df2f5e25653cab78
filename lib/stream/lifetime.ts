/**
 * How long one connection may last: its greatest age, its expiry, its idle time, and whether its application still
 * allows it. It does not know how a stream ends, nor whom the application asks.
 */
import { LIFETIME_JITTER } from '../defaults.ts'
import { asError } from '../errors.ts'
import type { Deadline } from '../deadlines.ts'
import type { ConnectionTools, StreamOptions } from './host.ts'

/** What ends a stream by its lifetime. */
export type LifetimeEnd = 'max-age' | 'expired' | 'idle' | 'revoked'

/** Whose lifetime it is. */
export interface LifetimeOwner {
  /**
   * True where the stream may go on, or a promise of it; what it throws or rejects with ends the stream too.
   * `undefined`: nobody asks.
   */
  readonly recheck: (() => unknown) | undefined
  /** Its time is over; with the error where the application failed to say whether it may go on. */
  end (reason: LifetimeEnd, how?: { error: Error }): void
}

/** True where anything limits a stream's lifetime. */
export function hasLimits ({ maxAgeMs, expiresAt, idleTimeoutMs, recheckIntervalMs }: StreamOptions, recheck: LifetimeOwner['recheck']): boolean {
  return maxAgeMs !== Infinity || expiresAt !== undefined || idleTimeoutMs !== Infinity || (recheck !== undefined && recheckIntervalMs !== Infinity)
}

/** The deadlines of one connection. */
export class Lifetime {
  readonly #owner: LifetimeOwner
  readonly #limits: StreamOptions
  readonly #tools: Pick<ConnectionTools, 'clock' | 'deadlines'>
  #lastEventAt: number
  #fixed: Deadline[] = []
  #idle: Deadline | undefined
  #recheck: Deadline | undefined
  #isOver = false

  constructor (owner: LifetimeOwner, limits: StreamOptions, tools: Pick<ConnectionTools, 'clock' | 'deadlines'>) {
    this.#owner = owner
    this.#limits = limits
    this.#tools = tools
    this.#lastEventAt = tools.clock.elapsed()
  }

  /** The set-up has begun: from now on the stream grows old. */
  start (): void {
    if (this.#isOver) return
    const { clock, deadlines } = this.#tools
    const { maxAgeMs, expiresAt } = this.#limits
    if (maxAgeMs !== Infinity) this.#fixed.push(deadlines.set(shortened(maxAgeMs), () => { this.#owner.end('max-age') }))
    if (expiresAt !== undefined) this.#fixed.push(deadlines.set(expiresAt.getTime() - clock.now(), () => { this.#owner.end('expired') }))
    this.#watchAllowed()
  }

  /**
   * The head is sent: from now on the stream may be idle. One deadline serves many events: when it comes, it checks
   * when the last event was sent, and is set again.
   */
  watchIdle (): void {
    const { idleTimeoutMs } = this.#limits
    if (idleTimeoutMs === Infinity || this.#isOver) return
    const { clock, deadlines } = this.#tools
    this.#idle = deadlines.set(this.#lastEventAt + idleTimeoutMs - clock.elapsed(), () => {
      if (clock.elapsed() - this.#lastEventAt >= idleTimeoutMs - 1) this.#owner.end('idle')
      else this.watchIdle()
    })
  }

  /** An event was sent. */
  sent (): void {
    if (this.#idle !== undefined) this.#lastEventAt = this.#tools.clock.elapsed()
  }

  /**
   * Takes all deadlines back: the stream ends. What a check that still runs says counts no more. A second call does
   * nothing.
   */
  stop (): void {
    this.#isOver = true
    for (const deadline of this.#fixed) deadline.cancel()
    this.#fixed = []
    this.#idle?.cancel()
    this.#recheck?.cancel()
  }

  /** The next interval begins when a check has settled, so that a slow one is never asked twice at once. */
  #watchAllowed (): void {
    const { recheckIntervalMs } = this.#limits
    if (recheckIntervalMs === Infinity || this.#owner.recheck === undefined) return
    this.#recheck = this.#tools.deadlines.set(shortened(recheckIntervalMs), () => { this.#check() })
  }

  /** Fails closed: where nobody can say that the stream may go on, it may not. */
  async #check (): Promise<void> {
    let isAllowed: unknown = false
    let how: { error: Error } | undefined
    try {
      // awaited whatever it is: a query builder is no promise, but it has a `then`, and would always be true
      isAllowed = await this.#owner.recheck?.()
    } catch (error) {
      how = { error: asError(error, 'recheck failed') }
    }
    if (this.#isOver) return
    if (isAllowed) this.#watchAllowed()
    else this.#owner.end('revoked', how)
  }
}

/** Up to a tenth less, so that streams that began together do not end, or ask, together. */
function shortened (ms: number): number {
  return Math.ceil(ms * (1 - Math.random() * LIFETIME_JITTER))
}
