/** The options of the plugin and of one call of `reply.sse`: read, checked and completed once. */
import { systemClock, type Clock } from '../clock.ts'
import * as defaults from '../defaults.ts'
import { BadConnectionKey, BadOption, describe, shown } from '../errors.ts'
import type { StreamOptions } from '../stream/host.ts'
import { isControlOption, type ControlOption } from './control-option.ts'

/** The options of a stream: for all of them at `register`, for one at `reply.sse(source, options)`. */
export interface EventStreamOptions<Request extends KeyedRequest = KeyedRequest> {
  /**
   * The longest that a stream stays silent, in milliseconds: then it sends a comment or a bookmark. `Infinity`:
   * never. Default: 15,000.
   */
  heartbeatIntervalMs?: number | undefined
  /**
   * How long a client waits before it reconnects, in milliseconds. Up to half of it is added at random for each
   * client. Default: 3,000.
   */
  retryMs?: number | undefined
  /**
   * How long a source may take to its first event before the head is sent without one, in milliseconds. Default: 50.
   */
  commitDelayMs?: number | undefined
  /**
   * The longest that a stream lasts, in milliseconds; then the client reconnects. Up to a tenth is taken off at
   * random for each stream. Default: `Infinity`.
   */
  maxAgeMs?: number | undefined
  /** A stream ends after this many milliseconds without an event; heartbeats do not count. Default: `Infinity`. */
  idleTimeoutMs?: number | undefined
  /** A client whose socket accepts nothing for this many milliseconds is cut off. Default: 30,000. */
  writeTimeoutMs?: number | undefined
  /** A stream ends at this time, as when the login expires. Default: never. */
  expiresAt?: Date | undefined
  /**
   * Asked again and again while the stream is open: what is truthy, or a promise of it, lets it go on. What is falsy
   * ends it, and so does a check that throws or rejects: the client comes back, and meets the route's ordinary
   * authentication. Never asked twice at once for one stream; so a check that may hang needs a time-out of its own.
   * Default: nobody is asked.
   */
  recheck?: ((request: Request) => unknown) | undefined
  /**
   * How long after the beginning, and after each check has settled, `recheck` is asked, in milliseconds; up to a
   * tenth less. `Infinity`: never. Default: 60,000.
   */
  recheckIntervalMs?: number | undefined
  /**
   * What a client does when the source has ended: `stop` for good (it gets `stream:done`), or `reconnect`. Default:
   * `stop`.
   */
  onEnd?: 'stop' | 'reconnect' | undefined
  /**
   * In which form a stream says what is no event of the application: where it stands, what is missing, how it ends.
   * `auto`: `events` for a GET whose `Accept` names `text/event-stream`, as every `EventSource` sends it, and for any
   * request whose `Accept` has `text/event-stream;control=events`; else gaps alone, a plain end where the source has
   * ended, and a cut line where anything else ends the stream. `events`: named events `stream:…`, for any request.
   * With both, the line of a client that gets named events is cut likewise, unless that is an `EventSource` (known by
   * `Cache-Control: no-cache` or `Pragma: no-cache`) or says `control=events`.
   * `comments`: comments, and cut lines as with `auto`. `none`: nothing, not even gaps, and cut lines. A function says
   * each control in a protocol's own words, see `ControlFunction`. Default: `auto`.
   */
  control?: ControlOption | undefined
  /**
   * The data of one more event when the source has ended, without a type and an id: `[DONE]` for clients of AI
   * services that wait for it. Sent with `onEnd: 'stop'` only. Default: no such event.
   */
  done?: string | undefined
  /**
   * What the application wants to know of the stream, such as a user or a room: any value, of one call of `reply.sse`
   * only. It stands in what `app.eventfeed.streams()` gives and what `app.eventfeed.kick()` asks about, and in the
   * messages on channels; it goes neither to the client nor into the log. Default: `undefined`.
   */
  tag?: unknown
}

/** What the hooks of this plugin need to know of a request. */
export interface KeyedRequest {
  readonly ip: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly url: string
  readonly id: string
}

/** The options of `app.register(eventfeed, options)`. */
export interface EventfeedOptions<Request extends KeyedRequest = KeyedRequest> extends Omit<EventStreamOptions<Request>, 'tag'> {
  /** The most streams that may be open; further ones are refused with 503. Default: 20,000. */
  maxConnections?: number | undefined
  /**
   * The most streams that may be open for one connection key; further ones are refused with 429. Default: `Infinity`.
   */
  maxConnectionsPerKey?: number | undefined
  /**
   * Whose stream it is, for the limit and for `kick`: a user's id, say. It returns a string, and not a promise of
   * one. Default: `request.ip`.
   */
  connectionKey?: ((request: Request) => string) | undefined
  /**
   * How a stream over a limit is refused: by `status` (503 or 429 with `Retry-After`), or by `retry` (a 200 that says
   * when to come back, and ends), because a browser's `EventSource` gives up for good on a status. Default: `retry`
   * where `Accept` names `text/event-stream`, else `status`.
   */
  refuse?: 'status' | 'retry' | undefined
  /** How long `app.close()` waits for streams to take what remains, in milliseconds. Default: 5,000. */
  drainTimeoutMs?: number | undefined
  /**
   * True: the data of declared events is validated before it is sent; data that does not fit fails its stream, or its
   * `publish`. Default: false.
   */
  validateEvents?: boolean | undefined
  /** The time, to be moved by hand in tests. Default: the machine's. */
  clock?: Clock | undefined
}

/** Says whether the stream of a request may go on. */
export type Recheck = (request: KeyedRequest) => unknown

/** The plugin's options, complete. */
export interface Settings extends Required<Omit<EventfeedOptions<never>, 'refuse' | 'expiresAt' | 'recheck' | 'connectionKey' | 'control' | 'done'>> {
  readonly refuse: 'status' | 'retry' | undefined
  readonly expiresAt: Date | undefined
  readonly done: string | undefined
  readonly control: ControlOption
  readonly recheck: Recheck | undefined
  /** Throws `FST_EVENTFEED_BAD_CONNECTION_KEY` for a request that the application's function gives no string for. */
  readonly connectionKey: (request: KeyedRequest) => string
}

/** Lengths of time, in milliseconds: the shortest that makes sense, and whether `Infinity` does. */
const TIMES = {
  heartbeatIntervalMs: { least: 100, mayBeInfinite: true, otherwise: defaults.HEARTBEAT_INTERVAL_MS },
  retryMs: { least: 0, mayBeInfinite: false, otherwise: defaults.RETRY_MS },
  commitDelayMs: { least: 0, mayBeInfinite: false, otherwise: defaults.COMMIT_DELAY_MS },
  maxAgeMs: { least: 1, mayBeInfinite: true, otherwise: Infinity },
  idleTimeoutMs: { least: 1, mayBeInfinite: true, otherwise: Infinity },
  // a shorter one is probably seconds, mistaken for milliseconds: kick() ends streams at once
  recheckIntervalMs: { least: 1_000, mayBeInfinite: true, otherwise: defaults.RECHECK_INTERVAL_MS },
  writeTimeoutMs: { least: 1, mayBeInfinite: false, otherwise: defaults.WRITE_TIMEOUT_MS }
} as const
const STREAM_OPTIONS = [...Object.keys(TIMES), 'expiresAt', 'recheck', 'onEnd', 'control', 'done']
const PLUGIN_OPTIONS = [...STREAM_OPTIONS, 'maxConnections', 'maxConnectionsPerKey', 'connectionKey', 'refuse', 'drainTimeoutMs', 'validateEvents', 'clock']

/**
 * Checks and completes the plugin's options. Throws `FST_EVENTFEED_BAD_OPTION` with the option's name, what it must
 * be, and the value seen.
 */
export function readSettings (options: EventfeedOptions<never>): Settings {
  refuseUnknown(options, [...PLUGIN_OPTIONS, 'prefix', 'logLevel', 'logSerializers'])
  const { connectionKey = addressOf, clock = systemClock, validateEvents = false, refuse, drainTimeoutMs = defaults.DRAIN_TIMEOUT_MS } = options
  if (typeof connectionKey !== 'function') bad('connectionKey', 'a function of the request that returns a string', connectionKey)
  if (typeof clock !== 'object' || clock === null || typeof clock.now !== 'function' || typeof clock.elapsed !== 'function' || typeof clock.after !== 'function') bad('clock', 'an object with the functions now, elapsed and after', clock)
  if (typeof validateEvents !== 'boolean') bad('validateEvents', 'true or false', validateEvents)
  if (refuse !== undefined && refuse !== 'status' && refuse !== 'retry') bad('refuse', '\'status\' or \'retry\'', refuse)
  checkTime('drainTimeoutMs', drainTimeoutMs, 0, false)
  return {
    ...readStreamOptions(options),
    heartbeatIntervalMs: timeOf('heartbeatIntervalMs', options),
    recheck: readRecheck(options),
    control: readControl(options),
    maxConnections: readLimit('maxConnections', options.maxConnections ?? defaults.MAX_CONNECTIONS),
    maxConnectionsPerKey: readLimit('maxConnectionsPerKey', options.maxConnectionsPerKey ?? defaults.MAX_CONNECTIONS_PER_KEY),
    // the type of the request is the caller's own
    connectionKey: connectionKey === addressOf ? addressOf : checkedKey(connectionKey as (request: KeyedRequest) => unknown),
    clock,
    validateEvents,
    refuse,
    drainTimeoutMs
  }
}

/** Checks and completes the options of one stream. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function readStreamOptions (options: EventStreamOptions<never>): StreamOptions {
  const { onEnd = 'stop', expiresAt, done } = options
  if (onEnd !== 'stop' && onEnd !== 'reconnect') bad('onEnd', '\'stop\' or \'reconnect\'', onEnd)
  if (done !== undefined && typeof done !== 'string') bad('done', 'a string', done)
  if (expiresAt !== undefined && (!(expiresAt instanceof Date) || Number.isNaN(expiresAt.getTime()))) bad('expiresAt', 'a valid Date', expiresAt)
  return {
    retryMs: timeOf('retryMs', options),
    commitDelayMs: timeOf('commitDelayMs', options),
    maxAgeMs: timeOf('maxAgeMs', options),
    idleTimeoutMs: timeOf('idleTimeoutMs', options),
    recheckIntervalMs: timeOf('recheckIntervalMs', options),
    writeTimeoutMs: timeOf('writeTimeoutMs', options),
    expiresAt,
    onEnd,
    done
  }
}

/** The options of one call over those of the plugin. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function overrideStreamOptions (
  settings: Settings, options: EventStreamOptions<never>
): { stream: StreamOptions, heartbeatIntervalMs: number, recheck: Recheck | undefined, control: ControlOption, tag: unknown } {
  refuseUnknown(options, [...STREAM_OPTIONS, 'tag'])
  const given: EventStreamOptions<never> = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const merged: EventStreamOptions<never> = { ...settings, ...given }
  return { stream: readStreamOptions(merged), heartbeatIntervalMs: timeOf('heartbeatIntervalMs', merged), recheck: readRecheck(merged), control: readControl(merged), tag: given.tag }
}

/**
 * The client's address. A Unix socket has none, and nor has a socket that is closed: all such requests share one key.
 */
function addressOf ({ ip }: { readonly ip: string | undefined }): string {
  return ip ?? ''
}

/** Fails closed: a key that is no string is different each time, so that no limit would hold. */
function checkedKey (connectionKey: (request: KeyedRequest) => unknown): Settings['connectionKey'] {
  return (request) => {
    let key: unknown
    try {
      key = connectionKey(request)
    } catch (cause) {
      throw new BadConnectionKey(`failed with ${shown(cause instanceof Error ? cause.message : cause)}`, { cause })
    }
    if (typeof key === 'string') return key
    // nobody else hears of its rejection
    if (key instanceof Promise) key.catch(() => {})
    throw new BadConnectionKey(`returned ${describe(key)}`)
  }
}

function readRecheck ({ recheck }: EventStreamOptions<never>): Recheck | undefined {
  if (recheck !== undefined && typeof recheck !== 'function') bad('recheck', 'a function of the request that says whether the stream may go on', recheck)
  // the type of the request is the caller's own
  return recheck as Recheck | undefined
}

function readControl ({ control = 'auto' }: EventStreamOptions<never>): ControlOption {
  if (!isControlOption(control)) bad('control', '\'auto\', \'events\', \'comments\', \'none\' or a function of the control', control)
  return control
}

function timeOf (name: keyof typeof TIMES, options: EventStreamOptions<never>): number {
  const { least, mayBeInfinite, otherwise } = TIMES[name]
  return checkTime(name, options[name] ?? otherwise, least, mayBeInfinite)
}

function checkTime (name: string, value: unknown, least: number, mayBeInfinite: boolean): number {
  const isTime = typeof value === 'number' && value >= least && (Number.isSafeInteger(value) || (mayBeInfinite && value === Infinity))
  if (!isTime) bad(name, `an integer of milliseconds, ${least} or more${mayBeInfinite ? ', or Infinity' : ''}`, value)
  return value
}

function readLimit (name: string, value: unknown): number {
  if (typeof value !== 'number' || !(value === Infinity || (Number.isSafeInteger(value) && value >= 0))) bad(name, 'a non-negative integer, or Infinity', value)
  return value
}

function refuseUnknown (options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) bad('options', 'an object', options)
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw new BadOption(`there is no option ${shown(name)}: there are ${known.join(', ')}`)
  }
}

function bad (name: string, wanted: string, value: unknown): never {
  throw new BadOption(`the option ${name} must be ${wanted}, not ${shown(value)}`)
}
