/** What a stream says between its entries: that some are missing, or where it stands. */
import { Batch } from '../wire/batch.ts'
import { gap } from '../wire/control-event.ts'
import type { Gap } from '../wire/protocol.ts'

/** What is to be told before the next entry: a gap, or where the stream stands. */
export interface Notice {
  /** `undefined` for a bookmark. */
  readonly gap: Gap | undefined
  /** The position just before what follows. */
  readonly position: string
}

/**
 * What a client comes back with that was not told of a gap yet: what it has asked with; `undefined` where it has asked
 * for the beginning.
 */
export function askedWith ({ requested, reason }: Gap): string | undefined {
  return requested === '' && reason === 'trimmed' ? undefined : requested
}

/**
 * The control event of a gap. Its id is the position just before what follows, so that it is not announced again.
 */
export function gapFrame (missed: Gap, id: string): Batch {
  return new Batch(gap(missed, id), 0, id)
}
