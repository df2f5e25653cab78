/**
 * Where a stream of a run begins: with the first event, after those that it skips, or after the last event ID of its
 * client, whichever comes last. What was trimmed there is a gap.
 */
import type { FeedCore } from '../feed/feed-core.ts'
import { then } from '../feed/location.ts'
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
   * The position after this many events, of those that are not in the window, or `after`, whichever comes later.
   * `after` is one that the log has. Where the first events are not kept, it is `after`.
   */
  positionAfter (events: number, after: string): string | Promise<string>
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

  /** What is skipped never comes, whatever the client comes back with. */
  override opening (lastEventId: string | undefined): Opening | Promise<Opening> {
    const { beginning } = this.#output
    const after = lastEventId ?? beginning
    if (this.#skip === 0) return super.opening(after)
    const seen = numberOf(this.#output, after)
    if (seen !== undefined && seen >= this.#skip) {
      if (this.#rest !== undefined) this.#rest.passed = this.#skip
      return super.opening(after)
    }
    const skipped = Math.min(this.#skip, this.#output.events)
    if (this.#rest !== undefined) this.#rest.passed = skipped
    if (seen !== undefined || after === beginning) return this.#afterSkipped(skipped, beginning)
    return then(super.opening(after), ({ gap }) => gap === undefined
      ? this.#afterSkipped(skipped, after)
      : then(this.#afterSkipped(skipped, beginning), (opening) => ({ ...opening, gap })))
  }

  /** After the events that are skipped, or after the position of one that follows them. */
  #afterSkipped (skipped: number, after: string): Opening | Promise<Opening> {
    const { feed: { window }, earlier, beginning } = this.#output
    const index = skipped + 1 - earlier
    if (after === beginning && window.contiguousFrom === 1 && index >= window.oldest) {
      return { start: { kind: 'window', index }, before: window.positionBefore(index), gap: undefined }
    }
    return then(this.#output.positionAfter(skipped, after), (position) => super.opening(position))
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
