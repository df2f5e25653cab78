/** Several runs in a loop in server code, also some that have not started. It ends with the last of them. */
import { SubscriptionIterator } from '../subscription/iteration.ts'
import { Gathered } from './gathered.ts'
import { LateIterator } from './late-iterator.ts'
import { isUnknown, type SeveralParts } from './lookup.ts'
import { RunPlan, type FollowedOutput } from './run-plan.ts'

/** The loop over several runs. */
export class SeveralValues implements AsyncIterator<unknown, undefined> {
  readonly #parts: SeveralParts<SeveralValues>
  /** All that are followed: `true` for those that are over. */
  readonly #isOver = new Map<string, boolean>()
  /** Those that have not started: what ends the wait. */
  readonly #waiting = new Map<string, () => void>()
  readonly #gathered: Gathered
  readonly #forgetClosed: () => void
  #failure: { readonly error: unknown } | undefined
  #isClosed = false

  constructor (parts: SeveralParts<SeveralValues>) {
    this.#parts = parts
    this.#gathered = new Gathered({ onOver: (id, failure) => { this.#over(String(id), failure) }, isOver: () => this.#areAllOver() })
    this.#forgetClosed = parts.lookup.onClosed(() => {
      this.#isClosed = true
      this.#gathered.look()
    })
    for (const id of parts.ids) this.follow(id)
  }

  /** Follows one more run. Does nothing for one that is followed. */
  follow (id: string): void {
    if (this.#isOver.has(id)) return
    this.#isOver.set(id, false)
    this.#seek(id)
  }

  /** Follows it no more. */
  unfollow (id: string): void {
    this.#isOver.delete(id)
    this.#waiting.get(id)?.()
    this.#waiting.delete(id)
    this.#gathered.delete(id)
    this.#gathered.look()
  }

  next (): Promise<IteratorResult<unknown, undefined>> {
    return this.#gathered.next()
  }

  async return (): Promise<IteratorReturnResult<undefined>> {
    this.#leave()
    return await this.#gathered.return()
  }

  #seek (id: string): void {
    const iterate = (output: FollowedOutput): SubscriptionIterator => new SubscriptionIterator(new RunPlan(output, this.#parts.options))
    try {
      const found = this.#parts.lookup.find(id)
      this.#gathered.add(id, found instanceof Promise ? new LateIterator(found.then(iterate)) : iterate(found))
    } catch (error) {
      this.#over(id, { error })
    }
  }

  /** A run is over, or has not started. */
  #over (id: string, failure: { readonly error: unknown } | undefined): void {
    if (failure !== undefined && isUnknown(failure.error)) {
      this.#waiting.set(id, this.#parts.lookup.await(id, () => {
        this.#waiting.delete(id)
        this.#seek(id)
      }))
      return
    }
    this.#failure ??= failure
    this.#isOver.set(id, true)
  }

  /** Throws what a run has failed with, when all are over. */
  #areAllOver (): boolean {
    for (const [id, isOver] of this.#isOver) if (!isOver && !(this.#isClosed && this.#waiting.has(id))) return false
    if (this.#isOver.size === 0 && !this.#isClosed) return false
    this.#leave()
    if (this.#failure !== undefined) throw this.#failure.error
    return true
  }

  #leave (): void {
    this.#forgetClosed()
    for (const stop of this.#waiting.values()) stop()
    this.#waiting.clear()
    this.#parts.onReleased(this)
  }
}
