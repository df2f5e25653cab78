/**
 * From where on the entries of each key count for one stream: of a key that was followed while the stream was open,
 * those that were published later. It does not know where the stream stands, but for what that tells.
 */
import type { Pages } from '../feed/pages.ts'
import type { FollowedKeys } from './followed-keys.ts'

/** The keys of one stream. */
export class CountedKeys {
  readonly #keys: FollowedKeys
  /** Of the keys that were followed up to this turn all entries count; of a later one, those published since then. */
  #turn: number
  /** Up to this turn it is known that the stream comes to where a key was followed, or that all of its entries count. */
  #surveyed: number
  #isAsking = false

  constructor (keys: FollowedKeys) {
    this.#keys = keys
    this.#turn = keys.turn
    this.#surveyed = keys.turn
  }

  /** From which index on the entries of a key count; `undefined`: all. */
  firstIndex (key: string): number | undefined {
    return this.#keys.firstIndex(key, this.#turn)
  }

  /** All entries count, of all keys that are followed now. */
  countAll (): void {
    this.#turn = this.#keys.turn
    this.#surveyed = this.#turn
  }

  /** The stream goes on at an index: from there on all entries count of the keys that were followed by then. */
  goOnAt (index: number): void {
    this.#turn = this.#keys.turnAt(index, this.#turn)
  }

  /** The stream passes an entry in pages, where entries have no index. */
  pass (position: string): void {
    this.#turn = this.#keys.turnAfter(position, this.#turn)
  }

  /**
   * True where it is not known whether a stream that reads pages comes to where a key was followed, or has passed that:
   * a log may be ahead of what it has told, and positions have no order.
   *
   * @param isBehind true for a stream that is known to be further back than the window
   */
  isUnsure (isBehind: boolean): boolean {
    if (isBehind) this.#surveyed = this.#keys.turn
    return this.#surveyed !== this.#keys.turn
  }

  /** Finds that out. Nothing may be passed meanwhile. `done` is called then, or `fail`. @param position of the stream */
  survey (pages: Pages, position: string, done: () => void, fail: (error: unknown) => void): void {
    if (this.#isAsking) return
    this.#isAsking = true
    const { turn } = this.#keys
    const followedAt = this.#keys.positionAfter(this.#surveyed)
    const isPassed = followedAt === undefined ? Promise.resolve(false) : follows(pages, position, followedAt)
    isPassed.then((isPassed) => {
      this.#isAsking = false
      if (isPassed) this.#turn = Math.max(this.#turn, turn)
      this.#surveyed = Math.max(this.#surveyed, turn)
      done()
    }, (error: unknown) => {
      this.#isAsking = false
      fail(error)
    })
  }
}

/** True for a position that follows another, or is the same. What nobody can say any more is true as well. */
async function follows (pages: Pages, position: string, other: string): Promise<boolean> {
  if (position === other) return true
  const known = pages.isAfter(position, other)
  if (known !== undefined) return known
  for (let after: string | undefined = other; after !== undefined;) {
    const found = await pages.after(after)
    if (found.kind === 'gap') return true
    const { page, offset } = found
    if ((page.offsetAfter(position) ?? 0) > offset) return true
    after = offset === page.entries.length ? undefined : page.entries.at(-1)?.position
  }
  return false
}
