/**
 * A reader whose stream ends by itself after an entry of its own: the application says after which (`endAfter`). It is
 * asked about each entry that the stream takes, when that is passed.
 */
import type { Entry } from '../feed/entry.ts'
import type { Notice } from '../feed/notice.ts'
import { isTaken, truthOf, type Poison, type Where } from '../feed/poison.ts'
import type { SourceOwner } from '../wire/frame-source.ts'
import type { Plan } from './plan.ts'
import { Reader } from './reader.ts'

/**
 * Stands before the position of a stream that has ended so: in the ids of a stream of several feeds, which goes on with
 * the others. No position begins with it.
 */
const ENDED = '~'

/** One stream of one feed. */
export class SelfEndingReader extends Reader {
  readonly #plan: Plan
  readonly #endAfter: Where | undefined
  /** The event ID that the client, or the subscription, has begun with, until it is known that the stream goes on there. */
  #after: string | undefined
  /** What the client is to come back with, where its stream has ended. */
  #mark: string | undefined
  /** True where an event of the state is the last: the rest of the state still follows. */
  #isLastInState = false
  #isAsking = true

  constructor (plan: Plan, owner: SourceOwner, lastEventId: string | undefined) {
    super(plan, owner)
    this.#plan = plan
    this.#endAfter = plan.endAfter
    this.#after = lastEventId ?? plan.after
    if (this.#endAfter === undefined || this.#after?.startsWith(ENDED) !== true) return
    this.#mark = this.#after
    this.end = { kind: 'done' }
  }

  override get position (): string | undefined { return this.#mark ?? super.position }

  override look (): Notice | undefined {
    const notice = super.look()
    if (this.end !== undefined || this.cursor === undefined) return notice
    if (notice === undefined && this.#isLastInState && !this.isSnapshot) this.#stop()
    if (this.#after !== undefined) this.#lookBack(this.#after, notice)
    return notice
  }

  override peek (): Entry | undefined {
    return this.#mark === undefined ? super.peek() : undefined
  }

  override pass (entry: Entry): void {
    const isState = this.isSnapshot
    super.pass(entry)
    if (this.#endAfter === undefined || !this.#isAsking || this.end !== undefined || !this.#isLast(this.#endAfter, entry)) return
    if (isState) this.#isLastInState = true
    else this.#stop()
  }

  override passPoison (entry: Entry, poison: Poison, by: object | undefined): undefined {
    // whether the stream takes an entry that its filter throws at, nobody knows
    this.#isAsking = by !== this.#plan.where
    try {
      super.passPoison(entry, poison, by)
    } finally {
      this.#isAsking = true
    }
  }

  #stop (): void {
    this.end ??= { kind: 'done' }
    const { position } = this
    if (position !== undefined) this.#mark = `${ENDED}${position}`
  }

  /** A client that comes back with the id of the last entry has missed only the end. */
  #lookBack (after: string, notice: Notice | undefined): void {
    this.#after = undefined
    if (this.#endAfter === undefined || notice?.gap !== undefined) return
    const { window } = this.feed
    const index = window.indexAfter(after)
    const entry = index === undefined ? undefined : window.at(index - 1)
    if (entry !== undefined && this.#wasTaken(entry) && this.#isLast(this.#endAfter, entry)) this.#stop()
  }

  #wasTaken (entry: Entry): boolean {
    if (!this.#plan.hasKey(entry) || this.#plan.leavesOut(entry)) return false
    try {
      return this.where === undefined || isTaken(this.where, entry, this.context)
    } catch {
      return false
    }
  }

  /** What throws has not said that it is the last: that is reported, and the stream goes on. */
  #isLast (endAfter: Where, entry: Entry): boolean {
    if (this.#plan.leavesOut(entry)) return false
    let answer: unknown
    try {
      const { view } = entry
      answer = this.context === undefined ? endAfter(view) : this.context.runInAsyncScope(endAfter, undefined, view)
    } catch (error) {
      this.feed.poison.addEnding(endAfter, entry, error)
      return false
    } finally {
      // the parsed data of a state is counted nowhere
      if (entry.index === -1 && this.isSnapshot) entry.forgetView()
    }
    return truthOf(answer, 'endAfter')
  }
}
