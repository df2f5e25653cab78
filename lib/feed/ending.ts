/**
 * How a feed ends: by itself or as a failure, and for how long its history is kept then. It does not know what is kept,
 * nor who reads it.
 */
import type { Deadline, Deadlines } from '../deadlines.ts'
import { BadOption, describe, FEED_FAILED, FeedFailed, shown } from '../errors.ts'
import type { SourceEnd } from '../wire/frame-source.ts'

/** The options of `feed.end` and `feed.fail`. */
export interface EndOptions {
  /**
   * For how long the history is kept after the end, in milliseconds, for those who come later. An integer of 0 or more,
   * or `Infinity`: until the application closes. Default: 0, until the last stream has left.
   */
  keepMs?: number | undefined
}

/** Reads the options of `feed.end` and `feed.fail`. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function readKeepMs (method: 'end' | 'fail', options: EndOptions | undefined): number {
  if (options === undefined) return 0
  if (typeof options !== 'object' || options === null) throw new BadOption(`feed.${method}() takes the options { keepMs }, not ${describe(options)}`)
  for (const name of Object.keys(options)) {
    if (name !== 'keepMs') throw new BadOption(`feed.${method}() has no option ${shown(name)}: there is keepMs`)
  }
  const { keepMs = 0 } = options
  if (keepMs !== Infinity && !(Number.isSafeInteger(keepMs) && keepMs >= 0)) {
    throw new BadOption(`feed.${method}({ keepMs }) must be an integer of 0 or more, or Infinity, not ${shown(keepMs)}`)
  }
  return keepMs
}

/** The end of one feed. */
export class Ending {
  /** True when nothing is published any more. */
  hasBegun = false
  /** True when no entry can follow: the end stands in the log, or could not be written. */
  isKnown = false
  #isForgotten = false
  #word: SourceEnd | undefined
  #isKept = false
  #deadline: Deadline | undefined

  /** True while the history is kept for those who come later. */
  get isKept (): boolean { return this.#isKept }
  /** True where the history is deleted with the last stream: nobody is to come later. */
  get isForgotten (): boolean { return this.#isForgotten }

  /** The history goes with the last stream. Does nothing while it is kept. */
  forget (): void { this.#isForgotten ||= !this.#isKept }

  /** How streams end that have read all, where that is not as for any feed. */
  get word (): SourceEnd | undefined { return this.#word }

  /** From now on streams end because the application closes. */
  drains (): void { this.#word = { kind: 'drain' } }

  /** From now on streams that have read all fail, for good. @param name that of the feed */
  fails (name: string, cause: unknown): void {
    this.#word = { kind: 'failed', error: new FeedFailed(shown(name), { cause }), code: FEED_FAILED, isFinal: true }
  }

  /** It begins, and the history is kept for a while; `letGo` is called when that is over. */
  keep (keepMs: number, deadlines: Deadlines, letGo: () => void): void {
    this.hasBegun = true
    if (keepMs === 0) return
    this.#isKept = true
    if (keepMs === Infinity) return
    this.#deadline = deadlines.set(keepMs, () => {
      this.#isKept = false
      letGo()
    })
  }

  /** The history is given up: nothing is waited for any more. */
  release (): void {
    this.#isKept = false
    this.#deadline?.cancel()
    this.#deadline = undefined
  }
}
