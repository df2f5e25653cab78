/** The options of a feed, as its application gives them, and what they must be. */
import { BadOption, describe, shown } from '../errors.ts'
import { checkLog } from '../log/answers.ts'
import type { EventLog } from '../log/contract.ts'
import type { FeedRetainOptions } from '../log/retention.ts'
import type { EventSchemas, EventTypes } from '../schema/types.ts'
import type { FeedParts } from './feed-parts.ts'
import type { LagPolicy, SlowConsumer } from './lag-policy.ts'
import type { Publication } from './publication.ts'
import type { Snapshot } from './snapshot.ts'

/** The options of a feed. */
export interface FeedOptions<Schemas extends EventSchemas = EventSchemas> {
  /**
   * The schemas of its events, by event type: they type the feed, and what they do not name is not kept. By default
   * all types are taken.
   */
  events?: Schemas | undefined
  /**
   * How much of its history the feed holds in memory: all that there is of it, unless a log is given. Default: 10,000
   * entries, 64 MiB, of any age, whichever bites first, and no more than the log keeps.
   */
  retain?: FeedRetainOptions | undefined
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
  /** ... and the first entry that it has not received may be this old, in milliseconds. Default: `Infinity`. */
  maxLagMs?: number | undefined
  /**
   * The state in place of a gap: see `subscribe`. Default: the client gets `stream:gap`, and the stream continues at
   * the oldest entry.
   */
  onGap?: Snapshot<Publication<EventTypes<Schemas>>> | undefined
  /** The state at a first connect: see `subscribe`. Default: none. */
  initial?: Snapshot<Publication<EventTypes<Schemas>>> | undefined
}

/** What a feed and a room have in common. */
export type CommonFeedOptions<Schemas extends EventSchemas = EventSchemas> = Omit<FeedOptions<Schemas>, 'log'>

/** What both have in common, read. */
export type CommonFeedSettings = Pick<FeedParts, 'retain' | 'lag' | 'initial' | 'onGap'>

const COMMON = ['events', 'retain', 'slowConsumer', 'maxLagBytes', 'maxLagMs', 'onGap', 'initial']

/** Reads the options of `app.feed`. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function readFeedOptions (options: FeedOptions): CommonFeedSettings & Pick<FeedParts, 'log'> {
  const settings = readCommonOptions('app.feed', options, ['log'])
  if (options.log !== undefined) checkLog(options.log, 'app.feed({ log }) must be a log')
  return { ...settings, log: options.log }
}

/**
 * Reads what feeds and rooms have in common. Throws `FST_EVENTFEED_BAD_OPTION`, also for an option that there is not.
 *
 * @param where whose options they are, such as `app.feed`
 * @param others the names of its other options
 */
export function readCommonOptions (where: string, options: CommonFeedOptions, others: readonly string[]): CommonFeedSettings {
  if (typeof options !== 'object' || options === null) throw new BadOption(`${where}(name, options): the options must be an object, not ${describe(options)}`)
  const known = [...COMMON, ...others]
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new BadOption(`${where}() has no option ${shown(name)}: there are ${known.join(', ')}`)
  }
  for (const name of ['initial', 'onGap'] as const) {
    if (options[name] !== undefined && typeof options[name] !== 'function') throw new BadOption(`${where}({ ${name} }) must be a function that returns events, not ${describe(options[name])}`)
  }
  const { retain, initial, onGap } = options
  return { retain, initial, onGap, lag: readLagPolicy(where, options) }
}

function readLagPolicy (where: string, { slowConsumer: mode = 'disconnect', maxLagBytes = Infinity, maxLagMs = Infinity }: CommonFeedOptions): LagPolicy {
  if (mode !== 'disconnect' && mode !== 'skip' && mode !== 'latest') throw new BadOption(`${where}({ slowConsumer }) must be 'disconnect', 'skip' or 'latest', not ${shown(mode)}`)
  for (const [name, value] of Object.entries({ maxLagBytes, maxLagMs })) {
    if (!(value === Infinity || (Number.isSafeInteger(value) && value >= 1))) throw new BadOption(`${where}({ ${name} }) must be an integer of 1 or more, or Infinity, not ${shown(value)}`)
  }
  return { mode, maxLagBytes, maxLagMs }
}
