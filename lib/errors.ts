/**
 * Every error of the plugin, in one place: code, message, status. Branch on `code`, never on the text.
 * The values that a message shows are escaped by `shown`, so that no input can forge a line of the log.
 */
import createError from '@fastify/error'

/** An option of the plugin, of a feed or of a stream is not what it must be. Thrown at registration or at the call. */
export const BadOption = createError<[string]>('FST_EVENTFEED_BAD_OPTION', '%s', 500)
/** The plugin was registered a second time in the same context. */
export const AlreadyRegistered = createError('FST_EVENTFEED_ALREADY_REGISTERED',
  'fastify-eventfeed is already registered here: register it once, on the instance whose routes are to stream; its children inherit it', 500)
/** Another plugin has taken `reply.sse`. */
export const ReplySseTaken = createError('FST_EVENTFEED_REPLY_SSE_TAKEN',
  'reply.sse is taken by another plugin (@fastify/sse does so): two plugins that serve event streams exclude each other in one context, register only one of them', 500)
/** A package that an entry point needs, and that only those who use it install, is not there. */
export const MissingPeer = createError<[string, string, string, ErrorOptions?]>('FST_EVENTFEED_MISSING_PEER',
  '%s cannot be loaded, and %s needs it. It is an optional peer dependency: install it beside fastify-eventfeed with npm install %s', 500)
/** A feed with this name is alive. */
export const FeedExists = createError<[string]>('FST_EVENTFEED_FEED_EXISTS', 'a feed, or a family of rooms, named %s exists already: keep what app.feed() or app.feeds() returned the first time, or call end() on the feed first', 500)
/** `publish` on a feed that has ended. */
export const FeedEnded = createError<[string]>('FST_EVENTFEED_FEED_ENDED', 'the feed %s has ended, so nothing can be published in it any more: define it again with app.feed(), or open the room again', 500)

/** A feed of a family is used after it was freed, or while it is. */
export const FEED_FREED = 'FST_EVENTFEED_FEED_FREED'
/** A feed of a family was freed because nobody followed it. The room may be opened again. */
export const FeedFreed = retryable(createError<[string, string]>(FEED_FREED,
  'the feed %s was freed, because nobody followed it for freeWhenIdleMs: open the room again, by await open(%s) for each request, and use the feed that this gives', 503))
/** The code of a `TooManyFeeds`. */
export const TOO_MANY_FEEDS = 'FST_EVENTFEED_TOO_MANY_FEEDS'
/** `maxOpen` rooms of a family are there. */
export const TooManyFeeds = createError<[number, string]>(TOO_MANY_FEEDS, '%d rooms %s are open on this server, as many as maxOpen allows: try again later', 503)
/** The code of a `RoomTimedOut`. */
export const ROOM_TIMED_OUT = 'FST_EVENTFEED_ROOM_TIMED_OUT'
/** What a room waits for has not settled in time. */
export const RoomTimedOut = retryable(createError<[string, string, number]>(ROOM_TIMED_OUT, 'the room %s waits for %s, which has not settled in %d ms', 503))
/** The code of a `RoomsClosed`. */
export const ROOMS_CLOSED = 'FST_EVENTFEED_ROOMS_CLOSED'
/** A room was to be opened while the application closes. */
export const RoomsClosed = createError(ROOMS_CLOSED, 'this server is closing, and opens no room any more: try again later', 503)

/** What streams learn of a feed that was ended by `fail`: the cause is for the application alone. */
export const FEED_FAILED = 'FST_EVENTFEED_FEED_FAILED'
/** A feed that a loop reads was ended by `fail`. */
export const FeedFailed = createError<[string, ErrorOptions?]>(FEED_FAILED, 'the feed %s has failed', 500)

/** A family of runs with this name is there already. */
export const RunsExist = createError<[string]>('FST_EVENTFEED_RUNS_EXIST', 'runs named %s exist already: keep what app.runs() returned the first time', 500)
/** The code of an `UnknownRun`. */
export const UNKNOWN_RUN = 'FST_EVENTFEED_UNKNOWN_RUN'
/** No run has this id: it was never started, or is not kept any more. */
export const UnknownRun = createError<[string]>(UNKNOWN_RUN, 'there is no run %s: it was never started, or is not kept any more', 404)
/** A run with this id is running. */
export const RunExists = createError<[string]>('FST_EVENTFEED_RUN_EXISTS', 'a run %s is running already: follow it, stop it first, or start the new one with another id', 409)
/** `maxRuns` runs are running. */
export const TooManyRuns = createError('FST_EVENTFEED_TOO_MANY_RUNS', 'too many runs are running on this server: try again later', 503)
/** A run was to be started, or was still to begin, while the application closes. */
export const RunsClosed = createError('FST_EVENTFEED_RUNS_CLOSED', 'this server is closing, and starts no run any more: try again later', 503)
/** The runs of a family hold as many bytes as they may. */
export const RunsFull = createError<[string, number]>('FST_EVENTFEED_RUNS_FULL', 'the runs %s hold %d bytes, as much as maxBytes allows: try again later', 503)
/** A run holds as many events, or bytes of them, as `retain` allows. */
export const RunFull = createError<[string, string]>('FST_EVENTFEED_RUN_FULL',
  'the run %s has more than %s, and retain allows no more: raise it, or give whenFull: \'trim\' to have its first events dropped', 500)
/** What those who follow a run learn of its failure: the cause is for the application alone. */
export const RUN_FAILED = 'FST_EVENTFEED_RUN_FAILED'
/** A run that is followed has failed. */
export const RunFailed = createError<[string, ErrorOptions?]>(RUN_FAILED, 'the run %s has failed', 500)
/** A run was stopped, and its source still runs. */
export const RunParked = createError<[string, number]>('FST_EVENTFEED_RUN_PARKED',
  'the run %s was stopped, but its source still runs after %d ms: it waits for something that ignores the signal. Give the signal to what it waits for, or wait by until(promise); a source gets both', 500)

/** A field of an event breaks the rules of the event stream format. */
export const BadField = createError<[string, string, string, ErrorOptions?]>('FST_EVENTFEED_BAD_FIELD', 'the %s of an event %s, but it is %s', 500)
/** What a source yielded, or what was published, is no event. */
export const BadEvent = createError<[string]>('FST_EVENTFEED_BAD_EVENT', '%s', 500)
/** A filter or a projection returned a promise. */
export const NotSynchronous = createError<[string, string]>('FST_EVENTFEED_NOT_SYNCHRONOUS',
  'subscribe({ %s }) returned a promise: it must answer at once. Look up what it needs before the call of subscribe(), and keep it in memory for %s', 500)
/** A function that chooses streams returned a promise, which would choose all of them. */
export const PromisedChoice = createError<[string, string]>('FST_EVENTFEED_NOT_SYNCHRONOUS',
  'the function given to app.eventfeed.%s() returned a promise, which would count as true whatever it says: look up what it needs first, then call %s(), with a function that answers at once', 500)
/** A loop over a subscription fell behind what the feed's log keeps. */
export const ReaderLagged = createError<[string, string]>('FST_EVENTFEED_LAGGED',
  'a loop over a subscription of the feed %s fell behind what its log keeps: subscribe again with after: %s to learn of the gap, or give the feed slowConsumer: \'skip\'', 500)
/** The event ID of a stream that carries the positions of several feeds is longer than a client can send back. */
export const IdTooLong = createError<[number, number, number]>('FST_EVENTFEED_ID_TOO_LONG',
  'a stream of %d feeds or runs has event IDs of %d bytes: clients send them back in a header, in which %d fit; publish in one feed, by keys, or open several streams', 500)
/** The code of a `LogFailed`: which may come from another copy of this package. */
export const LOG_FAILED = 'FST_EVENTFEED_LOG_FAILED'
/** The log of a feed failed while it was read. */
export const LogFailed = createError<[ErrorOptions?]>(LOG_FAILED, 'the log of a feed cannot be read now: try again later', 503)
/** A log is used after its `close`, or after the application has closed. Trying again does not help. */
export const LogClosed = createError<[string]>('FST_EVENTFEED_LOG_CLOSED', 'the log %s is closed in this process, so it can neither be read nor written', 503)
/** More events wait to be written than may: `publish` can be tried again when some have been. */
export const LogBusy = retryable(createError<[string, string]>('FST_EVENTFEED_LOG_BUSY',
  'the feed %s has %s on their way into its log: wait for some of the promises that publish() returned, then publish again', 503))
/**
 * What a log is stored in cannot be written or read now: a full disk, a lock, a lost connection. May be tried again.
 */
export const LogUnavailable = retryable(createError<[string, ErrorOptions?]>('FST_EVENTFEED_LOG_UNAVAILABLE', '%s', 503))
/**
 * What a log is stored in cannot be used: damaged, of another program, of a newer format, in use. Trying again does
 * not help by itself.
 */
export const LogUnusable = createError<[string, ErrorOptions?]>('FST_EVENTFEED_LOG_UNUSABLE', '%s', 500)
/** What was given to `reply.sse` is nothing that can be streamed. */
export const BadSource = createError<[string]>('FST_EVENTFEED_BAD_SOURCE',
  'reply.sse() streams an async iterable, an iterable, a Node or web readable stream, a feed subscription, an array of subscriptions, or a function that returns one of these, not %s', 500)
/** A line of a byte stream has no end within the bound. */
export const LineTooLong = createError<[number]>('FST_EVENTFEED_LINE_TOO_LONG', 'a line of a byte stream is longer than %d bytes: each line becomes one event, so end lines with a line feed', 500)

/** A log answered what its contract does not allow. */
export const BadLog = createError<[string, string, string]>('FST_EVENTFEED_BAD_LOG', 'a log must answer %s with %s, not %s', 500)
/** A log breaks a promise of its contract: thrown by the claims of `fastify-eventfeed/testing/log`. */
export const LogClaimFailed = createError<[string, ErrorOptions?]>('FST_EVENTFEED_LOG_CLAIM', '%s', 500)

/** The schema does not declare this event type. */
export const UnknownEvent = createError<[string, string]>('FST_EVENTFEED_UNKNOWN_EVENT', 'the event type %s is not declared: schema.events names %s', 500)
/** The data of an event does not fit the schema of its type. */
export const InvalidData = createError<[string, string, ErrorOptions?]>('FST_EVENTFEED_INVALID_DATA', 'the data of an event of type %s %s', 500)
/** A union schema cannot be used to serialize: its first matching member would silently drop what the others name. */
export const AmbiguousUnion = createError<[string, string]>('FST_EVENTFEED_AMBIGUOUS_UNION',
  'schema.events has a union for the event type %s, and %s: say which member the data is, by subscribe({ as: projection(Member, fn) }) with a member of that union, or close the members with additionalProperties: false', 500)
/** A schema of `schema.events` cannot be compiled. Thrown when the application gets ready, or by `app.feed`. */
export const BadSchema = createError<[string, string, ErrorOptions?]>('FST_EVENTFEED_BAD_SCHEMA', 'the schema of the event type %s cannot be used: %s', 500)

/** The request does not accept an event stream. */
export const NotAcceptable = createError<[string]>('FST_EVENTFEED_NOT_ACCEPTABLE', 'this resource is an event stream: send "Accept: text/event-stream" (the request accepts only %s)', 406)
/** `maxConnections` streams are open. */
export const TooManyConnections = createError('FST_EVENTFEED_TOO_MANY_CONNECTIONS', 'too many event streams are open on this server: try again later', 503)
/** `maxConnectionsPerKey` streams of this client are open. */
export const TooManyConnectionsPerKey = createError('FST_EVENTFEED_TOO_MANY_CONNECTIONS_PER_KEY', 'too many event streams are open for this client: close some, or try again later', 429)
/** The application closes: sent to clients that would take an empty stream for an answer. */
export const Draining = createError('FST_EVENTFEED_DRAINING', 'this server is closing: try again later', 503)

/** A pipelined stream was kicked, or waited too long for the responses ahead of it. Sent as `Draining` is. */
export const NotBegun = createError('FST_EVENTFEED_NOT_BEGUN', 'this event stream could not begin: try again later', 503)

/** `connectionKey` gave no string for a request. */
export const BadConnectionKey = createError<[string, ErrorOptions?]>('FST_EVENTFEED_BAD_CONNECTION_KEY',
  'the option connectionKey must return a string, and at once, or its limits would count nothing: it %s; what takes its time belongs in a hook before the handler', 500)

/** An async handler called `reply.sse` and returned something else before the stream was committed. */
export const NotReturned = createError<[string]>('FST_EVENTFEED_NOT_RETURNED', 'the async handler of %s called reply.sse() but did not return its result, so Fastify answered in its place: write `return reply.sse(…)`', 500)
/** A handler called `reply.sse`, and then returned, sent or threw something that is no error. */
export const AnsweredBeside = createError<[string, string]>('FST_EVENTFEED_NOT_RETURNED', 'the handler of %s called reply.sse(), and then returned, sent or threw %s: a reply is one answer. Write `return reply.sse(…)`, and answer nothing beside it', 500)
/** `reply.sse` was called twice for one request. */
export const AlreadyStreaming = createError<[string]>('FST_EVENTFEED_ALREADY_STREAMING', 'reply.sse() was called twice by the handler of %s: a reply is one event stream; give an array of subscriptions to merge feeds', 500)
/** `reply.sse` was called after the reply was sent. */
export const ReplySent = createError<[string]>('FST_EVENTFEED_REPLY_SENT', 'reply.sse() was called by the handler of %s after the reply was sent: call it instead of reply.send(), not after it', 500)

/** The code that a client sees in `stream:error`; the cause is in the server's log only. */
export const SOURCE_FAILED = 'FST_EVENTFEED_SOURCE_FAILED'

/** Errors of this kind carry `retryable: true`: the same call may succeed later. */
function retryable<Kind extends { readonly prototype: object }> (kind: Kind): Kind {
  Object.defineProperty(kind.prototype, 'retryable', { value: true })
  return kind
}

/** How much of a refused value a message shows, in characters. */
const SHOWN_CHARACTERS = 80

/**
 * Shows a value in an error message, as it was given and not too long. It looks like JSON, so control characters are
 * escaped; what JSON has no word for, or another one, is named: `Infinity`, `-0`, `undefined`, `an instance of Map`.
 */
export function shown (value: unknown): string {
  let text: string
  try {
    // a text within a text has escaped quotes, so what stands between two marks is ours
    text = JSON.stringify({ '': value }, truthful).slice('{"":'.length, -1).replace(/"\\u0000([^"\\]*)\\u0000"/g, '$1')
  } catch {
    // circular, or something that throws when it is looked at: the type says enough
    text = describe(value)
  }
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}… (${text.length} characters)` : text
}

/** Stands around what is not shown as a string, until the text is made. */
const MARK = '\u0000'

/** For `JSON.stringify`: keeps what JSON says truly. @param json the value, or what its `toJSON` has made of it */
function truthful (this: unknown, name: string, json: unknown): unknown {
  if (typeof json === 'string') return json.startsWith(MARK) && json.endsWith(MARK) ? `${MARK}a string${MARK}` : json
  if (typeof json === 'boolean' || (Number.isFinite(json) && !Object.is(json, -0))) return json
  if (typeof json === 'number') return `${MARK}${Object.is(json, -0) ? '-0' : String(json)}${MARK}`
  if (typeof json === 'bigint') return `${MARK}${json}n${MARK}`
  const value: unknown = Reflect.get(this as object, name) // who calls this gives the object that holds the value
  if (value === null || Array.isArray(json)) return json
  const isPlain = typeof json === 'object' && json !== null && [Object.prototype, null].includes(Object.getPrototypeOf(json))
  return isPlain ? json : `${MARK}${describe(value)}${MARK}`
}

/**
 * What was thrown, as an error that can be told: what throws when it is looked at would throw again wherever it is
 * logged or answered. `what` says what failed, for what is no error.
 */
export function asError (thrown: unknown, what: string): Error {
  try {
    // a message, a stack or a cause may be a getter that throws
    if (thrown instanceof Error && `${thrown.name}${thrown.message}${thrown.stack}${typeof thrown.cause}` !== '') return thrown
    JSON.stringify(thrown)
    return new Error(`${what} with ${shown(thrown)}`, { cause: thrown })
  } catch {
    return new Error(`${what} with something that cannot be looked at`)
  }
}

/** True for what aborts throw: expected of a source whose stream has ended. */
export function isAbort (error: unknown): boolean {
  return asError(error, '').name === 'AbortError'
}

/** Names the kind of a value: `a number`, `an array`, `an instance of Map`. */
export function describe (value: unknown): string {
  try {
    return kindOf(value)
  } catch {
    return 'something that cannot be looked at'
  }
}

function kindOf (value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (value instanceof Date && Number.isNaN(value.getTime())) return 'an invalid Date'
  if (typeof value !== 'object') return `a ${typeof value}`
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== 'Object' ? `an instance of ${/^[\w$]{1,80}$/.test(name) ? name : 'a class with a strange name'}` : 'an object'
}
