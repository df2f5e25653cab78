/**
 * Options that hold data: what each refuses at the call, at `app.feed` or at registration. Functions are rows of the
 * table of boundaries.
 */

const NO_TIME: readonly unknown[] = ['1000', -1, 0.5, NaN, -Infinity, {}, 1n]
const NO_LIMIT: readonly unknown[] = ['10', -1, 1.5, NaN, {}]
const NO_BOUND: readonly unknown[] = ['10', 0, -1, 1.5, NaN, {}]

/** Wrong values by option. */
export const DATA_OPTIONS: Readonly<Record<string, readonly unknown[]>> = {
  'SubscribeOptions.after': [1, null, {}, []],
  'SubscribeOptions.from': [
    'newest',
    {},
    { last: -1 },
    { last: 0.5 },
    { since: 'now' },
    { since: new Date(NaN) },
    { last: 1, since: new Date() },
    null
  ],
  'SubscribeOptions.events': [[], 'message', 7, null, {}, [7], new Set(['message'])],
  'SubscribeOptions.signal': ['text', 42, {}, []],
  'SubscribeOptions.everyMs': [0, -1, 0.5, NaN, Infinity, '5', {}],
  'FeedOptions.events': [[], 'message', { message: 'text' }, { 'a\nb': {} }, { message: { $ref: 'nowhere#' } }],
  'FeedOptions.retain': [1, 'all', { entries: 0 }, { entries: Infinity }, { bytes: -1 }, { ageMs: NaN }, { days: 1 }],
  'FeedOptions.slowConsumer': ['wait', 1, {}],
  'FeedOptions.maxLagBytes': NO_BOUND,
  'FeedOptions.maxLagMs': NO_BOUND,
  'EventStreamOptions.heartbeatIntervalMs': [...NO_TIME, 99],
  'EventStreamOptions.retryMs': [...NO_TIME, Infinity],
  'EventStreamOptions.commitDelayMs': [...NO_TIME, Infinity],
  'EventStreamOptions.maxAgeMs': [...NO_TIME, 0],
  'EventStreamOptions.idleTimeoutMs': [...NO_TIME, 0],
  'EventStreamOptions.writeTimeoutMs': [...NO_TIME, 0, Infinity],
  'EventStreamOptions.recheckIntervalMs': [...NO_TIME, 999],
  'EventStreamOptions.expiresAt': [1, 'tomorrow', new Date(NaN), {}],
  'EventStreamOptions.onEnd': ['go', 1, {}],
  'EventStreamOptions.done': [1, true, {}, []],
  'EventfeedOptions.maxConnections': NO_LIMIT,
  'EventfeedOptions.maxConnectionsPerKey': NO_LIMIT,
  'EventfeedOptions.refuse': ['never', 1, {}],
  'EventfeedOptions.drainTimeoutMs': [...NO_TIME, Infinity],
  'EventfeedOptions.validateEvents': ['yes', 1, {}]
}

/** Options that are functions, or hold some: what is none is refused too. */
export const FUNCTION_OPTIONS: Readonly<Record<string, readonly unknown[]>> = Object.fromEntries([
  'SubscribeOptions.where', 'SubscribeOptions.as', 'SubscribeOptions.endAfter', 'SubscribeOptions.initial', 'SubscribeOptions.onGap',
  'FeedOptions.initial', 'FeedOptions.onGap',
  'EventStreamOptions.control', 'EventStreamOptions.recheck', 'EventfeedOptions.connectionKey'
].map((name) => [name, ['text', 42, {}, []]]))
