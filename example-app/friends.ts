/**
 * Who is whose friend, in memory. Friendship goes one way: ada's friends are those whose messages ada wants to read.
 */

/** A user has at most 1,000 friends. */
export const MAX_FRIENDS = 1_000
/**
 * All lists together hold at most 100,000 names, about 20 MB. The bound protects the server; a real service keeps such
 * lists in a database.
 */
export const MAX_NAMES = 100_000

const NOBODY: ReadonlySet<string> = new Set()

/** The friends of every user. */
export class Friends {
  readonly #lists = new Map<string, ReadonlySet<string>>()
  #names = 0

  /** The friends of `user`, in the order given; empty for an unknown user. */
  of (user: string): ReadonlySet<string> {
    return this.#lists.get(user) ?? NOBODY
  }

  /**
   * Replaces the friends of `user`. Returns false and changes nothing if all lists together would hold more than
   * `MAX_NAMES` names.
   */
  replace (user: string, friends: ReadonlySet<string>): boolean {
    const names = this.#names - this.of(user).size + friends.size
    if (names > MAX_NAMES) return false
    this.#names = names
    if (friends.size === 0) this.#lists.delete(user)
    else this.#lists.set(user, friends)
    return true
  }
}
