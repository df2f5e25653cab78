/** Whether what a log answers has the shape that its contract gives it. Each function throws `Broken`. */
import { describe, shown } from '../errors.ts'
import type { Located, LogBeginning, LogEntry, LogPage, LogGap } from '../log/contract.ts'
import { Broken, promise } from './broken.ts'

/** The form of a position: without control characters, white space, comma and `=`, not beginning with `~`. */
// eslint-disable-next-line no-control-regex -- that is what is forbidden
const POSITION = /^(?!~)[^\s,=\u0000-\u001f\u007f-\u009f]{1,128}$/u
const REASONS: readonly unknown[] = ['malformed', 'epoch', 'ahead', 'trimmed'] satisfies Array<LogGap['reason']>

/** A position, wherever a log shows one. */
export function checkPosition (position: unknown, what: string): string {
  if (typeof position === 'string' && POSITION.test(position)) return position
  const form = '1 to 128 characters, no control character, white space, comma or =, and no ~ at its beginning'
  throw new Broken(`${what} to have ${form}`, shown(position))
}

/** An entry that a log has made. */
export function checkEntry (entry: LogEntry, what: string): LogEntry {
  const isEntry = isObject(entry) &&
    typeof entry.event === 'string' && typeof entry.json === 'string' && typeof entry.at === 'number' &&
    Array.isArray(entry.keys) && entry.keys.every((key) => typeof key === 'string')
  promise(isEntry, `${what} to be { position, event, json, keys, at }`, () => shown(entry))
  checkPosition(entry.position, 'the position of an entry')
  return entry
}

/** What `locate` answered. */
export function checkLocated (answer: Located): Located {
  if (isObject(answer) && answer.kind === 'found') return answer
  return checkGap(answer, 'locate() to answer { kind: \'found\' } or a gap')
}

/** What `page` answered. */
export function checkPage (answer: LogPage | LogGap, limit: number): LogPage | LogGap {
  if (!isObject(answer) || answer.kind !== 'page') return checkGap(answer, 'page() to answer a page or a gap')
  promise(Array.isArray(answer.entries), 'a page to have a list of entries', () => describe(answer.entries))
  promise(answer.entries.length <= limit, `a page of ${limit} entries at most`,
    () => `${answer.entries.length} entries`)
  for (const entry of answer.entries) checkEntry(entry, 'an entry of a page')
  return answer
}

/** What `earliest` answered. */
export function checkBeginning (answer: LogBeginning, what = 'earliest() to answer { oldest, before }'): LogBeginning {
  promise(isObject(answer) && 'oldest' in answer && 'before' in answer, what, () => shown(answer))
  if (answer.oldest !== null) checkPosition(answer.oldest, 'the position of the oldest entry')
  checkPosition(answer.before, 'the position before the oldest entry')
  return answer
}

function checkGap (answer: LogGap | { readonly kind: unknown }, what: string): LogGap {
  const isGap = isObject(answer) && answer.kind === 'gap' && 'reason' in answer
  if (!isGap) throw new Broken(what, shown(answer))
  promise(REASONS.includes(answer.reason), `a gap with one of the reasons ${REASONS.join(', ')}`,
    () => shown(answer.reason))
  checkBeginning(answer, 'a gap to have { oldest, before }')
  return answer
}

function isObject (answer: unknown): answer is object {
  return typeof answer === 'object' && answer !== null
}
