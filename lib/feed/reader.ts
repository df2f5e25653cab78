/**
 * What one stream of a feed reads next: its opening, a snapshot, entries, a gap, its end. It does not know what is made of them:
 * `cursor-frames` makes bytes, `iteration` values.
 */
import { SCAN_ENTRIES } from '../defaults.ts'
import type { Entry } from '../log/entry.ts'
import type { Hole } from '../log/event-log.ts'
import type { Gap } from '../wire/control-event.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import type { EntryCursor } from './cursor.ts'
import { Detour, type Notice } from './detour.ts'
import { gapTold, readerLagged } from './diagnostics.ts'
import type { Waiter } from './fan-out.ts'
import type { Opening } from './opening.ts'
import type { Reading } from './reading.ts'
import { conflated, isTooFarBehind, skipped } from './slow-consumer.ts'
import type { State } from './snapshot.ts'

/** One stream of one feed. */
export class Reader implements Waiter {
  place = -1
  /** The end, once it has come. */
  end: SourceEnd | undefined
  readonly #reading: Reading
  #cursor: EntryCursor | undefined
  #notice: Notice | undefined
  #detour: Detour | undefined
  #accepted: Entry | undefined
  #until = Infinity
  /** True when the stream was once caught up: what it had to read before that is replay, and no sign of slowness. */
  #isLive = false
  /** True while the stream stands at the head and its cursor is to say when there is an entry. */
  #awaitsOffer = false
  #isReleased = false

  constructor (reading: Reading) {
    this.#reading = reading
  }

  /** Begins; where the opening is a promise, when it is kept. */
  begin (opening: Opening | Promise<Opening>): void {
    if (opening instanceof Promise) this.#later(opening, (found) => { this.#open(found) })
    else this.#open(opening)
  }

  /** True when it is known where the stream begins. */
  get isPlaced (): boolean { return this.#cursor !== undefined || this.end !== undefined }

  /** True while the next entries are those of a snapshot, which carry no id. */
  get isState (): boolean { return this.#detour?.isState === true }

  /**
   * What the client is to come back with: the position that it has got; where a gap is not told yet, what it asked with, so that it is
   * told then. `undefined` where it has none.
   */
  get position (): string | undefined {
    if (this.#notice?.gap !== undefined) return this.#notice.gap.requested
    return this.#detour === undefined ? this.#cursor?.position : this.#detour.position
  }

  /** How many entries, and how many bytes of them, the stream has not passed. */
  behind (): { entries: number, bytes: number } {
    if (this.#cursor === undefined) return { entries: 0, bytes: 0 }
    const { window } = this.#reading.feed.log
    const index = Math.max(this.#cursor.index ?? 0, window.oldest)
    return { entries: window.next - index, bytes: window.bytesSince(index) }
  }

  /** What is to be told now, before any entry. Looks whether the stream is too slow, and so is asked first, each time that is read. */
  get notice (): Notice | undefined {
    if (this.#notice === undefined && this.#detour === undefined) this.#checkLag()
    return this.#notice
  }

  /** The notice was told. */
  told (): void {
    if (this.#notice?.gap !== undefined) this.#countGap(this.#notice.gap)
    this.#notice = undefined
  }

  /** Where the next entries are in the window and none is left out: from which index to which, exclusive. */
  range (): { from: number, to: number } | undefined {
    const { where, hasKey, feed } = this.#reading
    if (where !== undefined || hasKey !== undefined || this.#detour !== undefined) return undefined
    const from = this.#cursor?.index
    return from === undefined ? undefined : { from, to: Math.min(feed.log.window.next, this.#until) }
  }

  /** Passes all up to an index, exclusive. */
  skipTo (index: number): void {
    this.#cursor?.skipTo(index)
  }

  /** The next entry that the stream takes. Where there is none, a notice or the end has come, or `wake` will be called. Throws what `where` throws. */
  peek (): Entry | undefined {
    if (this.#detour !== undefined) return this.#peekDetour(this.#detour)
    const cursor = this.#cursor
    if (cursor === undefined || this.#notice !== undefined || this.end !== undefined) return undefined
    for (let scanned = 0; scanned < SCAN_ENTRIES; scanned++) {
      const entry = (cursor.index ?? 0) < this.#until ? cursor.peek() : undefined
      if (entry === undefined) {
        this.#waitFor(cursor)
        return undefined
      }
      if (entry === this.#accepted || this.#takes(entry)) {
        this.#accepted = entry
        return entry
      }
      cursor.pass(entry)
    }
    setImmediate(() => { this.#wakeOwner() })
    return undefined
  }

  /** Passes the entry that `peek` has given. */
  pass (entry: Entry): void {
    this.#accepted = undefined
    if (this.#detour === undefined) this.#cursor?.pass(entry)
    else this.#detour.pass(entry)
  }

  /** All is read: waits at the head, or ends. */
  waitAtHead (): void {
    const { feed, hasKey } = this.#reading
    this.#isLive = true
    if (feed.isComplete || this.#until !== Infinity) this.end ??= { kind: 'done' }
    else if (hasKey === undefined) feed.fanOut.wait(this)
    else this.#awaitsOffer = true
  }

  /** For one that waits for an offer of its cursor: it has one, or the feed has ended. */
  stir (): void {
    if (!this.#awaitsOffer) return
    this.#awaitsOffer = false
    this.#reading.feed.fanOut.wait(this)
  }

  wake (): boolean {
    if (this.#refusesAll()) return true
    this.#wakeOwner()
    return false
  }

  /** Nothing new is wanted. What is in the log by now can still be read. */
  cancel (): void {
    const { feed } = this.#reading
    this.#until = Math.min(this.#until, feed.log.window.next)
    this.#awaitsOffer = false
    feed.fanOut.leave(this)
    const index = this.#cursor?.index
    const hasMore = this.#notice !== undefined || this.#detour !== undefined
    // from before the window only an asynchronous read could bring the rest
    if (index === undefined || (index >= this.#until && !hasMore)) this.end ??= { kind: 'done' }
  }

  /** The feed is closed: nothing can be read any more. */
  finish (): void {
    this.end ??= { kind: 'done' }
    this.#wakeOwner()
  }

  release (): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#awaitsOffer = false
    this.#reading.feed.fanOut.leave(this)
    this.#cursor?.release()
    this.#detour = undefined
    this.#reading.onRelease()
  }

  #open (opening: Opening): void {
    this.#cursor = this.#reading.cursorAt(opening, () => { this.stir() })
    this.#goOn({ gap: opening.gap, position: opening.before })
  }

  /** Goes on with a notice; where there is a snapshot for it, with that in its place. */
  #goOn (notice: Notice): void {
    const state = this.#reading.snapshot(notice.gap)
    if (state === undefined) {
      this.#notice = notice
      return
    }
    const position = notice.gap?.requested
    // nothing is read until the state is known
    this.#detour = new Detour([], { isState: true, position })
    const use = ({ entries, behind }: State): void => {
      this.#cursor?.restart(behind.start, behind.before)
      this.#detour = new Detour(entries, { isState: true, position, behind: { gap: behind.gap, position: behind.before } })
      if (notice.gap !== undefined) this.#countGap(notice.gap)
    }
    if (state instanceof Promise) this.#later(state, use)
    else use(state)
  }

  #peekDetour (detour: Detour): Entry | undefined {
    const entry = detour.peek((listed) => this.#takes(listed))
    if (entry !== undefined || (detour.isState && detour.behind === undefined)) return entry
    this.#detour = undefined
    this.#notice = detour.behind
    return detour.behind === undefined ? this.peek() : undefined
  }

  #takes (entry: Entry): boolean {
    const { where, hasKey, feed } = this.#reading
    if (hasKey !== undefined && !hasKey(entry)) return false
    if (where === undefined || where(entry.view)) return true
    feed.figures.filtered++
    return false
  }

  /** The usual case of a filter, without a detour through the connection: none of what is new is for this stream. */
  #refusesAll (): boolean {
    const { where, hasKey, feed } = this.#reading
    const cursor = this.#cursor
    if (where === undefined || hasKey !== undefined || cursor === undefined || feed.isComplete) return false
    const { window } = feed.log
    const index = cursor.index
    if (index === undefined || window.next - index > SCAN_ENTRIES) return false
    try {
      for (let at = index; at < window.next; at++) {
        const entry = window.at(at)
        if (entry === undefined || where(entry.view)) {
          this.#accepted = entry
          return false
        }
        feed.figures.filtered++
        cursor.pass(entry)
      }
    } catch {
      // it throws again when it is read
      return false
    }
    return true
  }

  #waitFor (cursor: EntryCursor): void {
    if (cursor.hole !== undefined) this.#fallBehind(cursor, cursor.hole)
    else if (!cursor.load(() => { this.#wakeOwner() }, (error) => { this.#fail(error) })) this.waitAtHead()
  }

  #checkLag (): void {
    const cursor = this.#cursor
    if (cursor === undefined || this.end !== undefined) return
    const { index } = cursor
    const { log, lag } = this.#reading.feed
    if (index === undefined) {
      if (cursor.hole !== undefined) this.#fallBehind(cursor, cursor.hole)
    } else if (this.#isLive && isTooFarBehind(log.window, index, lag, this.#reading.feed.now())) this.#fallBehind(cursor, undefined)
  }

  #fallBehind (cursor: EntryCursor, hole: Hole | undefined): void {
    const { feed } = this.#reading
    const { log: { window }, lag, newest } = feed
    feed.figures.lagged++
    readerLagged({ feed: feed.name, mode: lag.mode, ...this.behind() })
    this.#accepted = undefined
    if (lag.mode === 'disconnect') {
      this.end = { kind: 'lagged' }
      return
    }
    const fallen = { position: cursor.position, index: cursor.lastIndex, hole }
    const { gap, position, opening, missed } = newest === undefined
      ? skipped(window, lag, feed.now(), fallen)
      : conflated(window, newest, (entry) => this.#takes(entry), fallen)
    cursor.restart(opening.start, opening.before)
    if (missed === undefined) {
      this.#goOn({ gap, position })
    } else {
      this.#notice = { gap, position }
      this.#detour = new Detour(missed, { isState: false, position })
    }
  }

  #countGap (gap: Gap): void {
    const { figures, name } = this.#reading.feed
    figures.gaps++
    gapTold({ feed: name, ...gap })
  }

  #later<Value> (promise: Promise<Value>, use: (value: Value) => void): void {
    promise.then((value) => {
      if (this.#isReleased) return
      use(value)
      this.#wakeOwner()
    }).catch((error: unknown) => { this.#fail(error) })
  }

  #fail (error: unknown): void {
    this.end ??= { kind: 'failed', error }
    this.#wakeOwner()
  }

  #wakeOwner (): void {
    if (!this.#isReleased) this.#reading.wake()
  }
}
