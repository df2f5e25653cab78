/** The options of a subscription, and what they must be. */
import { BadOption, describe, shown } from '../errors.ts'
import type { EntryView } from '../feed/entry.ts'
import type { Project, Projected } from '../feed/projection.ts'
import type { Snapshot } from '../feed/snapshot.ts'
import type { From } from './opening.ts'

/** What a predicate returns: anything but a promise, which would be truthy whatever it says. */
export type Verdict =
  string | number | bigint | boolean | symbol | null | undefined | (object & NoPromise)

/** Any object without a `then`. The type of that is what the compiler prints of a promise. */
interface NoPromise { readonly then?: 'where must be synchronous: a promise would be true whatever it says' | undefined }

/** What `endAfter` returns: as `Verdict`. */
export type EndVerdict =
  string | number | bigint | boolean | symbol | null | undefined | (object & NoPromiseAtTheEnd)

interface NoPromiseAtTheEnd { readonly then?: 'endAfter must be synchronous: a promise would be true whatever it says' | undefined }

/** Says which entries a stream takes. */
export type Filter<View, Taken extends View = View> = ((view: View) => Verdict) | ((view: View) => view is Taken)

/** How a stream follows its feed. */
export interface SubscribeOptions<
  View = EntryView,
  Made = Projected,
  Published = { event?: string | undefined, data: unknown, key?: string | undefined },
  Name extends string = string,
  Taken extends View = View
> {
  /**
   * An event ID of this feed: the stream goes on behind it, exclusive. For first connects: the last event ID of the
   * request beats it.
   */
  after?: string | undefined
  /**
   * Where a first connect begins without `after`: `latest`, behind the newest entry; `earliest`, at the oldest that
   * is kept; `start`, the same, with a gap where entries from before that are not kept any more; `{ last: n }`, at the last `n` that this stream takes; `{ since: date }`, at the first that was
   * published then or later; `{ lastPerKey: n }`, behind the newest entry, after the newest `n` of each key (of `keys`,
   * or of all keys that there are) that this stream takes: these carry no id, a bookmark follows them, and a client
   * that is cut before that starts over. The last three look at what this process holds. Default: `latest`; of a
   * feed that has ended, `start`.
   */
  from?: From | undefined
  /**
   * Which keys: only entries that were published with one of them. Costs as much as it takes, where `where` costs a
   * call for each entry. With both, both must hold. `follow` and `unfollow` change them on open streams.
   */
  keys?: Iterable<string> | undefined
  /**
   * Which event types: only entries of these, at least one. `where` and `as` see no others. Default: all.
   */
  events?: readonly Name[] | undefined
  /**
   * Which entries. Synchronous: a promise ends the stream. Called when an entry is published, or when the socket is
   * free again, and on replay. If it throws, the stream reports a gap of that entry, and goes on. A type guard also
   * tells the compiler what is left.
   */
  where?: Filter<View, Taken> | undefined
  /**
   * After which entry the stream ends by itself, as if the feed had ended: a client gets `stream:done`, and does not come
   * back. Asked about each entry that the stream takes, on replay too, when it is sent, before `as`; also about those of
   * a state, after which the stream ends when all of the state is sent. On a stream of several feeds, only the part of
   * this one ends. Synchronous: a promise ends the stream as a failure. If it throws, that is reported once for each
   * entry, and the stream goes on. Default: the stream ends with the feed.
   */
  endAfter?: ((entry: Taken) => EndVerdict) | undefined
  /**
   * In which shape: a function, or a `projection(schema, fn)`. Synchronous; called once for each entry, for all
   * streams that share it.
   */
  as?: Project<Taken, Made> | undefined
  /**
   * How often the stream gets something, at most: in milliseconds, an integer of 1 or more; up to a tenth is added at
   * random. At each tick it gets the newest entry of every key that it takes and has not got, in the order of the log;
   * entries without a key count as one key for each event type. What was skipped is no gap, and waiting is no lag. The
   * first entry after silence comes at once. A replay is conflated too, as far as this process holds the log; a state
   * comes whole. What waits when the feed ends is sent before the end. Default: each entry, as it comes.
   */
  everyMs?: number | undefined
  /**
   * The state for a first connect without `after` and `from`, before what is published from now on. Default: that of
   * the feed.
   */
  initial?: Snapshot<Published> | undefined
  /** The state in place of a gap, and of the entries up to the state. Default: that of the feed. */
  onGap?: Snapshot<Published> | undefined
  /**
   * Ends loops and streams when it is aborted: a loop rejects with `signal.reason`, at once where it waits for an
   * event; a stream ends as `app.eventfeed.kick()` ends it, and its client may come back. Default: none.
   */
  signal?: AbortSignal | undefined
}

/** Whatever its feed publishes. */
export type AnyOptions = SubscribeOptions<EntryView, unknown, unknown>

const OPTIONS = ['after', 'from', 'keys', 'events', 'where', 'endAfter', 'as', 'everyMs', 'initial', 'onGap', 'signal']

/** Throws `FST_EVENTFEED_BAD_OPTION`. `readKeys` checks the keys, and `readEvents` the event types. */
export function checkOptions (options: AnyOptions): void {
  if (typeof options !== 'object' || options === null) throw new BadOption(`subscribe() takes { ${OPTIONS.join(', ')} }, not ${describe(options)}`)
  for (const [name, value] of Object.entries(options) as Array<[string, unknown]>) {
    if (value === undefined) continue
    if (!OPTIONS.includes(name)) throw new BadOption(`subscribe() has no option ${shown(name)}: there are ${OPTIONS.join(', ')}`)
    if (name === 'after') {
      if (typeof value !== 'string') throw new BadOption(`subscribe({ after }) must be an event ID, a string, not ${describe(value)}`)
    } else if (name === 'from') {
      checkFrom(value)
    } else if (name === 'keys' || name === 'events') {
      // they are read once: an iterator gives them no second time
      continue
    } else if (name === 'everyMs') {
      if (!Number.isSafeInteger(value) || Number(value) < 1) throw new BadOption(`subscribe({ everyMs }) must be an integer of 1 or more, not ${shown(value)}`)
    } else if (name === 'signal') {
      if (!isSignal(value)) throw new BadOption(`subscribe({ signal }) must be an AbortSignal, not ${describe(value)}`)
    } else if (typeof value !== 'function') throw new BadOption(`subscribe({ ${name} }) must be a function, not ${describe(value)}`)
  }
}

/** By what is used of it: signals of other realms are no instances of this one's. */
function isSignal (value: unknown): value is AbortSignal {
  return typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value && typeof value.addEventListener === 'function'
}

function checkFrom (from: unknown): void {
  if (from === 'latest' || from === 'earliest' || from === 'start') return
  if (typeof from === 'object' && from !== null && Object.keys(from).length === 1) {
    if ('last' in from && isCount(from.last)) return
    if ('lastPerKey' in from && isCount(from.lastPerKey)) return
    if ('since' in from && from.since instanceof Date && !Number.isNaN(from.since.getTime())) return
  }
  throw new BadOption(`subscribe({ from }) must be 'latest', 'earliest', 'start', { last: n } or { lastPerKey: n } with a non-negative integer, or { since: date } with a valid Date, not ${shown(from)}`)
}

function isCount (value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

/** How many of the newest entries of a key come first. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function readJoin (options: unknown): number {
  if (typeof options !== 'object' || options === null) throw new BadOption(`follow(key, options) takes { last }, not ${describe(options)}`)
  for (const name of Object.keys(options)) if (name !== 'last') throw new BadOption(`follow(key, options) has no option ${shown(name)}: there is last`)
  const last: unknown = 'last' in options ? options.last : undefined
  if (last === undefined) return 0
  if (!isCount(last)) throw new BadOption(`follow(key, { last }) must be a non-negative integer, not ${shown(last)}`)
  return last
}

/** The keys, read once. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function readKeys (keys: unknown): Set<string> {
  if (typeof keys !== 'object' || keys === null || !(Symbol.iterator in keys)) throw new BadOption(`subscribe({ keys }) must be an array or a Set of strings, not ${describe(keys)}`)
  const read = new Set<string>()
  for (const key of keys as Iterable<unknown>) {
    if (typeof key !== 'string') throw new BadOption(`subscribe({ keys }) must hold strings, not ${describe(key)}`)
    read.add(key)
  }
  return read
}

/**
 * The event types of a feed, read once. Throws `FST_EVENTFEED_BAD_OPTION`. @param has true for a type that it may
 * have
 */
export function readEvents (events: unknown, has: (event: string) => boolean): ReadonlySet<string> {
  if (!Array.isArray(events) || events.length === 0) throw new BadOption(`subscribe({ events }) must be an array of event types, at least one, not ${Array.isArray(events) ? 'an empty array' : describe(events)}`)
  const read = new Set<string>()
  for (const event of events as unknown[]) {
    if (typeof event !== 'string') throw new BadOption(`subscribe({ events }) must hold strings, not ${describe(event)}`)
    if (!has(event)) throw new BadOption(`subscribe({ events }): the feed declares no event ${shown(event)}`)
    read.add(event)
  }
  return read
}
