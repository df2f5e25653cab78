/**
 * When streams that leave entries out say where they stand. A client that got nothing while many entries of others
 * passed would come back with a position that the log has dropped, and be told of a gap in which nothing of its own
 * is missing. So before the log has dropped what was said last, all streams say it again, in a round. It does not
 * know how they say it.
 */
import type { Clock } from '../clock.ts'
import { BOOKMARK_SHARE, FAN_OUT_SLICE_MS } from '../defaults.ts'
import { located } from '../log/answers.ts'
import type { FanOut } from './fan-out.ts'
import type { Follower } from './follower.ts'
import { asked, type History } from './location.ts'

/** Somebody who says where it stands when it is woken. */
type Speaker = Pick<Follower, 'stir'>

/** How many are stirred between two looks at the clock. */
const STIRS_PER_LOOK = 256

/** The rounds of one feed. */
export class Bookmarks {
  /**
   * The number of the round. A stream that has stood at the head in this round, and has said so, need not say it
   * again.
   */
  round = 0
  readonly #history: History
  readonly #clock: Clock
  readonly #fanOut: FanOut
  readonly #speakers: Iterable<Speaker>
  /** The head of the log at the last round. */
  #saidAt: number
  /**
   * The position before the oldest entry that the window had then. While the log keeps that, it keeps all that was
   * said.
   */
  #floor: string | undefined
  #floorIndex = 0
  /** Where the log keeps more than its window: how many entries and bytes stood between the two. */
  #margin: { readonly entries: number, readonly bytes: number } | undefined
  #keepsMore = false
  /** Where counting began: at the last round, or where the log was found to keep enough. */
  #from: number
  #stopTimer: (() => void) | undefined
  #isAsking = false
  #isClosed = false

  constructor (history: History, clock: Clock, fanOut: FanOut, speakers: Iterable<Speaker>) {
    this.#history = history
    this.#clock = clock
    this.#fanOut = fanOut
    this.#speakers = speakers
    this.#saidAt = history.window.next
    this.#from = history.window.next
  }

  /** The log has opened, and the window has its newest entries: what comes from now on counts. */
  open (): void {
    this.#begin()
  }

  /** An entry has come. Costs a look at the log's bounds. */
  advance (): void {
    const { window } = this.#history
    const { ageMs } = window.retention
    const from = this.#from
    const { entries, bytes } = this.#margin ?? { entries: window.retention.entries, bytes: window.room }
    const isByCount = window.next - from >= entries * BOOKMARK_SHARE
    // one large entry may take the place of all that were counted
    if (isByCount || window.oldest > from || window.bytesSince(from) >= bytes * BOOKMARK_SHARE) this.#check()
    if (ageMs !== Infinity && this.#saidAt < window.next && this.#stopTimer === undefined) this.#setTimer(ageMs)
  }

  /**
   * True for a client that has a position which is so new that there will be a round before the log drops it. @param
   * behind how many entries it has not got
   */
  isInTime (behind: number): boolean {
    const { window } = this.#history
    // one that stands at the oldest, or reads pages from before the window, may lose its place at any time
    return window.next - behind >= this.#saidAt && behind < window.size
  }

  /** No more rounds. */
  close (): void {
    this.#isClosed = true
    this.#stopTimer?.()
    this.#stopTimer = undefined
  }

  /** An entry may have been published a while before it came to stand in the window: its age counts from then. */
  #setTimer (ageMs: number): void {
    const { window } = this.#history
    const now = this.#clock.now()
    const ageOfNewest = Math.max(0, now - (window.at(window.next - 1)?.at ?? now))
    const delayMs = ageMs * BOOKMARK_SHARE - ageOfNewest
    if (delayMs <= 0) this.#begin()
    else this.#stopTimer = this.#clock.after(delayMs, () => { this.#begin() })
  }

  /**
   * What was said is in no danger while the log has all that its window had then; one that has nothing else is not
   * asked.
   */
  #check (): void {
    const floor = this.#floor
    const floorIndex = this.#floorIndex
    const hasMargin = this.#margin !== undefined
    const { log, window } = this.#history
    this.#from = window.next
    // a log that has not answered since the last time is waited for no longer
    if (!hasMargin || this.#isAsking) this.#begin()
    if (this.#isAsking || floor === undefined) return
    this.#isAsking = true
    const use = (kind: string): void => {
      this.#isAsking = false
      this.#keepsMore ||= kind === 'found' && floorIndex < window.oldest
      if (hasMargin && kind === 'gap') this.#begin()
    }
    try {
      const found = asked(() => log.locate(floor))
      if (found instanceof Promise) found.then((answer) => { use(located(answer).kind) }).catch(() => { use('gap') })
      else use(located(found).kind)
    } catch {
      // whoever reads hears of it
      use('gap')
    }
  }

  #begin (): void {
    this.#stopTimer?.()
    this.#stopTimer = undefined
    if (this.#isClosed) return
    const { window } = this.#history
    this.#saidAt = window.next
    this.#from = window.next
    this.#floor = window.positionBefore(window.oldest)
    this.#floorIndex = window.oldest
    this.#margin = this.#keepsMore && window.size > 0 ? { entries: window.size, bytes: window.bytesSince(window.oldest) } : undefined
    this.round++
    this.#stir([...this.#speakers], 0, this.round)
  }

  /** In slices, as the fan-out that wakes them. One that is no stream any more does not wait. */
  #stir (speakers: readonly Speaker[], from: number, round: number): void {
    const until = this.#clock.elapsed() + FAN_OUT_SLICE_MS
    let next = from
    for (; next < speakers.length; next++) {
      if (next > from && next % STIRS_PER_LOOK === 0 && this.#clock.elapsed() > until) break
      speakers[next]?.stir()
    }
    this.#fanOut.notify()
    if (next === speakers.length) return
    // another round stirs all of them
    setImmediate(() => { if (round === this.round && !this.#isClosed) this.#stir(speakers, next, round) })
  }
}
