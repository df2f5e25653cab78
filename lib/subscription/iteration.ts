/** A subscription in server code: `for await`, at the pace of the loop. */
import { BadEvent, LogClosed, ReaderLagged, shown } from '../errors.ts'
import type { Entry } from '../feed/entry.ts'
import { checkSynchronous, Poison } from '../feed/poison.ts'
import { toldGap, type GapEvent } from '../wire/told-gap.ts'
import { openReader } from './open-reader.ts'
import type { Plan } from './plan.ts'
import type { Reader } from './reader.ts'

/** What a loop over a subscription gets: an event with where it stands, or a gap. */
export type Iterated<Event> = (Event & Stamp) | GapEvent

/** Where an event stands. */
interface Stamp {
  /**
   * The event ID; `undefined` for an event of a snapshot: a loop that goes on from there would lose the rest of the
   * state.
   */
  readonly id: string | undefined
  readonly at: number
  readonly key: string | undefined
  readonly keys: readonly string[]
}

/** What is known of an event here, where the types of its feed are not. */
type Plain = Stamp & { readonly event: string, readonly data: unknown }

/**
 * Reads one by one: an entry is looked at when it is asked for, so a slow loop costs a cursor. Ends with the feed.
 * One that falls behind the log gets a gap, or fails with `FST_EVENTFEED_LAGGED`, as the feed's `slowConsumer` says.
 */
export class SubscriptionIterator implements AsyncIterator<Plain | GapEvent, undefined> {
  readonly #plan: Plan
  #reader: Reader | undefined
  #wake: () => void = () => {}
  /** Calls of `next` are served one after the other. */
  #turn: Promise<unknown> = Promise.resolve()
  /** True while the reader is read: what it calls may leave the loop, and it is let go of when it has answered. */
  #isTaking = false
  #isCloseDue = false
  /** Why the signal was aborted; `undefined` where it was not, or the loop has been told. */
  #aborted: { readonly reason: unknown } | undefined

  constructor (plan: Plan) {
    this.#plan = plan
    this.#reader = openReader(plan, undefined, { wake: () => { this.#woken() } })
    this.#woken()
  }

  next (): Promise<IteratorResult<Plain | GapEvent, undefined>> {
    const result = this.#turn.then(() => this.#next())
    this.#turn = result.catch(() => {})
    return result
  }

  /** Lets go of the feed. A call of `next` that waits is answered with the end. */
  async return (): Promise<IteratorReturnResult<undefined>> {
    this.#close()
    return { done: true, value: undefined }
  }

  async #next (): Promise<IteratorResult<Plain | GapEvent, undefined>> {
    try {
      for (;;) {
        const value = this.#takeAlone()
        if (this.#aborted !== undefined) {
          const { reason } = this.#aborted
          this.#aborted = undefined
          throw reason
        }
        if (value !== undefined) return { done: false, value }
        if (this.#reader === undefined) return { done: true, value: undefined }
        if (this.#reader.notice === undefined) await new Promise<void>((resolve) => { this.#wake = resolve })
      }
    } catch (error) {
      this.#close()
      throw error
    }
  }

  /**
   * There is more to read, or the signal was aborted: then the feed is let go of at once, whatever the body of the
   * loop waits for.
   */
  #woken (): void {
    const end = this.#reader?.end
    if (end?.kind === 'kick') {
      this.#aborted = end
      this.#close()
    }
    this.#wake()
  }

  /** What can be given now; what is called meanwhile waits. */
  #takeAlone (): Plain | GapEvent | undefined {
    this.#isTaking = true
    try {
      return this.#take()
    } finally {
      this.#isTaking = false
      if (this.#isCloseDue) this.#close()
    }
  }

  /** What can be given now. */
  #take (): Plain | GapEvent | undefined {
    const reader = this.#reader
    if (reader === undefined) return undefined
    for (let notice = reader.look(); notice !== undefined; notice = reader.look()) {
      reader.told()
      if (notice.gap !== undefined) return toldGap(notice.gap, notice.position)
    }
    const { isSnapshot } = reader
    for (let entry = reader.peek(); entry !== undefined; entry = reader.peek()) {
      let value
      try {
        value = this.#projected(entry, reader.isSnapshot)
      } catch (error) {
        reader.passPoison(entry, new Poison(error), this.#plan.as ?? this.#plan)
        return this.#take()
      }
      reader.pass(entry)
      if (value === undefined) continue
      this.#plan.feed.figures.delivered++
      return value
    }
    // reading has come upon a gap, and a snapshot in its place
    if (reader.isSnapshot && !isSnapshot) return this.#take()
    // ... or upon an entry that its filter throws at
    if (reader.notice !== undefined) return this.#take()
    const { end } = reader
    if (end === undefined) return undefined
    this.#close()
    if (end.kind === 'failed') throw end.error
    // of a run that was closed before all of it was read: what is missing must not look like the end
    if (end.kind === 'drain' && this.#plan.feed.isOutput) throw new LogClosed(`of the run ${shown(this.#plan.feed.name)}`)
    if (end.kind === 'lagged') throw new ReaderLagged(shown(this.#plan.feed.name), shown(reader.position))
    return undefined
  }

  #projected ({ view }: Entry, isSnapshot: boolean): Plain | undefined {
    const { as } = this.#plan
    const id = isSnapshot ? undefined : view.id
    if (as === undefined) return isSnapshot ? Object.freeze({ ...view, id }) : view
    const made = as(view)
    checkSynchronous('as', made)
    if (made === undefined) return undefined
    if (typeof made !== 'object' || made === null || made.data === undefined) throw new BadEvent('a projection returns { event?, data }, or undefined to leave an entry out')
    return { ...view, id, event: made.event ?? view.event, data: made.data }
  }

  #close (): void {
    this.#isCloseDue = this.#isTaking
    if (this.#isCloseDue) return
    this.#reader?.release()
    this.#reader = undefined
    this.#wake()
  }
}
