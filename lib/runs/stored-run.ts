/** What a log has of a run, read from its beginning to its end. */
import { PAGE_ENTRIES } from '../defaults.ts'
import { BadLog } from '../errors.ts'
import { beginning as checkedBeginning, paged } from '../log/answers.ts'
import type { EventLog, LogEntry } from '../log/contract.ts'
import { isRecord, readRecord, type RunRecord } from './run-record.ts'

/** A run as its log has it. */
export interface StoredRun {
  /** The newest record; where none can be read, what the events say. */
  readonly record: RunRecord
  /** How many events it has had. */
  readonly events: number
  /** The position before the first event, also where that is not kept any more. */
  readonly beginning: string
  /** The position of the newest entry. */
  readonly head: string
  /** The position before the event that was asked for; `undefined` where it was not found. */
  readonly before: string | undefined
}

/** All entries that a log keeps, each with the position before it. It lets other work run between pages. */
async function * entriesOf (log: EventLog, after: string): AsyncGenerator<{ readonly entry: LogEntry, readonly before: string }> {
  for (let before = after; ;) {
    const page = paged(await log.page(before, PAGE_ENTRIES))
    // what was read is trimmed meanwhile: the rest stands further on
    if (page.kind === 'gap') {
      if (page.before === before) throw new BadLog('page()', 'what follows the position before its oldest entry', 'a gap')
      before = page.before
      continue
    }
    if (page.entries.length === 0) return
    for (const entry of page.entries) {
      yield { entry, before }
      before = entry.position
    }
    await new Promise<void>((resolve) => { setImmediate(resolve) })
  }
}

/**
 * Reads a log; `undefined` where it has no history. @param first the position of an event: `before` says what
 * precedes it
 */
export async function readStoredRun (log: EventLog, first: string | undefined): Promise<StoredRun | undefined> {
  const { oldest, before: start } = checkedBeginning(await log.earliest())
  if (oldest === null) return undefined
  let record: RunRecord | undefined
  let beginning: string | undefined
  let events = 0
  let startedAt: number | undefined
  let found: string | undefined
  let head = start
  for await (const { entry, before } of entriesOf(log, start)) {
    head = entry.position
    startedAt ??= entry.at
    if (entry.position === first) found = before
    if (!isRecord(entry)) {
      events++
      continue
    }
    const read = readRecord(entry)
    if (read === undefined) continue
    record = read
    // it counts those too that are not kept any more
    events = read.events
    beginning ??= read.beginning ?? entry.position
  }
  return { record: record ?? { startedAt: startedAt ?? 0, events }, events, beginning: beginning ?? start, head, before: found }
}

/**
 * The position after this many events of those that follow `beginning` (of the last one, where these are fewer), or
 * `after`, whichever comes later.
 */
export async function positionAfter (log: EventLog, beginning: string, { events, after }: { events: number, after: string }): Promise<string> {
  const located = await log.locate(beginning)
  // a part of what is skipped is not kept: the stream tells that, as it would without skipping
  if (located.kind === 'gap') return after
  let position = beginning
  let left = events
  let isPassed = after === beginning
  for await (const { entry } of entriesOf(log, beginning)) {
    if (left === 0) break
    isPassed ||= entry.position === after
    if (isRecord(entry)) continue
    position = entry.position
    left--
  }
  return isPassed ? position : after
}
