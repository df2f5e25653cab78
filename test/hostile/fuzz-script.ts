/**
 * What a fuzzer's run is made of: what the source does, what the client does, what the server does. All of it is plain JSON, so
 * that a run that failed can be printed and played again.
 */
import fc from 'fast-check'

/** What a source does next. `hang` ignores the signal, and is released when the run is over. */
export type SourceStep =
  | { do: 'yield', bytes: number }
  | { do: 'flood', events: number, bytes: number }
  | { do: 'bad', which: number }
  | { do: 'turns', count: number }
  | { do: 'throw' | 'hang' | 'until' | 'signal' | 'return' | 'ready' }

/** A source that is pulled. `bare` sources get no arguments: they are given to `reply.sse` as they are. */
export interface PulledSource {
  kind: 'sync generator' | 'async generator' | 'iterator' | 'node objects' | 'node bytes' | 'web'
  given: 'bare' | 'by a function' | 'by a slow function'
  takesSignal: boolean
  steps: SourceStep[]
}

/** What happens to the feeds of a run. They end when all steps are over, and the last leg of the client has arrived. */
export type FeedStep = { do: 'publish', count: number, bytes: number, feed: number } | { do: 'turns', count: number }

/** A source that follows one feed, or two. */
export interface FeedSource {
  kind: 'feed' | 'feeds'
  from: 'latest' | 'earliest'
  where: boolean
  as: boolean
  steps: FeedStep[]
}

/** True for what follows feeds. */
export function isFeedSource (source: PulledSource | FeedSource): source is FeedSource {
  return source.kind === 'feed' || source.kind === 'feeds'
}

/** What a client does next. `bytes` waits until so many more have come, or no more will come. */
export type ClientStep =
  | { do: 'turns', count: number }
  | { do: 'bytes', count: number }
  | { do: 'pause', ms: number }
  | { do: 'stall' | 'flow' | 'junk' | 'ask' }

/** One connection of a client: what it does, and how it leaves. Over HTTP/2, `half close` says GOAWAY. */
export interface Leg {
  steps: ClientStep[]
  leave: 'read to the end' | 'close' | 'reset' | 'half close'
  /** Over HTTP/2: what each stream takes at first, whether PINGs come meanwhile, and the code with which the client leaves. */
  window: number
  pings: boolean
  code: number
}

/** One stream; of a feed, a stream and its resumptions. */
export interface Run {
  source: PulledSource | FeedSource
  legs: Leg[]
  http: '1.0' | '1.1' | '2'
  accept: string
  /** True where its client sends what tells an `EventSource` from others that name the format. */
  isEventSource: boolean
  /** Streams on the same connection: some that end are asked for earlier, and some that never end later; over HTTP/2 these are not read. */
  ahead: number
  behind: number
  /** What an `onSend` hook does. */
  hook: 'none' | 'wrap' | 'slow'
  kickAfterTurns: number | undefined
  options: { commitDelayMs: number, maxAgeMs?: number, idleTimeoutMs?: number, writeTimeoutMs?: number, onEnd: 'stop' | 'reconnect' }
}

/** Runs that share one application. */
export interface World {
  protocol: 'HTTP/1' | 'HTTP/2'
  maxConnections: number
  drainTimeoutMs: number
  /** When the application closes, of itself; else when all runs are over. */
  closeAfterTurns: number | undefined
  runs: Run[]
}

const turns = fc.record({ do: fc.constant('turns' as const), count: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 0, max: 4 }) }, fc.integer({ min: 5, max: 60 })) })
const bytes = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 60 }) }, { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 300_000 }) })
/** Once in so many times. */
const sometimes = <Value> (value: fc.Arbitrary<Value>, times: number): fc.Arbitrary<Value | undefined> => fc.oneof({ weight: 1, arbitrary: value }, { weight: times - 1, arbitrary: fc.constant(undefined) })

const sourceStep: fc.Arbitrary<SourceStep> = fc.oneof(
  { weight: 36, arbitrary: fc.record({ do: fc.constant('yield' as const), bytes }) },
  { weight: 8, arbitrary: turns },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bad' as const), which: fc.nat(5) }) },
  // more than the sockets of both sides hold
  { weight: 1, arbitrary: fc.record({ do: fc.constant('flood' as const), events: fc.integer({ min: 5, max: 30 }), bytes: fc.integer({ min: 50_000, max: 300_000 }) }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom('throw' as const, 'hang' as const, 'until' as const, 'signal' as const, 'return' as const, 'ready' as const) }) }
)

const pulled: fc.Arbitrary<PulledSource> = fc.record({
  kind: fc.constantFrom('sync generator', 'async generator', 'iterator', 'node objects', 'node bytes', 'web'),
  given: fc.constantFrom('bare', 'by a function', 'by a slow function'),
  takesSignal: fc.boolean(),
  steps: fc.array(sourceStep, { maxLength: 14 })
})

const feed: fc.Arbitrary<FeedSource> = fc.record({
  kind: fc.constantFrom('feed', 'feeds'),
  from: fc.constantFrom('latest', 'earliest'),
  where: fc.boolean(),
  as: fc.boolean(),
  steps: fc.array(fc.oneof(
    { weight: 2, arbitrary: fc.record({ do: fc.constant('publish' as const), count: fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 60 })), bytes: bytes.map((count) => Math.min(count, 20_000)), feed: fc.nat(1) }) },
    { weight: 1, arbitrary: turns }
  ), { maxLength: 10 })
})

const clientSteps: fc.Arbitrary<ClientStep[]> = fc.array(fc.oneof(
  { weight: 6, arbitrary: turns },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('bytes' as const), count: fc.oneof(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1_000, max: 200_000 })) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'flow' as const) }) },
  // long enough for the shortest of the time-outs
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pause' as const), ms: fc.integer({ min: 1, max: 120 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('junk' as const, 'ask' as const, 'ask' as const) }) }
), { maxLength: 5 })

/** One that stalls for long when all has begun. */
const STALLS: ClientStep[] = [{ do: 'bytes', count: 1 }, { do: 'stall' }, { do: 'pause', ms: 120 }]

const leg: fc.Arbitrary<Leg> = fc.record({
  steps: fc.oneof({ weight: 5, arbitrary: clientSteps }, { weight: 1, arbitrary: fc.constant(STALLS) }),
  leave: fc.oneof({ weight: 5, arbitrary: fc.constant('read to the end' as const) }, { weight: 4, arbitrary: fc.constantFrom('close' as const, 'reset' as const, 'half close' as const) }),
  window: fc.constantFrom(0, 1, 1_000, 65_535),
  pings: fc.boolean(),
  code: fc.oneof(fc.constant(0), fc.nat(13))
})

const options: fc.Arbitrary<Run['options']> = fc.record({
  commitDelayMs: fc.constantFrom(0, 1, 5, 50),
  maxAgeMs: sometimes(fc.integer({ min: 1, max: 60 }), 12),
  idleTimeoutMs: sometimes(fc.integer({ min: 1, max: 60 }), 12),
  writeTimeoutMs: sometimes(fc.integer({ min: 5, max: 80 }), 3),
  onEnd: fc.constantFrom('stop', 'stop', 'reconnect')
})

const runOver = (versions: ReadonlyArray<Run['http']>): fc.Arbitrary<Run> => fc.oneof(
  { weight: 3, arbitrary: fc.tuple(pulled, fc.array(leg, { minLength: 1, maxLength: 1 })) },
  { weight: 1, arbitrary: fc.tuple(feed, fc.array(leg, { minLength: 1, maxLength: 3 })) }
).chain(([source, legs]) => fc.record({
  source: fc.constant(source),
  legs: fc.constant(legs),
  http: fc.constantFrom(...versions),
  accept: fc.constantFrom('text/event-stream', '*/*'),
  isEventSource: fc.boolean(),
  ahead: fc.constantFrom(0, 0, 0, 1, 2),
  // the last is more than may wait
  behind: fc.constantFrom(0, 0, 0, 0, 1, 3, 40),
  hook: fc.constantFrom('none', 'none', 'none', 'wrap', 'slow'),
  kickAfterTurns: sometimes(fc.integer({ min: 0, max: 40 }), 9),
  options
}))

/** Worlds of so many runs. */
export function worlds (runs: number, { mayClose }: { mayClose: boolean }): fc.Arbitrary<World> {
  const over = (protocol: World['protocol'], versions: ReadonlyArray<Run['http']>): fc.Arbitrary<World> => fc.record({
    protocol: fc.constant(protocol),
    maxConnections: fc.constantFrom(20_000, 20_000, 20_000, 6),
    drainTimeoutMs: fc.constantFrom(0, 30, 300),
    closeAfterTurns: mayClose ? fc.integer({ min: 0, max: 80 }) : fc.constant(undefined),
    runs: fc.array(runOver(versions), { minLength: runs, maxLength: runs })
  })
  return fc.oneof({ weight: 2, arbitrary: over('HTTP/1', ['1.1', '1.1', '1.1', '1.0']) }, { weight: 1, arbitrary: over('HTTP/2', ['2']) })
}
