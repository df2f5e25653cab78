/** How one stream of a feed is ended from outside: by a failure, by the feed, or by the signal of its subscription. */
import { onAbort } from '../abort.ts'
import type { SourceEnd, SourceOwner } from '../wire/frame-source.ts'
import { HeadWaiter } from './head-waiter.ts'
import type { Plan } from './plan.ts'

/** A stream that can be ended. */
export abstract class EndingReader extends HeadWaiter {
  /** The end, once it has come. */
  end: SourceEnd | undefined
  protected isReleased = false
  readonly #owner: SourceOwner
  /** Takes back that the stream waits for the abort of a signal. */
  #forgetSignal: (() => void) | undefined

  constructor (plan: Plan, owner: SourceOwner) {
    super(plan)
    this.#owner = owner
  }

  wake (): void { if (!this.isReleased) this.#owner.wake() }

  /** Ends at once: nothing more can be read, or may be. */
  finish (end: SourceEnd): void {
    this.end ??= end
    this.wake()
  }

  /** The stream ends: it has failed. */
  fail (error: unknown): void { this.finish({ kind: 'failed', error }) }

  /** Ends when the signal is aborted, as by a kick. */
  endWith (signal: AbortSignal): void {
    const end = (): void => { this.finish({ kind: 'kick', reason: signal.reason }) }
    if (signal.aborted) end()
    else this.#forgetSignal = onAbort(signal, end)
  }

  /** Nothing more is read. */
  release (): void {
    this.isReleased = true
    this.stopWaiting()
    this.cursor?.release()
    this.#forgetSignal?.()
  }
}
