/**
 * What a row of the table of boundaries says: where foreign code runs, or Node may throw, and how it is made to fail
 * there.
 */
import type { FastifyRequest } from 'fastify'
import type { Way } from './client.ts'
import type { FaultKind, Injector } from './faults.ts'
import type { Ending } from './play.ts'
import type { Victim } from './victim.ts'

/**
 * The stacks on which foreign code is reached: of a request (its hooks included), of `publish`, in the tick after that
 * or later by a promise, of a timer,
 * of an event of a socket, of a call of the application's (`kick`, `end`), and of the drain.
 */
export const STACKS = ['request', 'publish', 'tick', 'timer', 'socket', 'call', 'drain'] as const
export type Stack = typeof STACKS[number]

/** Whom a fault may hurt: who publishes, the feed of a faulty log, one stream, or nobody. */
export type Hurt = 'publisher' | 'feed' | 'stream' | 'nobody'

export interface Boundary {
  /** The same as in the table of docs/ARCHITECTURE.md. */
  readonly name: string
  /**
   * Which options, methods of sources and logs, and calls of Node stand for it, as the completeness test names them.
   */
  readonly covers: readonly string[]
  readonly hurts: Hurt
  readonly stacks: readonly Stack[]
  /** Those that mean anything here. */
  readonly faults: readonly FaultKind[]
  /** Default: HTTP/1.1. */
  readonly ways?: readonly Way[]
  /** Default: all. */
  readonly endings?: readonly Ending[]
  /**
   * True where the fault itself keeps the source from being let go of, or ends it: it stands in the place of what does
   * that.
   */
  readonly isOverByItself?: boolean
  /** True where a fault that goes on would keep Fastify itself from answering: it happens once. */
  readonly isOnce?: boolean
  /** True where Fastify or Node itself catches: they look at what is thrown, so that must bear it. */
  readonly isFastifys?: boolean
  /** True for a function that gets an entry, and lets it through or not. */
  readonly isFilter?: boolean
  /** True where the application must have hooks. */
  readonly needsHooks?: boolean
  /** True where the application must bring its own serializer compiler. */
  readonly ownsSerializer?: boolean
  readonly victim: (injector: Injector) => Victim
}

/** The faults of a function whose result nobody looks at. */
export const THROWS: readonly FaultKind[] = ['throws', 're-enters']
/** ... of one that may be asynchronous. */
export const ALL: readonly FaultKind[] = [
  'throws',
  'rejects',
  'never settles',
  'returns a thenable',
  'returns the wrong kind',
  're-enters'
]

/** A place of the application that fails. */
export function through (injector: Injector): (honest: () => unknown, request?: FastifyRequest) => unknown {
  return injector.wrap((honest: () => unknown) => honest())
}
