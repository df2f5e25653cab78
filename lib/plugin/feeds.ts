/** `app.feed`: the feeds of one application, by name. */
import type { FastifyInstance } from 'fastify'
import { settledWithin, type Clock } from '../clock.ts'
import { BadOption, describe, FeedExists, shown } from '../errors.ts'
import type { Feed } from '../subscription/feed.ts'
import { LogFeed } from '../subscription/feed.ts'
import type { FeedStats } from '../feed/figures.ts'
import type { Publication } from '../feed/publication.ts'
import type { LagPolicy, SlowConsumer } from '../feed/lag-policy.ts'
import type { Snapshot } from '../feed/snapshot.ts'
import { checkLog } from '../log/answers.ts'
import type { EventLog } from '../log/contract.ts'
import type { RetainOptions } from '../log/retention.ts'
import { compileData, compileEvents } from '../schema/events.ts'
import type { Compilers, SerializerCompiler } from '../schema/serializer.ts'
import type { EventSchemas, EventTypes } from '../schema/types.ts'
import { logError } from './log.ts'

/** The options of a feed. */
export interface FeedOptions<Schemas extends EventSchemas = EventSchemas> {
  /**
   * The schemas of its events, by event type: they type the feed, and what they do not name is not kept. By default
   * all types are taken.
   */
  events?: Schemas | undefined
  /**
   * How much of its history the feed holds in memory: all that there is of it, but where a log is given. Default:
   * 10,000 entries, 64 MiB, of any age, whichever bites first, and no more than the log keeps.
   */
  retain?: RetainOptions | undefined
  /** What keeps the history, by its own bounds. Default: memory alone, bounded by `retain`. */
  log?: EventLog | undefined
  /**
   * What happens to a stream that falls behind what the log keeps, or behind the two limits below: `disconnect`, it
   * ends and the client comes back; `skip`, it gets a gap and goes on at the oldest entry within the limits;
   * `latest`, it gets a gap and the newest entry of each key that it missed. Default: `disconnect`.
   */
  slowConsumer?: SlowConsumer | undefined
  /**
   * A stream that has caught up once may fall behind by this many bytes of entries. Default: `Infinity`, what the log
   * keeps.
   */
  maxLagBytes?: number | undefined
  /** ... and the first entry that it has not got may be so old, in milliseconds. Default: `Infinity`. */
  maxLagMs?: number | undefined
  /**
   * The state in place of a gap: see `subscribe`. Default: the client gets `stream:gap`, and the stream continues at
   * the oldest entry.
   */
  onGap?: Snapshot<Publication<EventTypes<Schemas>>> | undefined
  /** The state at a first connect: see `subscribe`. Default: none. */
  initial?: Snapshot<Publication<EventTypes<Schemas>>> | undefined
}

const OPTIONS = ['events', 'retain', 'log', 'slowConsumer', 'maxLagBytes', 'maxLagMs', 'onGap', 'initial']

/** A name may stand in an event ID that lists positions: no comma, no `=`, nothing that ends a line. */
export const FEED_NAME = /^[^\s,=~\p{Cc}][^\s,=\p{Cc}]{0,127}$/u

/** The feeds of one application. */
export class Feeds {
  readonly #feeds = new Map<string, LogFeed>()
  /** Feeds that have ended, but still have streams that read what remains. */
  readonly #ended = new Set<LogFeed>()
  readonly #app: FastifyInstance
  readonly #clock: Clock
  readonly #validates: boolean

  constructor (app: FastifyInstance, clock: Clock, validates: boolean) {
    this.#app = app
    this.#clock = clock
    this.#validates = validates
  }

  /** Defines a feed. */
  define (name: string, options: FeedOptions): Feed {
    if (typeof name !== 'string' || !FEED_NAME.test(name)) {
      throw new BadOption(`the name of a feed must be a string of 1 to 128 characters without white space, comma and "=", and not begin with "~", not ${shown(name)}`)
    }
    if (this.#feeds.has(name)) throw new FeedExists(shown(name))
    const { events, retain, log, initial, onGap } = readOptions(options)
    const compilers: Compilers = {
      shared: this.#app.getSchemas(), serializer: this.#app.serializerCompiler as SerializerCompiler | undefined, validates: this.#validates
    }
    const feed: LogFeed = new LogFeed({
      name,
      log,
      retain,
      clock: this.#clock,
      codec: events === undefined ? undefined : compileEvents(events, `the events of the feed ${shown(name)}`, compilers),
      compile: (event, schema) => compileData(event, schema, compilers),
      lag: readLagPolicy(options),
      initial,
      onGap,
      onEnd: () => {
        this.#feeds.delete(name)
        this.#ended.add(feed)
      },
      onFreed: (error) => {
        this.#ended.delete(feed)
        if (error !== undefined) logError(this.#app.log, error, `the log of the feed ${shown(name)} could not be freed`)
      },
      onFault: (error, what) => { logError(this.#app.log, error, `the feed ${shown(name)}: ${what}`) }
    })
    this.#feeds.set(name, feed)
    try {
      feed.open()
    } catch (error) {
      this.#feeds.delete(name)
      throw error
    }
    return feed
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
    const closing = [...this.#feeds.values(), ...this.#ended].map(async (feed) => {
      await feed.close().catch((error: unknown) => {
        logError(this.#app.log, error, `the log of the feed ${shown(feed.name)} could not be freed`)
      })
    })
    await settledWithin(this.#clock, timeoutMs, Promise.all(closing))
    this.#feeds.clear()
    this.#ended.clear()
  }
}

function readOptions (options: FeedOptions): FeedOptions {
  if (typeof options !== 'object' || options === null) throw new BadOption(`app.feed(name, options): the options must be an object, not ${describe(options)}`)
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw new BadOption(`app.feed() has no option ${shown(name)}: there are ${OPTIONS.join(', ')}`)
  }
  if (options.log !== undefined) checkLog(options.log, 'app.feed({ log }) must be a log')
  for (const name of ['initial', 'onGap'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') throw new BadOption(`app.feed({ ${name} }) must be a function that returns events, not ${describe(options[name])}`)
  }
  return options
}

function readLagPolicy ({ slowConsumer: mode = 'disconnect', maxLagBytes = Infinity, maxLagMs = Infinity }: FeedOptions): LagPolicy {
  if (mode !== 'disconnect' && mode !== 'skip' && mode !== 'latest') throw new BadOption(`app.feed({ slowConsumer }) must be 'disconnect', 'skip' or 'latest', not ${shown(mode)}`)
  for (const [name, value] of Object.entries({ maxLagBytes, maxLagMs })) {
    if (!(value === Infinity || (Number.isSafeInteger(value) && value >= 1))) throw new BadOption(`app.feed({ ${name} }) must be an integer of 1 or more, or Infinity, not ${shown(value)}`)
  }
  return { mode, maxLagBytes, maxLagMs }
}
