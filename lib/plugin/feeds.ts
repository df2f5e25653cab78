/** `app.feed`: the feeds of one application, by name. */
import { settledWithin } from '../clock.ts'
import { FeedExists, shown } from '../errors.ts'
import { readFeedOptions, type FeedOptions } from '../feed/feed-options.ts'
import type { FeedStats } from '../feed/figures.ts'
import { LogFeed, type Feed } from '../subscription/feed.ts'
import type { Workshop } from './workshop.ts'

/** The feeds of one application. */
export class Feeds {
  readonly #feeds = new Map<string, LogFeed>()
  /** Feeds that have ended, but are kept, or still have streams that read what remains. */
  readonly #ended = new Set<LogFeed>()
  readonly #workshop: Workshop
  /** True for a name that no feed may have. */
  readonly #isTaken: (name: string) => boolean

  constructor (workshop: Workshop, isTaken: (name: string) => boolean) {
    this.#workshop = workshop
    this.#isTaken = isTaken
  }

  /** Defines a feed. */
  define (name: string, options: FeedOptions): Feed {
    this.#workshop.checkName(name, 'a feed')
    const former = this.#feeds.get(name)
    if (former?.hasEnded === false || this.#isTaken(name)) throw new FeedExists(shown(name))
    const { clock, deadlines, report } = this.#workshop
    const forget = (): void => { if (this.#feeds.get(name) === feed) this.#feeds.delete(name) }
    const feed: LogFeed = new LogFeed({
      name,
      ...readFeedOptions(options),
      ...this.#workshop.compile(options.events, `the feed ${shown(name)}`),
      clock,
      deadlines,
      onEnd: (isKept) => {
        this.#ended.add(feed)
        if (!isKept) forget()
      },
      onLetGo: forget,
      onFreed: (error) => {
        this.#ended.delete(feed)
        if (error !== undefined) report(error, `the log of the feed ${shown(name)} could not be freed`)
      },
      onFault: (error, what) => { report(error, `the feed ${shown(name)}: ${what}`) }
    })
    this.#feeds.set(name, feed)
    try {
      feed.open()
    } catch (error) {
      forget()
      if (former !== undefined) this.#feeds.set(name, former)
      throw error
    }
    return feed
  }

  /** The names of all that are alive. */
  get names (): Iterable<string> { return this.#feeds.keys() }

  /**
   * The feed of a name, if it is alive, or has ended and is kept for those who come later; `undefined` where there is
   * none.
   */
  get (name: string): Feed | undefined {
    return this.#feeds.get(name)
  }

  /** Waits until the logs of all feeds have opened. Rejects where one could not be. */
  async ready (): Promise<void> {
    for (const feed of [...this.#feeds.values(), ...this.#ended]) await feed.ready()
  }

  /** What the feeds hold, by name. */
  stats (): Record<string, FeedStats> {
    return Object.fromEntries(Array.from(this.#feeds, ([name, feed]) => [name, feed.stats()]))
  }

  /** Frees all logs. One that fails is logged; one that takes longer than `timeoutMs` is not awaited any more. */
  async close (timeoutMs: number): Promise<void> {
    const closing = [...new Set([...this.#feeds.values(), ...this.#ended])].map(async (feed) => {
      await feed.close().catch((error: unknown) => {
        this.#workshop.report(error, `the log of the feed ${shown(feed.name)} could not be freed`)
      })
    })
    await settledWithin(this.#workshop.clock, timeoutMs, Promise.all(closing))
    this.#feeds.clear()
    this.#ended.clear()
  }
}
