/** How a stream of a plan begins, as bytes: a reader of its own, over frames that it shares with others. */
import type { IdOf, MemberFrames, SourceContext } from '../wire/frame-source.ts'
import { CursorFrames } from './cursor-frames.ts'
import { openReader } from './open-reader.ts'
import type { Plan } from './plan.ts'

/**
 * Opens one more stream. Throws what a snapshot, or the log, throws, and `FST_EVENTFEED_AMBIGUOUS_UNION`.
 *
 * @param idOf gives the event ID for a position; `undefined`: the position itself
 */
export function openPlan (plan: Plan, context: Pick<SourceContext, 'lastEventId' | 'codec' | 'control' | 'owner'>, idOf: IdOf | undefined): MemberFrames {
  const variant = plan.feed.variants.acquire(plan.as, context.codec)
  try {
    return new CursorFrames(openReader(plan, context.lastEventId, context.owner), variant, idOf, context.control)
  } catch (error) {
    variant.release()
    throw error
  }
}
