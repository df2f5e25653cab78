/** How runs are found by their ids, and awaited where they have not started. */
import { UNKNOWN_RUN } from '../errors.ts'
import type { AnyFollowOptions, FollowedOutput } from './run-plan.ts'

/** The runs of a family, as those see them who follow. */
export interface Lookup {
  /**
   * Finds a run. Throws, or rejects with, `FST_EVENTFEED_UNKNOWN_RUN` for an id that no run has; a promise only where a
   * log must be asked.
   */
  find (id: string): FollowedOutput | Promise<FollowedOutput>
  /** Calls `arrived` once when a run with this id is started. Returns the function that ends the wait. */
  await (id: string, arrived: () => void): () => void
  /** Calls `closed` when no run will be started or go on any more. Returns the function that takes it back. */
  onClosed (closed: () => void): () => void
}

/** What a stream or a loop over several runs is made of. */
export interface SeveralParts<Opened> {
  readonly lookup: Lookup
  readonly options: AnyFollowOptions
  /** The ids that are followed when it begins. */
  readonly ids: Iterable<string>
  /** Called when it has ended, once or more: it follows no more. */
  readonly onReleased: (opened: Opened) => void
}

/** True for the error of an id that no run has. By its code: it may come from another copy of this package. */
export function isUnknown (error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === UNKNOWN_RUN
}

/** Those who wait for runs of one family. None of what they give to be called throws. */
export class Arrivals {
  readonly #waiting = new Map<string, Set<() => void>>()
  readonly #onClosed = new Set<() => void>()
  #isClosed = false

  /** Waits for a run. Returns the function that ends the wait. */
  await (id: string, arrived: () => void): () => void {
    const those = this.#waiting.get(id) ?? new Set()
    this.#waiting.set(id, those)
    those.add(arrived)
    return () => {
      those.delete(arrived)
      if (those.size === 0 && this.#waiting.get(id) === those) this.#waiting.delete(id)
    }
  }

  /** Waits for the end of all. Returns the function that takes it back. */
  onClosed (closed: () => void): () => void {
    if (this.#isClosed) closed()
    else this.#onClosed.add(closed)
    return () => { this.#onClosed.delete(closed) }
  }

  /** A run was started. */
  arrived (id: string): void {
    const those = this.#waiting.get(id)
    this.#waiting.delete(id)
    for (const arrived of those ?? []) arrived()
  }

  /** No run is started any more, and none goes on. */
  close (): void {
    this.#isClosed = true
    this.#waiting.clear()
    for (const closed of this.#onClosed) closed()
    this.#onClosed.clear()
  }
}
