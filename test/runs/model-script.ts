/** What may happen to runs and to those who follow them, drawn at random. */
import fc from 'fast-check'

/** The ids of the runs of a world. */
export const SLOTS = ['a', 'b', 'c'] as const
export type Slot = typeof SLOTS[number]

export type Step =
  | { readonly does: 'start', readonly slot: Slot }
  | { readonly does: 'say', readonly slot: Slot, readonly count: number }
  | { readonly does: 'return' | 'fail' | 'stop', readonly slot: Slot }
  | { readonly does: 'follow', readonly client: number }
  | { readonly does: 'leave' | 'stall' | 'resume', readonly client: number }
  | { readonly does: 'pass', readonly ms: number }
  | { readonly does: 'turn' }
  /** Of a world with logs: the process dies, and another comes. */
  | { readonly does: 'die' }
  | { readonly does: 'drain' }

/** What a client follows, whenever it comes. */
export interface ClientShape {
  /** One: a stream of that run; several: one stream of all. */
  readonly slots: readonly Slot[]
  readonly skip: number
  /** Leaves out what another function of the application would. */
  readonly hasFilter: boolean
}

export interface World {
  readonly hasLogs: boolean
  readonly retain: number | undefined
  readonly whenFull: 'fail' | 'trim'
  readonly maxRuns: number
  readonly keepMs: number
  readonly clients: readonly ClientShape[]
  readonly steps: readonly Step[]
}

const slot = fc.constantFrom(...SLOTS)
const client = fc.nat({ max: 2 })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ does: fc.constant('start' as const), slot }) },
  { weight: 6, arbitrary: fc.record({ does: fc.constant('say' as const), slot, count: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constantFrom('return' as const, 'fail' as const, 'stop' as const), slot }) },
  { weight: 6, arbitrary: fc.record({ does: fc.constant('follow' as const), client }) },
  { weight: 4, arbitrary: fc.record({ does: fc.constantFrom('leave' as const, 'stall' as const, 'resume' as const), client }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('pass' as const), ms: fc.constantFrom(10, 60, 101) }) },
  { weight: 2, arbitrary: fc.record({ does: fc.constant('turn' as const) }) },
  { weight: 1, arbitrary: fc.record({ does: fc.constantFrom('die' as const) }) }
)

export const worlds: fc.Arbitrary<World> = fc.record({
  hasLogs: fc.boolean(),
  retain: fc.constantFrom(undefined, undefined, 2, 4),
  whenFull: fc.constantFrom('fail' as const, 'trim' as const),
  maxRuns: fc.constantFrom(2, 3, 10),
  keepMs: fc.constantFrom(100, 100, Infinity),
  clients: fc.array(fc.record({
    slots: fc.oneof({ weight: 3, arbitrary: slot.map((one) => [one]) }, { weight: 1, arbitrary: fc.subarray([...SLOTS], { minLength: 2 }) }),
    skip: fc.constantFrom(0, 0, 0, 1, 3),
    hasFilter: fc.boolean()
  }), { minLength: 3, maxLength: 3 }),
  steps: fc.tuple(fc.array(step, { minLength: 5, maxLength: 40 }), fc.boolean()).map(([steps, drains]) => drains ? [...steps, { does: 'drain' as const }] : steps)
})
