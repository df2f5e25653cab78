/**
 * What the friends-only streams follow: one subscription for each user and each way to read, however many streams that
 * user has open. When a user's friends change, the open streams follow other keys at once, without a reconnect.
 */

/** What is needed of a subscription. */
export interface Following {
  follow (key: string): void
  unfollow (key: string): void
}

/** A subscription, and how many open streams read it. */
interface Shared<Subscription> {
  readonly subscription: Subscription
  streams: number
}

/**
 * The subscriptions of users who have a friends-only stream open. Holds nothing of a user whose last stream has ended.
 */
export class FriendStreams<Subscription extends Following> {
  readonly #users = new Map<string, Map<string, Shared<Subscription>>>()

  /** How many users have such a stream open. */
  get users (): number {
    return this.#users.size
  }

  /**
   * Gives the subscription that the streams of `user` share which read in the same `way`. `make` makes it for the first
   * of them; it is forgotten when `signal`, the stream's own, is aborted for the last.
   */
  share (user: string, way: string, signal: AbortSignal, make: () => Subscription): Subscription {
    const ways = this.#users.get(user) ?? new Map<string, Shared<Subscription>>()
    const shared = ways.get(way) ?? { subscription: make(), streams: 0 }
    if (signal.aborted) return shared.subscription
    this.#users.set(user, ways.set(way, shared))
    shared.streams += 1
    signal.addEventListener('abort', () => {
      shared.streams -= 1
      if (shared.streams > 0) return
      ways.delete(way)
      if (ways.size === 0) this.#users.delete(user)
    }, { once: true })
    return shared.subscription
  }

  /**
   * The friends of `user` were those `before`, and are others now. A user's own name is followed whatever the list
   * says.
   */
  change (user: string, before: ReadonlySet<string>, friends: ReadonlySet<string>): void {
    for (const { subscription } of this.#users.get(user)?.values() ?? []) {
      for (const name of before) if (name !== user && !friends.has(name)) subscription.unfollow(name)
      for (const name of friends) if (!before.has(name)) subscription.follow(name)
    }
  }
}
