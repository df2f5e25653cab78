/**
 * What a log answers is looked at before it is used: an engine of somebody else's may be wrong, and a reader of what is
 * no page would fail
 * on whatever stack it is woken on.
 */
import { BadLog, describe } from '../errors.ts'
import type { Entry } from './entry.ts'
import type { Hole, Page, Place } from './event-log.ts'

/** The entry that was appended. Throws `FST_EVENTFEED_BAD_LOG`. */
export function appended (answer: Entry): Entry {
  return isObject(answer) && 'position' in answer && typeof answer.position === 'string' ? answer : wrong('append', 'an entry', answer)
}

/** Where a reader goes on, or that it cannot. Throws `FST_EVENTFEED_BAD_LOG`. */
export function located (answer: Place | Hole): Place | Hole {
  return isPlace(answer) || isHole(answer) ? answer : wrong('locate', 'a place or a gap', answer)
}

/** Where the log begins. Throws `FST_EVENTFEED_BAD_LOG`. */
export function beginning (answer: { start: Place, before: string }): { start: Place, before: string } {
  const isBeginning = isObject(answer) && 'start' in answer && isPlace(answer.start) && 'before' in answer && typeof answer.before === 'string'
  return isBeginning ? answer : wrong('earliest', '{ start, before }', answer)
}

/** Entries from before the window. Throws `FST_EVENTFEED_BAD_LOG`. */
export function paged (answer: Page): Page {
  const isPage = isObject(answer) && 'entries' in answer && Array.isArray(answer.entries) && 'next' in answer
  return isPage && (isPlace(answer.next) || isHole(answer.next)) ? answer : wrong('page', '{ entries, next }', answer)
}

function isPlace (answer: unknown): boolean {
  if (!isObject(answer) || !('kind' in answer)) return false
  if (answer.kind === 'window') return 'index' in answer && Number.isSafeInteger(answer.index)
  return answer.kind === 'older' && 'after' in answer && typeof answer.after === 'string'
}

function isHole (answer: unknown): boolean {
  if (!isObject(answer) || !('kind' in answer) || answer.kind !== 'gap') return false
  return 'start' in answer && isPlace(answer.start) && 'before' in answer && typeof answer.before === 'string'
}

function isObject (answer: unknown): answer is object {
  return typeof answer === 'object' && answer !== null
}

function wrong (method: string, wanted: string, answer: unknown): never {
  throw new BadLog(`${method}()`, wanted, describe(answer))
}
