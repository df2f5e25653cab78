/** Waiting for facts: whoever changes something says so, and whoever waits looks again. No wait is without a bound. */

/** Longer than the slowest client takes to come back twice: `retry` after a failure is up to 15 seconds. */
const LIMIT_MS = 70_000

/** What several people change and wait for. */
export class Facts {
  readonly #waiting = new Set<() => void>()

  /** Something has changed: all who wait look again. */
  readonly changed = (): void => { for (const look of [...this.#waiting]) look() }

  /** Waits until a fact is true. Rejects after a while, with what was awaited and what there is instead. */
  async until (isTrue: () => boolean, awaited: string, seen: () => unknown): Promise<void> {
    if (isTrue()) return
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`awaited ${awaited}, but there is ${JSON.stringify(seen())}`))
      }, LIMIT_MS)
      const look = () => {
        if (!isTrue()) return
        this.#waiting.delete(look)
        clearTimeout(limit)
        resolve()
      }
      this.#waiting.add(look)
    })
  }
}
