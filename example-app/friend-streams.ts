/**
 * The open streams that show friends only, by user. When a user's friends change, the streams follow other keys at once,
 * without a reconnect. It holds nothing of a stream that has ended.
 */

/** What is needed of a subscription. */
export interface Following {
  follow (key: string): void
  unfollow (key: string): void
}

/** Streams that follow the friends of their user. */
export class FriendStreams {
  readonly #streams = new Map<string, Set<Following>>()

  /** How many users have such a stream open. */
  get users (): number {
    return this.#streams.size
  }

  /** Keeps the keys of that stream in step with the friends of `user`, until `signal` is aborted. */
  add (user: string, stream: Following, signal: AbortSignal): void {
    if (signal.aborted) return
    const streams = this.#streams.get(user) ?? new Set()
    this.#streams.set(user, streams.add(stream))
    signal.addEventListener('abort', () => {
      streams.delete(stream)
      if (streams.size === 0 && this.#streams.get(user) === streams) this.#streams.delete(user)
    }, { once: true })
  }

  /** `user` had the friends `before`, and has others now. One's own name is followed whatever the list says. */
  change (user: string, before: ReadonlySet<string>, friends: ReadonlySet<string>): void {
    for (const stream of this.#streams.get(user) ?? []) {
      for (const name of before) if (name !== user && !friends.has(name)) stream.unfollow(name)
      for (const name of friends) if (!before.has(name)) stream.follow(name)
    }
  }
}
