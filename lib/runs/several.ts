/** What `follow` gives for several runs: one stream, whose runs may change while it is open. */
import type { Iterated } from '../subscription/iteration.ts'
import { openFrames, type FrameSource, type FrameSourceOpener, type SourceContext } from '../wire/frame-source.ts'
import type { Lookup, SeveralParts } from './lookup.ts'
import { checkRunId } from './run-id.ts'
import type { AnyFollowOptions } from './run-plan.ts'
import { SeveralFrames } from './several-frames.ts'
import { SeveralValues } from './several-values.ts'

declare const dispatches: unique symbol

/**
 * Streams several runs on one stream, each from its beginning, also those that start later. It ends when all of them
 * have; without any it stays open. Where one has failed, the others go on, and at their end the stream has failed.
 */
export class RunsFollower<Event = unknown> implements FrameSourceOpener {
  /** The events that it dispatches. For the type checker only. */
  declare readonly [dispatches]: Event
  readonly #ids: Set<string>
  readonly #lookup: Lookup
  readonly #options: AnyFollowOptions
  /** Streams and loops that are open. */
  readonly #open = new Set<SeveralFrames | SeveralValues>()

  /** Made by `runs.follow`. Throws `FST_EVENTFEED_BAD_OPTION` for what is no id. @internal */
  constructor (ids: readonly string[], lookup: Lookup, options: AnyFollowOptions) {
    this.#ids = new Set(ids.map(checkRunId))
    this.#lookup = lookup
    this.#options = options
  }

  /** Follows one more run, on open streams too. Throws `FST_EVENTFEED_BAD_OPTION` for what is no id. */
  follow (id: string): void {
    this.#ids.add(checkRunId(id))
    for (const open of [...this.#open]) open.follow(id)
  }

  /** Follows a run no more, on open streams too: nothing of it comes that is not sent yet. */
  unfollow (id: string): void {
    this.#ids.delete(id)
    for (const open of [...this.#open]) open.unfollow(id)
  }

  [openFrames] (context: SourceContext): FrameSource {
    return this.#opened<SeveralFrames>((parts) => new SeveralFrames(parts, context))
  }

  /** Reads in server code. Each loop has readers of its own; leaving it lets go of the runs. */
  [Symbol.asyncIterator] (): AsyncIterator<Iterated<Event>, undefined> {
    return this.#opened<SeveralValues>((parts) => new SeveralValues(parts)) as AsyncIterator<Iterated<Event>, undefined> // what the types of the public interface have checked is not known here
  }

  #opened<Opened extends SeveralFrames | SeveralValues> (open: (parts: SeveralParts<Opened>) => Opened): Opened {
    const opened = open({
      ids: [...this.#ids], lookup: this.#lookup, options: this.#options, onReleased: (released) => { this.#open.delete(released) }
    })
    this.#open.add(opened)
    return opened
  }
}
