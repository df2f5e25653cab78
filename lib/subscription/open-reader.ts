/**
 * How a stream of a subscription begins: its reader is made, enters its feed, and finds where it stands. When the log
 * has not opened, it waits for that.
 */
import type { SourceOwner } from '../wire/frame-source.ts'
import type { Opening } from './opening.ts'
import { PacedReader } from './paced-reader.ts'
import type { Plan } from './plan.ts'
import { Reader } from './reader.ts'
import { SelfEndingReader } from './self-ending-reader.ts'

/**
 * The reader of one more stream. Throws what a snapshot, or the log, throws.
 *
 * @param lastEventId of the client; `undefined` at a first connect, and for loops
 */
export function openReader (plan: Plan, lastEventId: string | undefined, owner: SourceOwner): Reader {
  const { feed, signal } = plan
  const reader = readerOf(plan, lastEventId, owner)
  feed.enter(reader)
  plan.enter(reader)
  try {
    if (signal !== undefined) reader.endWith(signal)
    if (reader.end !== undefined) return reader
    const find = (): Opening | Promise<Opening> => plan.opening(lastEventId)
    reader.begin(feed.isOpening ? feed.opened(find) : find(), plan.isFirst(lastEventId))
  } catch (error) {
    reader.release()
    throw error
  }
  return reader
}

/** What a stream does besides reading is done by a reader of its own kind: the others pay nothing for it. */
function readerOf (plan: Plan, lastEventId: string | undefined, owner: SourceOwner): Reader {
  if (plan.everyMs !== undefined) return new PacedReader(plan, owner, lastEventId, plan.everyMs)
  return plan.endAfter === undefined ? new Reader(plan, owner) : new SelfEndingReader(plan, owner, lastEventId)
}
