/**
 * What the source of a run yields becomes an event of its feed. It passes the checks that it would pass on a stream;
 * what belongs to a stream only is left out.
 */
import { BadEvent, describe } from '../errors.ts'
import { checkEventType, checkId, checkRetry, DEFAULT_EVENT_TYPE, isEventObject } from '../wire/event.ts'
import { CONTROL } from '../wire/protocol.ts'
import { isToldGap } from '../wire/told-gap.ts'

/** An event of a run, checked but for its data, which the feed looks at. */
export interface RunEvent {
  readonly event: string
  readonly data: unknown
}

/**
 * The event that a run keeps of what its source has yielded; `undefined` where it keeps nothing, as of a comment. The
 * feed of the run gives the ids, and who streams it the reconnection time, so `id` and `retry` are checked and left
 * out.
 *
 * @throws FST_EVENTFEED_BAD_EVENT, FST_EVENTFEED_BAD_FIELD
 */
export function runEventOf (yielded: unknown): RunEvent | undefined {
  if (typeof yielded === 'string') return { event: DEFAULT_EVENT_TYPE, data: yielded }
  if (!isEventObject(yielded)) {
    throw new BadEvent(`the source of a run yields strings or { data, event, id, retry, comment }, not ${describe(yielded)}: wrap the value as { data: … }`)
  }
  // read once: a getter may give something else the next time
  const { data, event, id, retry, comment } = yielded
  if (event === CONTROL.gap && isToldGap(yielded)) {
    throw new BadEvent('the source of a run yielded a gap: events are missing that it was to pass on, and a run that leaves something out must say so itself')
  }
  if (id !== undefined) checkId(id)
  if (retry !== undefined) checkRetry(retry)
  const type = event === undefined ? DEFAULT_EVENT_TYPE : checkEventType(event)
  if (data !== undefined) return { event: type, data }
  if (event === undefined && (id !== undefined || retry !== undefined || comment !== undefined)) return undefined
  throw new BadEvent('an event of a run needs data: wrap a value as { data: … }, and give \'\' for data that is empty')
}
