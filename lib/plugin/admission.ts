/** How many streams may be open, in all and for one connection key. The newcomer is refused; nobody is evicted. */

/** What became of a newcomer. */
export type Admission = 'admitted' | 'full' | 'full-for-key'

/** Counts the open streams. */
export class Admissions {
  readonly #most: number
  readonly #mostPerKey: number
  readonly #byKey = new Map<string, number>()
  #count = 0

  /** Both bounds are inclusive. */
  constructor (most: number, mostPerKey: number) {
    this.#most = most
    this.#mostPerKey = mostPerKey
  }

  /** How many streams are open. */
  get count (): number { return this.#count }

  /** Admits a stream, or says why not. One that was admitted must be released. */
  admit (key: string): Admission {
    const ofKey = this.#byKey.get(key) ?? 0
    if (this.#count >= this.#most) return 'full'
    if (ofKey >= this.#mostPerKey) return 'full-for-key'
    this.#count++
    this.#byKey.set(key, ofKey + 1)
    return 'admitted'
  }

  /** An admitted stream has ended. */
  release (key: string): void {
    const ofKey = this.#byKey.get(key) ?? 0
    this.#count--
    if (ofKey > 1) this.#byKey.set(key, ofKey - 1)
    else this.#byKey.delete(key)
  }
}
