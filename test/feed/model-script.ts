/** Worlds for the model-based test: one feed, a few clients, and what happens to them, in any order. */
import fc from 'fast-check'
import { ENTRY_BYTES } from '../../lib/defaults.ts'

export const KEYS = ['a', 'b', 'c', undefined] as const

/** What events are published with. */
export const KEY_LISTS: ReadonlyArray<readonly string[]> = [['a'], ['b'], ['c'], [], ['a', 'b'], ['b', 'c', 'a'], ['c', 'x'], ['a', 'c']]

export type SnapshotKind = 'none' | 'sync' | 'async' | 'after older' | 'async after newer'

/** How a client subscribes. */
export interface Shape {
  from: 'latest' | 'earliest' | 'start' | { lastPerKey: number } | undefined
  /** Ends after each number that `endsAfter` names. */
  ends: boolean
  /** At most one tick in so many milliseconds. */
  everyMs: number | undefined
  /** Takes the even numbers. */
  where: boolean
  /** The keys that it follows at first. */
  keys: number[] | undefined
  /** Leaves out each fifth. */
  as: boolean
  /** Who throws at each seventh. */
  throws: 'never' | 'where' | 'as'
  initial: SnapshotKind
  onGap: SnapshotKind
}

export type Step =
  | { do: 'publish', count: number, key: number, bytes: number }
  | { do: 'stall' | 'resume' | 'cancel' | 'quiet' | 'malformed', client: number }
  | { do: 'read', client: number, batches: number, maxBytes: number | undefined }
  | { do: 'cut', client: number, lost: number }
  | { do: 'follow' | 'unfollow', client: number, key: number, last: number }
  | { do: 'advance', ms: number }
  | { do: 'turns', count: number }
  | { do: 'settle' }
  | { do: 'lose', count: number, key: number }
  | { do: 'restart' }

export interface World {
  /** How many entries the window of a paged log holds; `undefined` for the log in memory. */
  paged: number | undefined
  /** A paged log in SQLite, which this process has to itself. */
  inSqlite?: boolean
  retain: { entries: number, bytes: number, ageMs: number }
  /** How many of the newest entries of each key are kept; `undefined` for none. */
  perKey: number | undefined
  mode: 'disconnect' | 'skip' | 'latest'
  maxLagBytes: number
  maxLagMs: number
  /** How the feed ends, and for how long it is kept then. */
  how: 'end' | 'fail'
  keepMs: number
  clients: Shape[]
  steps: Step[]
}

const mostly = <Value>(usual: Value, other: fc.Arbitrary<Value>, weight = 2): fc.Arbitrary<Value> => fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: other })
const client = fc.nat(3)
const key = fc.nat(KEY_LISTS.length - 1)
const snapshot = mostly<SnapshotKind>('none', fc.constantFrom('sync', 'async', 'after older', 'async after newer'))

const shape: fc.Arbitrary<Shape> = fc.record({
  from: fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom('latest' as const, 'earliest' as const, 'start' as const, undefined) },
    { weight: 1, arbitrary: fc.record({ lastPerKey: fc.nat(3) }) }
  ),
  ends: mostly(false, fc.constant(true), 3),
  everyMs: mostly<number | undefined>(undefined, fc.constantFrom(1, 20, 100)),
  where: fc.boolean(),
  keys: mostly<number[] | undefined>(undefined, fc.uniqueArray(fc.nat(2), { maxLength: 3 }), 1),
  as: mostly(false, fc.constant(true)),
  throws: mostly<Shape['throws']>('never', fc.constantFrom('where', 'as')),
  initial: snapshot,
  onGap: snapshot
  // what is given out of turn may name the end too, and then the rest of it still comes: other tests look at that
}).map((shape) => ({ ...shape, ends: shape.ends && typeof shape.from !== 'object' }))

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('publish' as const), count: mostly(1, fc.integer({ min: 2, max: 12 }), 1), key, bytes: mostly(0, fc.constantFrom(30, 300, 100_000), 3) }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('stall' as const, 'resume' as const, 'stall' as const, 'resume' as const, 'quiet' as const, 'cancel' as const, 'malformed' as const), client }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('read' as const), client, batches: fc.integer({ min: 1, max: 3 }), maxBytes: fc.constantFrom(undefined, 1, 150) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('cut' as const), client, lost: fc.nat(4) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('follow' as const, 'unfollow' as const), client, key: fc.nat(2), last: fc.nat(3) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('turns' as const), count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.constant({ do: 'settle' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), count: fc.nat(4), key }) },
  { weight: 1, arbitrary: fc.constant({ do: 'restart' as const }) }
)

/** Worlds of all sizes; shrinks to fewer steps, fewer clients, fewer bounds. */
export const worlds: fc.Arbitrary<World> = fc.record({
  paged: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 6 }) }),
  retain: fc.record({
    entries: mostly(1000, fc.integer({ min: 1, max: 15 }), 1),
    bytes: mostly(Infinity, fc.integer({ min: ENTRY_BYTES, max: 20 * ENTRY_BYTES })),
    ageMs: mostly(Infinity, fc.integer({ min: 1, max: 100 }))
  }),
  perKey: fc.oneof(fc.constant(undefined), fc.integer({ min: 1, max: 4 })),
  mode: fc.constantFrom('disconnect', 'skip', 'latest'),
  maxLagBytes: mostly(Infinity, fc.integer({ min: ENTRY_BYTES, max: 8 * ENTRY_BYTES }), 1),
  maxLagMs: mostly(Infinity, fc.integer({ min: 1, max: 80 })),
  how: mostly<World['how']>('end', fc.constant('fail')),
  keepMs: fc.constantFrom(0, 50),
  clients: fc.array(shape, { minLength: 1, maxLength: 4 }),
  steps: fc.array(step, { minLength: 1, maxLength: 45, size: 'max' })
})
