/**
 * What a log answers is looked at before it is used. A log of somebody else's may be wrong, and whatever was made of a
 * wrong answer would fail where nobody expects it.
 */
import { BadLog, BadOption, describe, shown } from '../errors.ts'
import type { EventLog, Located, LogBeginning, LogEntry, LogGap, LogPage, Tail } from './contract.ts'

/** What may stand in an event ID, and in a list of several. */
const POSITION = /^[^~\s,=\p{Cc}][^\s,=\p{Cc}]{0,127}$/u

/** Why a log cannot continue from a position. */
const REASONS: readonly unknown[] = ['malformed', 'epoch', 'ahead', 'trimmed'] satisfies Array<LogGap['reason']>

const METHODS = ['tail', 'append', 'locate', 'earliest', 'page', 'end', 'delete', 'close'] as const satisfies ReadonlyArray<keyof EventLog>

/** Throws `FST_EVENTFEED_BAD_OPTION` for what is no log. @param what the beginning of the message */
export function checkLog (log: unknown, what: string): asserts log is EventLog {
  if (!isObject(log)) throw new BadOption(`${what} (the contract is EventLog), not ${describe(log)}`)
  for (const method of METHODS) {
    const { [method]: found }: Partial<Record<string, unknown>> = log
    if (typeof found !== 'function') throw new BadOption(`${what} (the contract is EventLog), and has no ${method}()`)
  }
}

/** The position of the entry that was appended. Throws `FST_EVENTFEED_BAD_LOG`. */
export function appended (answer: string): string {
  return isPosition(answer) ? answer : wrong('append()', 'a position', answer)
}

/** Whether a reader can continue. Throws `FST_EVENTFEED_BAD_LOG`. */
export function located (answer: Located): Located {
  const isFound = isObject(answer) && 'kind' in answer && answer.kind === 'found'
  return isFound || isGap(answer) ? answer : wrong('locate()', 'that it was found, or a gap', answer)
}

/** Where the log begins. Throws `FST_EVENTFEED_BAD_LOG`. */
export function beginning (answer: LogBeginning): LogBeginning {
  if (!isBeginning(answer)) return wrong('earliest()', '{ oldest, before }', answer)
  if (answer.isTrimmed !== undefined && typeof answer.isTrimmed !== 'boolean') wrong('earliest()', 'a boolean isTrimmed, if any', answer.isTrimmed)
  return answer
}

/** Entries that follow a position. Throws `FST_EVENTFEED_BAD_LOG`. */
export function paged (answer: LogPage | LogGap): LogPage | LogGap {
  if (isGap(answer)) return answer
  const isPage = isObject(answer) && 'entries' in answer && Array.isArray(answer.entries)
  if (!isPage) return wrong('page()', 'a page of entries, or a gap', answer)
  for (const entry of answer.entries) checkEntry('page()', entry)
  return answer
}

/** A tail that has begun. Throws `FST_EVENTFEED_BAD_LOG`. */
export function begun (answer: Tail): Tail {
  const isTail = isObject(answer) && 'before' in answer && isPosition(answer.before) && 'stop' in answer
  return isTail && typeof answer.stop === 'function' ? answer : wrong('tail()', '{ before, stop }', answer)
}

/** Throws `FST_EVENTFEED_BAD_LOG` for what is no entry. */
export function checkEntry (method: string, entry: unknown): asserts entry is LogEntry {
  const isEntry = isObject(entry) && 'position' in entry && isPosition(entry.position) &&
    'event' in entry && typeof entry.event === 'string' && 'json' in entry && typeof entry.json === 'string' &&
    'at' in entry && typeof entry.at === 'number' && 'keys' in entry && areKeys(entry.keys)
  if (!isEntry) wrong(method, 'entries that have a position, event, json, keys and at', entry)
}

/** True for what may stand in an event ID. */
export function isPosition (value: unknown): value is string {
  return typeof value === 'string' && POSITION.test(value)
}

function areKeys (keys: unknown): boolean {
  if (!Array.isArray(keys)) return false
  for (const key of keys as unknown[]) if (typeof key !== 'string') return false
  return true
}

function isGap (answer: unknown): answer is LogGap {
  return isBeginning(answer) && 'kind' in answer && answer.kind === 'gap' && 'reason' in answer && REASONS.includes(answer.reason)
}

function isBeginning (answer: unknown): answer is LogBeginning {
  if (!isObject(answer) || !('before' in answer) || !isPosition(answer.before)) return false
  return 'oldest' in answer && (answer.oldest === null || isPosition(answer.oldest))
}

function isObject (answer: unknown): answer is object {
  return typeof answer === 'object' && answer !== null
}

function wrong (method: string, wanted: string, answer: unknown): never {
  throw new BadLog(method, wanted, typeof answer === 'string' ? shown(answer) : describe(answer))
}
