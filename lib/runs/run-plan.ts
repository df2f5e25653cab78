/**
 * Where a stream of a run begins: with the first event, after those that it skips, or after the last event ID of its
 * client. What was trimmed there is a gap.
 */
import type { FeedCore } from '../feed/feed-core.ts'
import type { Where } from '../feed/poison.ts'
import type { Opening } from '../subscription/opening.ts'
import type { AnyOptions } from '../subscription/options.ts'
import { Plan } from '../subscription/plan.ts'
import type { FollowOptions } from './options.ts'

/** Options of `follow`, whatever is yielded. */
export type AnyFollowOptions = FollowOptions<never, unknown>

/** What is needed of a run. */
export interface FollowedOutput {
  readonly feed: FeedCore
  /** The position before its first event. */
  readonly beginning: string
  /** How many events it has had. */
  readonly events: number
  /** The position after this many events, of those that are not in the window; where that is not known, the beginning. */
  positionAfter (events: number): string | Promise<string>
}

/** How the streams of one run begin. */
export class RunPlan extends Plan {
  readonly #output: FollowedOutput
  readonly #skip: number

  constructor (output: FollowedOutput, { skip = 0, where, as }: AnyFollowOptions) {
    super(output.feed, { where: skip > output.events ? afterEvents(output.feed, skip, where as Where | undefined) : where, as } as AnyOptions, undefined) // as the run yields
    this.#output = output
    this.#skip = skip
  }

  override opening (lastEventId: string | undefined): Opening | Promise<Opening> {
    const { feed, beginning, events } = this.#output
    const after = lastEventId ?? beginning
    const seen = this.#numberOf(after)
    // who comes back with the id of an event that is to be skipped has been there when there were no others
    if (this.#skip === 0 || (seen === undefined ? after !== beginning : seen >= this.#skip)) return super.opening(after)
    const skip = Math.min(this.#skip, events)
    const { window } = feed
    const index = skip + 1 - this.#before
    if (window.contiguousFrom === 1 && index >= window.oldest) {
      return { start: { kind: 'window', index }, before: window.positionBefore(index), gap: undefined }
    }
    const position = this.#output.positionAfter(skip)
    return typeof position === 'string' ? super.opening(position) : position.then((found) => super.opening(found))
  }

  /** How many events came before those that the window numbers. */
  get #before (): number {
    const { feed: { window }, events } = this.#output
    return events - (window.next - 1)
  }

  /** How many events there are up to a position; `undefined` where that is not known here. */
  #numberOf (position: string): number | undefined {
    const { window } = this.#output.feed
    const index = window.contiguousFrom === 1 ? window.indexAfter(position) : undefined
    return index === undefined ? undefined : index - 1 + this.#before
  }
}

/** A filter that leaves out what is still to be skipped. */
function afterEvents ({ window }: FeedCore, skip: number, where: Where | undefined): Where {
  return (view) => (window.indexAfter(view.id) ?? Infinity) - 1 > skip && (where === undefined || where(view))
}
