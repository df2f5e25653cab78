/**
 * Where a reader goes on in a log: in the window, by index, or before it, by pages. A log says only whether it can
 * continue from a position; whether the window can is known here, and looked at first.
 */
import { LogFailed } from '../errors.ts'
import { beginning, located } from '../log/answers.ts'
import type { EventLog, Located, LogBeginning, LogGap } from '../log/contract.ts'
import { isThenable } from '../thenable.ts'
import type { Window } from './window.ts'

/** Where a reader goes on. */
export type Location =
  /** In the window: the next entry is the one at `index`, or will be. */
  | { readonly kind: 'window', readonly index: number }
  /** Before the window: the next entry is the one after the position; a page gives it. */
  | { readonly kind: 'older', readonly after: string }
  /**
   * Before the window, among the entries that are kept by key: the next entry is the first of those at `index` or after
   * that. `toldUpTo`: the client knows, or need not know, that entries before that index are missing.
   */
  | { readonly kind: 'kept', readonly index: number, readonly toldUpTo: number }

/** The log cannot continue from where a reader was. */
export interface LocatedGap extends LogGap {
  /** Where a reader goes on: at the oldest entry that is kept. */
  readonly start: Location
}

/** What is read: the log, and what is held of it. */
export interface History {
  readonly log: EventLog
  readonly window: Window
}

/** Where a reader goes on that has seen a position of this log. */
export function locationAfter (window: Window, position: string): Location {
  const index = window.indexAfter(position)
  return index === undefined ? { kind: 'older', after: position } : { kind: 'window', index }
}

/** The gap, with where to go on. */
export function locateGap (window: Window, gap: LogGap): LocatedGap {
  return { ...gap, start: locationAfter(window, gap.before) }
}

/** Finds where a reader goes on that comes back with a position. The log is asked where the window does not know it. */
export function locate ({ log, window }: History, position: string): Location | LocatedGap | Promise<Location | LocatedGap> {
  window.trim()
  const location = locationAfter(window, position)
  if (location.kind === 'window') return location
  const answered = (answer: Located): Location | LocatedGap => {
    window.trim()
    const found = located(answer)
    return found.kind === 'gap' ? locateGap(window, found) : locationAfter(window, position)
  }
  return then(asked(() => log.locate(position)), answered)
}

/** Where the log begins. */
export function locateEarliest ({ log, window }: History): Beginning | Promise<Beginning> {
  window.trim()
  const answered = (answer: LogBeginning): Beginning => {
    window.trim()
    const { before, oldest, isTrimmed = true } = beginning(answer)
    return { start: locationAfter(window, before), before, oldest, isTrimmed }
  }
  return then(asked(() => log.earliest()), answered)
}

/** Where a log begins. */
interface Beginning extends LogBeginning { readonly start: Location, readonly isTrimmed: boolean }

/**
 * What a log answers, at once or by anything that can be awaited. What it throws or rejects with becomes a failure of
 * the log, so that clients come back.
 */
export function asked<Value> (ask: () => Value | PromiseLike<Value>): Value | Promise<Value> {
  try {
    const answer = ask()
    if (!isThenable<Value>(answer)) return answer
    return Promise.resolve(answer).catch((cause: unknown) => { throw new LogFailed({ cause }) })
  } catch (cause) {
    throw new LogFailed({ cause })
  }
}

/** A promise only where there is one: a log in memory answers at once, and so does its stream. */
export function then<Value, Result> (value: Value | Promise<Value>, next: (value: Value) => Result | Promise<Result>): Result | Promise<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}
