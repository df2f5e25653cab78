/** The table of boundaries, from which runs are drawn. docs/ARCHITECTURE.md says the same in plain English. */
import fc, { type Arbitrary } from 'fast-check'
import { fastify } from 'fastify'
import type { Boundary } from './boundary.ts'
import { FAULTS, type Fault } from './faults.ts'
import type { HostKind } from './host.ts'
import type { Ending, Run } from './play.ts'
import { FEED_ROWS } from './rows-feed.ts'
import { NODE_ROWS } from './rows-node.ts'
import { PLUGIN_ROWS } from './rows-plugin.ts'
import { SOURCE_ROWS } from './rows-source.ts'

export const BOUNDARIES: readonly Boundary[] = [...FEED_ROWS, ...SOURCE_ROWS, ...PLUGIN_ROWS, ...NODE_ROWS]

const ENDINGS: readonly Ending[] = ['leave', 'kick', 'end', 'close']

/** The faults that a row allows. */
export function faultsOf ({ name, faults, isFastifys }: Boundary): Fault[] {
  return FAULTS.filter((fault) => faults.includes(fault.does) && !(
    isFastifys === true && 'what' in fault && UNBEARABLE.includes(fault.what)
  ) && !(name === 'onSend' && THROWS_AFTER_HOOKS && fault.does === 'returns the wrong kind'))
}

/**
 * After an asynchronous hook, nobody catches what Fastify 5.0 throws while it answers, on any route: an unhandled
 * rejection ends the process. So with this version, faults in its own work are tried without such hooks.
 */
const THROWS_AFTER_HOOKS = fastify().version.startsWith('5.0.')

/** What throws when it is looked at. */
const UNBEARABLE: readonly string[] = [
  'a proxy that throws',
  'an error that throws',
  'whose then throws when it is read'
]

/** How a world may end so that a stack is reached. */
function endingsOf (boundary: Boundary, stack: Run['stack']): readonly Ending[] {
  const endings = boundary.endings ?? ENDINGS
  let fit = endings
  if (stack === 'call') fit = endings.filter((ending) => ending === 'kick' || ending === 'end')
  else if (stack === 'drain') fit = ['close']
  return fit.length > 0 ? fit : endings
}

/** Runs at one boundary: the simplest is the first stack, a plain error at the first call, and a client that leaves. */
export function runsAt (boundary: Boundary): Arbitrary<Run> {
  return fc.constantFrom(...boundary.stacks).chain((stack) => fc.record({
    boundary: fc.constant(boundary.name),
    stack: fc.constant(stack),
    injection: fc.record({
      fault: fc.constantFrom(...faultsOf(boundary)),
      at: fc.constantFrom(1, 1, 1, 2, 3, 5),
      isOnce: boundary.isOnce === true ? fc.constant(true) : fc.constantFrom(true, false)
    }),
    way: fc.constantFrom(...boundary.ways ?? ['HTTP/1.1' as const]),
    isKeyed: fc.constantFrom(false, true),
    ending: fc.constantFrom(...endingsOf(boundary, stack)),
    validates: fc.constantFrom(false, true),
    hasHooks: boundary.needsHooks === true ? fc.constant(true) : fc.constantFrom(true, false)
  })).map((run) => mayHaveHooks(run, boundary) ? run : { ...run, hasHooks: false }) as Arbitrary<Run>
}

/** False where a fault reaches Fastify itself, and it would throw after a hook where nobody catches that. */
function mayHaveHooks ({ injection: { fault } }: { readonly injection: { readonly fault: Fault } }, boundary: Boundary): boolean {
  const reachesFastify = boundary.isFastifys === true || ('what' in fault && UNBEARABLE.includes(fault.what))
  return !THROWS_AFTER_HOOKS || boundary.needsHooks === true || !reachesFastify
}

/** The application that a run needs. */
export function hostFor ({ way, validates, hasHooks }: Run, { ownsSerializer }: Boundary): HostKind {
  return { isHttp2: way === 'HTTP/2', validates, ownsSerializer: ownsSerializer === true, hasHooks }
}

/** The row of a name. */
export function boundaryOf (name: string): Boundary {
  const found = BOUNDARIES.find((boundary) => boundary.name === name)
  if (found === undefined) throw new Error(`there is no boundary ${name}`)
  return found
}

/** The plainest run on a stack of a row: a fault that happens for certain, if the stack reaches it. */
export function plainestAt (boundary: Boundary, stack: Run['stack']): Run {
  const [fault] = faultsOf(boundary)
  const [ending] = endingsOf(boundary, stack)
  if (fault === undefined || ending === undefined) throw new Error(`${boundary.name} has no fault`)
  return {
    boundary: boundary.name,
    stack,
    injection: { fault, at: 1, isOnce: true },
    way: boundary.ways?.[0] ?? 'HTTP/1.1',
    isKeyed: false,
    ending,
    validates: false,
    hasHooks: true
  }
}
