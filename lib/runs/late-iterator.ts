/** A loop over a run that is still looked up. */

/** Reads what a promise holds. Leaving it does not wait for that. */
export class LateIterator implements AsyncIterator<unknown, undefined> {
  readonly #found: Promise<AsyncIterator<unknown, undefined>>
  #hasLeft = false

  constructor (found: Promise<AsyncIterator<unknown, undefined>>) {
    this.#found = found
    found.catch(() => {})
  }

  async next (): Promise<IteratorResult<unknown, undefined>> {
    const iterator = await this.#found
    return this.#hasLeft ? { done: true, value: undefined } : await iterator.next()
  }

  async return (): Promise<IteratorReturnResult<undefined>> {
    this.#hasLeft = true
    this.#found.then((iterator) => iterator.return?.(), () => {})
    return { done: true, value: undefined }
  }
}
