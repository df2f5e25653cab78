/**
 * What a log keeps of a run beside its events: an entry of a reserved type, which no follower sees. It says what the
 * run is, and at its end how it has ended.
 */
import type { LogEntry } from '../log/contract.ts'
import { CONTROL_PREFIX } from '../wire/protocol.ts'
import { toJson } from '../wire/event.ts'
import type { RunError, RunOutcome } from './run.ts'

/** No event of an application has such a type. */
export const RECORD_TYPE = `${CONTROL_PREFIX}run`

/** How a run has ended, and when. */
export interface EndRecord extends RunOutcome {
  readonly endedAt: number
  /** True where a drain has stopped it, which its followers see as a failure. */
  readonly isDrain?: boolean | undefined
}

/** What is known of a run. */
export interface RunRecord {
  readonly startedAt: number
  readonly tag?: unknown
  /** How many events stand before the record, those included that are not kept any more. */
  readonly events: number
  /** The position before the first event; `undefined` in the first record, which has that position itself. */
  readonly beginning?: string | undefined
  /** `undefined` while the run is running. */
  readonly end?: EndRecord | undefined
}

/** True for a record, whatever it says. */
export function isRecord (entry: LogEntry): boolean {
  return typeof entry === 'object' && entry !== null && entry.event === RECORD_TYPE
}

/** A record as JSON. A value that JSON cannot say is left out. */
export function recordJson (record: RunRecord): string {
  try {
    return toJson(record)
  } catch (error) {
    if (record.end?.value === undefined) throw error
    return toJson({ ...record, end: { ...record.end, value: undefined } })
  }
}

/** What a record says; `undefined` where it says nothing that can be read, as one of a newer version might. */
export function readRecord ({ json }: LogEntry): RunRecord | undefined {
  let read: unknown
  try {
    read = JSON.parse(json)
  } catch {
    return undefined
  }
  if (!isObject(read) || typeof read['startedAt'] !== 'number' || typeof read['events'] !== 'number') return undefined
  const { startedAt, tag, events, beginning, end } = read
  return { startedAt, tag, events, beginning: text(beginning), end: readEnd(end) }
}

const STATES: readonly unknown[] = ['done', 'failed', 'stopped'] satisfies Array<RunOutcome['state']>

function readEnd (end: unknown): EndRecord | undefined {
  if (!isObject(end) || !STATES.includes(end['state']) || typeof end['endedAt'] !== 'number') return undefined
  const { state, endedAt, reason, error, value, isDrain } = end
  return { state: state as RunOutcome['state'], endedAt, reason: text(reason), error: readError(error), value, isDrain: isDrain === true } // one of STATES
}

function readError (error: unknown): RunError | undefined {
  return isObject(error) ? { code: String(error['code']), message: String(error['message']) } : undefined
}

function text (value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function isObject (value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
