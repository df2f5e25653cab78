/**
 * One room, from its opening to the moment when its id is free: `opening`, `open`, `storing` (nobody follows it, and
 * `onIdle` runs), `kept` (it has ended, and is kept for those who come later), and `left` (its feed was freed, or has ended). One that is opened later is another.
 */
import type { Deadline } from '../deadlines.ts'
import { ROOM_HOOK_MS } from '../defaults.ts'
import { FeedEnded, FeedFreed, LogFailed, RoomsClosed, shown } from '../errors.ts'
import type { EndOptions } from '../feed/ending.ts'
import { checkLog } from '../log/answers.ts'
import { RoomFeed, type RoomGate } from './room-feed.ts'
import { RoomParts } from './room-parts.ts'

/** What the next room of the same id waits for. */
interface Leaving {
  /** A hook that still runs, for a while. */
  readonly stored: Promise<unknown>
  /** The log, until it is given up. */
  readonly freed: Promise<unknown>
}

/** Clocks count whole milliseconds: what is due so soon is due. */
const DUE_WITHIN_MS = 1

/** One room. */
export class Room extends RoomParts implements RoomGate {
  #state: 'opening' | 'open' | 'storing' | 'kept' | 'left' = 'opening'
  /** True where it was freed: its feed takes nothing any more, and says that the room must be opened again. */
  #isFreed = false
  #feed: RoomFeed | undefined
  /** While it is being opened. */
  #opened: Promise<RoomFeed> | undefined
  /** What is still left of the room that had the id. */
  #before: Leaving | undefined
  /** Comes when it may have been idle for long enough. */
  #idle: Deadline | undefined
  /** Since when it is idle, by the clock that is never set. */
  #idleSince = 0
  /** Changes with all that cancels a freeing. */
  #turn = 0
  /** An `onOpen` or `onIdle` that was called and has not settled. Never rejects. */
  #hook: Promise<unknown> | undefined
  #leaving: Leaving | undefined
  /** Of a room that has ended: called when its feed is freed. */
  #endedIsFreed: (() => void) | undefined

  /** Its feed, as soon as there is one. */
  get feed (): RoomFeed | undefined { return this.#feed }

  /** Its feed, where anybody may have it. */
  get openFeed (): RoomFeed | undefined { return this.#state === 'opening' || this.#state === 'left' ? undefined : this.#feed }

  /** True where whoever opens it gets another room. */
  get isLeft (): boolean { return this.#state === 'left' }

  /** What the next room of its id waits for; `undefined` where there is nothing. */
  get leaving (): Leaving | undefined { return this.#leaving }

  /** Makes the feed. @param before the room that had the id, where something of it is left */
  begin (before: Room | undefined): void {
    this.#before = before?.leaving
    this.#opened = this.#open()
    // whoever opens it gets what it is rejected with; where nobody does, it must not end the process
    this.#opened.catch((error: unknown) => {
      if (!(error instanceof FeedEnded || error instanceof RoomsClosed)) this.report(error, 'it could not be opened')
    })
  }

  /** Its feed, when it is open. A room that is idle stays. */
  async open (): Promise<RoomFeed> {
    const feed = this.openFeed
    if (feed === undefined) return await (this.#opened ?? this.#open())
    if (this.#state !== 'kept') this.#stay()
    return feed
  }

  /** Ends it: as `feed.end()` does; one without a feed yet is given up. */
  end (options: EndOptions | undefined): void {
    if (this.#feed !== undefined) this.#feed.end(options)
    else if (this.#state === 'opening') this.#leave(Promise.resolve())
  }

  /** The application closes: `onIdle` may store what is there. */
  async store (): Promise<void> {
    const feed = this.openFeed
    if (feed === undefined) return
    if (this.#state === 'open') await this.#store(feed)
    else if (this.#hook !== undefined) await this.tools.waits.until(this.#hook, ROOM_HOOK_MS)
  }

  /** The application has closed: gives up the log. Streams that are left end, and their clients come back. */
  async close (): Promise<void> {
    this.#state = 'left'
    this.#turn++
    this.#idle?.cancel()
    await this.#giveUp()
  }

  checkTaking (): void {
    if (this.#isFreed || this.#state === 'storing') throw this.#freed()
  }

  checkReading (): void {
    if (this.#isFreed) throw this.#freed()
  }

  /** A stream has begun. */
  entered (): void {
    this.#idle?.cancel()
    this.#idle = undefined
  }

  /** The last stream has left. Those that come and go while it is stored may be loops of `onIdle`. */
  left (): void {
    if (this.#state === 'open') this.#stay()
  }

  onEnd (isKept: boolean): void {
    // one that ends while it is opened was never open
    if (this.#opened === undefined) this.tools.figures.ended++
    if (!isKept) return this.onLetGo()
    this.#state = 'kept'
    this.#turn++
    this.entered()
  }

  /** It has ended, and is not kept for anybody who comes later. */
  onLetGo (): void {
    if (this.#state !== 'left') this.#leave(new Promise((resolve) => { this.#endedIsFreed = () => { resolve(undefined) } }))
  }

  onFreed (error?: unknown): void {
    if (error !== undefined) this.report(error, 'its log could not be freed')
    this.#endedIsFreed?.()
  }

  onFault (error: unknown, what: string): void {
    this.report(error, what)
  }

  async #open (): Promise<RoomFeed> {
    try {
      if (this.#before !== undefined) await this.#awaitBefore(this.#before)
      // in a microtask of its own: whoever opens it at once, `log` and `onOpen` too, finds what is under way
      else await undefined
      const feed = this.#make()
      if (feed.isOpening) await this.#within(feed.ready().catch((cause: unknown) => { throw new LogFailed({ cause }) }), 'its log')
      if (this.tools.settings.onOpen !== undefined) await this.#load(feed)
      this.#checkOpening()
      this.#opened = undefined
      this.tools.figures.opened++
      // `onOpen` may have ended it, and kept it
      if (this.#state === 'kept') this.tools.figures.ended++
      else this.#stay()
      return feed
    } catch (error) {
      const isGivenUp = this.#state === 'opening' || this.#state === 'kept'
      this.#isFreed ||= isGivenUp
      if (isGivenUp) this.#leave(this.#giveUp())
      throw error
    }
  }

  /** Lets `onOpen` load its history. */
  async #load (feed: RoomFeed): Promise<void> {
    const loading = this.call('onOpen', feed)
    this.#hook = loading.catch(() => {})
    try {
      await this.#within(loading, 'onOpen')
    } finally {
      this.#hook = undefined
    }
  }

  /** What is left of the room that had the id has left first. */
  async #awaitBefore (before: Leaving): Promise<void> {
    await before.stored
    await this.#within(before.freed, 'the log of the room that had its id')
    this.#before = undefined
  }

  #make (): RoomFeed {
    this.#checkOpening()
    const { settings: { log }, context } = this.tools
    try {
      this.log = log === undefined ? undefined : context.runInAsyncScope(log, undefined, this.id)
    } catch (cause) {
      throw new LogFailed({ cause })
    }
    if (log !== undefined) checkLog(this.log, `app.feeds({ log }) must return the log of the room ${shown(this.id)}`)
    // the function may have ended it
    this.#checkOpening()
    const feed = new RoomFeed(this, this)
    this.#feed = feed
    try {
      feed.open()
    } catch (cause) {
      throw new LogFailed({ cause })
    }
    return feed
  }

  /** What a promise gives. Rejects where that takes too long, or the application closes. */
  async #within (promise: Promise<unknown>, what: string): Promise<void> {
    const end = await this.tools.waits.until(promise, ROOM_HOOK_MS)
    if (end === 'late') throw this.timedOut(what)
    this.#checkOpening()
    await promise
  }

  #checkOpening (): void {
    if (this.tools.waits.isClosed) throw new RoomsClosed()
    if (this.#state !== 'opening' && this.#state !== 'kept') throw new FeedEnded(shown(this.name))
  }

  /** It is open, and idle from now on, if nobody follows it. */
  #stay (): void {
    this.#turn++
    this.#state = 'open'
    this.#idleSince = this.tools.clock.elapsed()
    if (this.#feed?.readers === 0) this.#awaitIdle(this.tools.settings.freeWhenIdleMs)
  }

  #awaitIdle (delayMs: number): void {
    if (delayMs !== Infinity) this.#idle ??= this.tools.deadlines.set(delayMs, () => { this.#idleIsDue() })
  }

  #idleIsDue (): void {
    this.#idle = undefined
    const { settings, clock } = this.tools
    const feed = this.#feed
    if (feed === undefined || this.#state !== 'open' || feed.readers > 0) return
    const leftMs = this.#idleSince + settings.freeWhenIdleMs - clock.elapsed()
    if (leftMs > DUE_WITHIN_MS) this.#awaitIdle(leftMs)
    else if (settings.onIdle === undefined) this.#free()
    else this.#store(feed).catch((error: unknown) => { this.report(error, 'it could not be freed') })
  }

  /** Lets `onIdle` store it, and frees it, unless somebody comes meanwhile. */
  async #store (feed: RoomFeed): Promise<void> {
    const { waits } = this.tools
    this.#state = 'storing'
    const turn = ++this.#turn
    // one at a time: an earlier one, after which somebody came, may still run
    if (this.#hook !== undefined) await waits.until(this.#hook, ROOM_HOOK_MS)
    if (turn !== this.#turn) return
    const storing = this.call('onIdle', feed).catch((error: unknown) => { this.report(error, 'onIdle has failed') })
    this.#hook = storing
    const end = await waits.until(storing, ROOM_HOOK_MS)
    if (end === 'late') this.report(this.timedOut('onIdle'), 'it is not waited for any longer')
    else if (this.#hook === storing) this.#hook = undefined
    if (turn !== this.#turn) return
    // a stream that has come without `open` keeps it, but for one of an `onIdle` that hangs: its client comes back
    if (feed.readers > 0 && end !== 'late') this.#stay()
    else this.#free()
  }

  #free (): void {
    this.#isFreed = true
    this.tools.figures.freed++
    this.#leave(this.#giveUp())
  }

  /** Its feed and its log are given up. Never rejects. */
  async #giveUp (): Promise<void> {
    try {
      await this.#feed?.close()
    } catch (error) {
      this.report(error, 'its log could not be freed')
    }
  }

  /** Whoever opens it from now on gets another room. */
  #leave (freed: Promise<unknown>): void {
    const { waits, onLeft, onFreed, onGone } = this.tools
    this.#state = 'left'
    this.#turn++
    this.#idle?.cancel()
    this.#idle = undefined
    onLeft(this)
    freed.then(() => { onFreed(this) }, () => {})
    const before = this.#before
    // nothing of it could meet the next one
    if (before === undefined && this.#hook === undefined && this.log === undefined) return onGone(this)
    const stored = Promise.all([before?.stored, this.#hook && waits.until(this.#hook, ROOM_HOOK_MS)])
    this.#leaving = { stored, freed: Promise.all([before?.freed, this.log && freed]) }
    Promise.all([stored, this.#leaving.freed]).then(() => { onGone(this) }, () => {})
  }

  #freed (): Error {
    return new FeedFreed(shown(this.name), shown(this.id))
  }
}
