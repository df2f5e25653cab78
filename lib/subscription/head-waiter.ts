/**
 * Where a stream waits that has read all there is: at the head of its feed, until something comes for it. With the
 * fan-out, which wakes it whatever comes; with its filter, which is asked about each entry; or for the index of keys,
 * which offers its cursor an entry. It does not know what the stream reads.
 */
import type { Entry } from '../feed/entry.ts'
import type { Waiter } from '../feed/fan-out.ts'
import type { FeedCore } from '../feed/feed-core.ts'
import type { FilteredWaiter } from '../feed/filters.ts'
import type { Poison, Where } from '../feed/poison.ts'
import { ownContext, type OwnContext } from '../own-context.ts'
import { catchUp, type EntryCursor } from './cursor.ts'
import type { Plan } from './plan.ts'
import { behindBy } from './slow-consumer.ts'

/** One stream that reads up to the head, and waits there. */
export abstract class HeadWaiter implements Waiter, FilteredWaiter {
  place = -1
  filterPlace = -1
  // what is needed for each entry is at hand: the rest would be read from cold memory
  readonly feed: FeedCore
  protected readonly where: Where | undefined
  /** Of whoever has opened the stream; `undefined` where nothing is to run in it. */
  protected readonly context: OwnContext | undefined
  /** Where the stream stands; `undefined` until that is known. */
  protected cursor: EntryCursor | undefined
  /** True while the stream stands at the head and its cursor is to say when there is an entry. */
  #awaitsOffer = false

  constructor ({ feed, where, hasOwnFunctions }: Plan) {
    this.feed = feed
    this.where = where
    this.context = hasOwnFunctions ? ownContext() : undefined
  }

  abstract wake (): void
  abstract accept (entry: Entry | undefined, poison: Poison | undefined): void
  abstract fail (error: unknown): void

  /** Ends a wait for an offer, or with the filter: the fan-out wakes it at its next round, whatever has come. */
  stir (): void {
    if (!this.#awaitsOffer && this.filterPlace === -1) return
    this.stopWaiting()
    this.feed.fanOut.wait(this)
  }

  /** What comes next may not follow what the window has. */
  lose (): void { this.cursor?.lose() }

  /** How far it is behind, as its application is told. */
  behind (): { entries: number, bytes: number } { return this.unread() }

  /** How many entries, and how many bytes of them, the stream has not passed. */
  unread (): { entries: number, bytes: number } {
    this.catchUp()
    return behindBy(this.feed.window, this.cursor)
  }

  /** Waits until something comes for the stream. */
  protected wait (): void {
    const { fanOut, window } = this.feed
    if (this.cursor?.isAtEnd === true) fanOut.wait(this)
    else if (this.cursor?.isKeyed === true) this.#awaitsOffer = true
    else if (this.where !== undefined) fanOut.filters.wait(this, this.where, this.context, window.next)
    else fanOut.wait(this)
  }

  /** Waits no more. */
  protected stopWaiting (): void {
    this.#awaitsOffer = false
    if (this.place === -1 && this.filterPlace === -1) return
    this.catchUp()
    if (this.filterPlace !== -1) this.feed.fanOut.filters.leave(this)
    this.feed.fanOut.leave(this)
  }

  /** While it waits with its filter, the cursor stays where that began: now it goes to where the stream stands. */
  protected catchUp (): void {
    if (this.filterPlace === -1 || this.cursor === undefined) return
    const { fanOut: { filters }, window } = this.feed
    catchUp(this.cursor, filters.standing(this), window)
  }
}
