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
  /** How many events it has had, at least: some may be on their way into its log. */
  readonly events: number
  /** How many of them came before those that the window numbers. */
  readonly earlier: number
  /**
   * The position after this many events, of those that are not in the window; where that is not known, the beginning.
   */
  positionAfter (events: number): string | Promise<string>
}

/** How one stream of a run begins. */
export class RunPlan extends Plan {
  readonly #output: FollowedOutput
  readonly #skip: number
  readonly #rest: RestToSkip | undefined

  constructor (output: FollowedOutput, { skip = 0, where, as }: AnyFollowOptions) {
    const rest = skip > output.events ? new RestToSkip(output, skip, where as Where | undefined) : undefined
    super(output.feed, { where: rest?.where ?? where, as } as AnyOptions, undefined) // as the run yields
    this.#output = output
    this.#skip = skip
    this.#rest = rest
  }

  override opening (lastEventId: string | undefined): Opening | Promise<Opening> {
    const { feed, beginning, events, earlier } = this.#output
    const after = lastEventId ?? beginning
    const seen = numberOf(this.#output, after)
    // who comes back with the id of an event that is to be skipped has been there when there were no others
    if (this.#skip === 0 || (seen === undefined ? after !== beginning : seen >= this.#skip)) {
      if (this.#rest !== undefined) this.#rest.passed = this.#skip
      return super.opening(after)
    }
    const skip = Math.min(this.#skip, events)
    if (this.#rest !== undefined) this.#rest.passed = skip
    const { window } = feed
    const index = skip + 1 - earlier
    if (window.contiguousFrom === 1 && index >= window.oldest) {
      return { start: { kind: 'window', index }, before: window.positionBefore(index), gap: undefined }
    }
    const position = this.#output.positionAfter(skip)
    return typeof position === 'string' ? super.opening(position) : position.then((found) => super.opening(found))
  }
}

/**
 * A filter that leaves out what is still to be skipped of a run that has not had it yet. It is asked about each event
 * once.
 */
class RestToSkip {
  /** How many events the stream has passed. */
  passed = 0
  readonly #output: FollowedOutput
  readonly #skip: number
  readonly #where: Where | undefined

  constructor (output: FollowedOutput, skip: number, where: Where | undefined) {
    this.#output = output
    this.#skip = skip
    this.#where = where
  }

  readonly where: Where = (view) => {
    // one that has left the window has no number there, and follows the one before it
    this.passed = numberOf(this.#output, view.id) ?? this.passed + 1
    return this.passed > this.#skip && (this.#where === undefined || this.#where(view))
  }
}

/** How many events there are up to a position; `undefined` where that is not known here. */
function numberOf ({ feed: { window }, earlier }: FollowedOutput, position: string): number | undefined {
  const index = window.contiguousFrom === 1 ? window.indexAfter(position) : undefined
  return index === undefined ? undefined : index - 1 + earlier
}
