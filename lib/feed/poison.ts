/**
 * Poisoned entries: those that a filter, a projection or a serializer throws at. A stream reports one to its client
 * as a gap and goes on, because a client that was cut off there would come back to the same entry for ever.
 */
import { POISON_REPORTS } from '../defaults.ts'
import { NotSynchronous, shown } from '../errors.ts'
import type { OwnContext } from '../own-context.ts'
import { isThenable } from '../thenable.ts'
import type { Gap } from '../wire/protocol.ts'
import type { Entry, EntryView } from './entry.ts'

/** What was thrown at an entry. */
export class Poison {
  readonly error: unknown

  constructor (error: unknown) {
    this.error = error
  }

  /** True where no gap can stand for it: the function is wrong, not the entry. */
  get isFatal (): boolean { return this.error instanceof NotSynchronous }
}

/** The gap in place of one entry. @param requested the position before it */
export function gapOfPoison (requested: string): Gap {
  return { requested, oldest: null, reason: 'failed' }
}

/** A filter. What it says is not known: its types may have been ignored. */
export type Where = (view: EntryView) => unknown

/**
 * What a filter says of an entry, asked in a context. Throws what the filter throws, and
 * `FST_EVENTFEED_NOT_SYNCHRONOUS` for a promise.
 */
export function isTaken (where: Where, { view }: Entry, context: OwnContext | undefined): boolean {
  return truthOf(context === undefined ? where(view) : context.runInAsyncScope(where, undefined, view))
}

/**
 * The answer of a filter. Throws `FST_EVENTFEED_NOT_SYNCHRONOUS` for a promise: it would be true whatever it becomes.
 */
export function truthOf (answer: unknown, option: SynchronousOption = 'where'): boolean {
  if (answer === true || answer === false) return answer
  checkSynchronous(option, answer)
  return Boolean(answer)
}

/** Options of `subscribe` that must answer at once. */
type SynchronousOption = 'where' | 'as' | 'endAfter'

/** Throws `FST_EVENTFEED_NOT_SYNCHRONOUS` for a promise, or what looks like one. Its rejection is handled. */
export function checkSynchronous (option: SynchronousOption, made: unknown): void {
  if (!isThenable(made)) return
  Promise.resolve(made).catch(() => {})
  throw new NotSynchronous(option, option)
}

/**
 * Thrown by an entry that the feed cannot read any more. Which and why is reported when that is found; many may be
 * kept.
 */
export const UNREADABLE = new Error('an event that is stored does not fit the schema of its feed any more')

/** What becomes of the streams. */
const GAP = 'its streams report a gap there, and go on'

/** Reports poisoned entries, each once for each function that has thrown. */
export class PoisonReports {
  /** Made for the first. */
  #reported: WeakMap<object, Set<string>> | undefined
  readonly #report: (error: unknown, what: string) => void

  constructor (report: (error: unknown, what: string) => void) {
    this.#report = report
  }

  /** @param by who has thrown: a filter, or a variant */
  add (by: object, entry: Pick<Entry, 'position' | 'event'>, { error }: Poison): void {
    if (error !== UNREADABLE) this.#add(by, typeof by === 'function' ? 'a filter (where)' : 'a projection (as) or a serializer', entry, error)
  }

  /** @param by the function (`endAfter`) that has thrown */
  addEnding (by: object, entry: Pick<Entry, 'position' | 'event'>, error: unknown): void {
    if (error !== UNREADABLE) this.#add(by, 'the end of a stream (endAfter)', entry, error, 'its streams go on')
  }

  /** Reports an entry that was stored, and that the feed cannot read any more. Throws `UNREADABLE`. */
  refuse (entry: Pick<Entry, 'position' | 'event'>, error: unknown): never {
    this.#add(this, 'the schema of the feed', entry, error)
    throw UNREADABLE
  }

  #add (by: object, what: string, { position, event }: Pick<Entry, 'position' | 'event'>, error: unknown, then = GAP): void {
    this.#reported ??= new WeakMap()
    const reported = this.#reported.get(by) ?? new Set<string>()
    if (reported.has(position)) return
    this.#reported.set(by, reported)
    const [first] = reported
    if (first !== undefined && reported.size >= POISON_REPORTS) reported.delete(first)
    reported.add(position)
    const where = `the event ${shown(position)} of type ${shown(event)}`
    this.#report(error, `${what} failed at ${where}; ${then}`)
  }
}
