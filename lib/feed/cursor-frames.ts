/**
 * The frame source of one stream of a feed: a cursor, a filter, a variant. A stream that is not filtered shares its batches
 * with all that stand at the same place; one that is filtered shares the frames.
 */
import { BATCH_BYTES, PRIVATE_BATCH_BYTES, SCAN_ENTRIES } from '../defaults.ts'
import type { EntryView } from '../log/entry.ts'
import type { EventLog } from '../log/event-log.ts'
import { Batch } from '../wire/batch.ts'
import { bookmark } from '../wire/control-event.ts'
import { idLine } from '../wire/encode.ts'
import type { FrameSource, SourceEnd } from '../wire/frame-source.ts'
import { Cursor } from './cursor.ts'
import type { FanOut, Waiter } from './fan-out.ts'
import { openingFrame, type Opening } from './opening.ts'
import { together, type Frame, type Variant } from './variant-cache.ts'

/** What a stream needs of its feed. */
export interface FollowedFeed {
  readonly log: EventLog
  readonly fanOut: FanOut
  /** True when no entry will come any more. */
  readonly isComplete: boolean
}

/** How one stream reads its feed. */
export interface Following {
  readonly feed: FollowedFeed
  readonly variant: Variant
  readonly where: ((view: EntryView) => unknown) | undefined
  /** The event ID for a position; on a stream of several feeds it carries the others' positions too. `undefined`: the position itself. */
  readonly idOf: ((position: string) => string) | undefined
  readonly wake: () => void
  /** Called once, when nothing more will be read. */
  readonly onRelease: () => void
}

/** One stream of one feed. */
export class CursorFrames implements FrameSource, Waiter {
  readonly #following: Following
  #cursor: Cursor | undefined
  #opening: Opening | undefined
  #end: SourceEnd | undefined
  #until = Infinity
  #saidPosition = ''
  #isReleased = false

  /** @param opening where the stream begins; a promise where the log must look for it */
  constructor (following: Following, opening: Opening | Promise<Opening>) {
    this.#following = following
    if (!(opening instanceof Promise)) {
      this.#begin(opening)
      return
    }
    opening.then((found) => {
      this.#begin(found)
      following.wake()
    }, (error: unknown) => { this.#fail(error) })
  }

  get end (): SourceEnd | undefined { return this.#end }

  /**
   * What the client is to come back with: the position of the entry that was passed last; where a gap is not told yet, what the
   * client asked with, so that it is told then. `undefined` while the log looks for the start.
   */
  get position (): string | undefined { return this.#opening?.gap?.requested ?? this.#cursor?.position }

  read (maxBytes: number): Batch | undefined {
    const cursor = this.#cursor
    if (cursor === undefined || this.#end !== undefined) return undefined
    if (this.#opening !== undefined) {
      const frame = openingFrame(this.#opening, this.#id(this.#opening.before))
      this.#opening = undefined
      return this.#said(frame, cursor)
    }
    if (cursor.hasFallenOff) {
      this.#end = { kind: 'lagged' }
      return undefined
    }
    const { where, idOf, feed } = this.#following
    const isShared = where === undefined && idOf === undefined && maxBytes === BATCH_BYTES && cursor.index !== undefined
    try {
      const batch = isShared ? this.#readShared(cursor, cursor.index ?? 0) : this.#readPrivately(cursor, Math.min(maxBytes, PRIVATE_BATCH_BYTES))
      // frames that were cached count toward the bound of the log
      feed.log.window.trimSoon()
      return batch === undefined ? undefined : this.#said(batch, cursor)
    } catch (error) {
      this.#end = { kind: 'failed', error }
      return undefined
    }
  }

  /** A bookmark, where entries were passed that this stream leaves out: a client that resumes from there misses nothing. */
  quiet (): Batch | undefined {
    const cursor = this.#cursor
    if (cursor === undefined || this.#opening !== undefined || cursor.position === this.#saidPosition) return undefined
    const id = this.#id(cursor.position)
    return this.#said(new Batch(bookmark(id), 0, id), cursor)
  }

  behind (): { entries: number, bytes: number } {
    const { window } = this.#following.feed.log
    const index = this.#cursor?.index
    if (index === undefined) return { entries: window.size, bytes: window.bytes }
    let bytes = 0
    for (let at = Math.max(index, window.oldest); at < window.next; at++) bytes += window.at(at)?.size ?? 0
    return { entries: window.next - index, bytes }
  }

  wake (): void {
    if (!this.#isReleased) this.#following.wake()
  }

  cancel (): undefined {
    this.#until = Math.min(this.#until, this.#following.feed.log.window.next)
    this.#following.feed.fanOut.leave(this)
    const index = this.#cursor?.index
    // from before the window only an asynchronous read could bring the rest
    if (index === undefined || (index >= this.#until && this.#opening === undefined)) this.#end ??= { kind: 'done' }
  }

  release (): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.#following.feed.fanOut.leave(this)
    this.#following.onRelease()
  }

  #begin (opening: Opening): void {
    this.#cursor = new Cursor(this.#following.feed.log, opening.start, opening.before)
    this.#opening = opening
  }

  #readShared (cursor: Cursor, index: number): Batch | undefined {
    const to = Math.min(this.#following.feed.log.window.next, this.#until)
    while (index < to) {
      const { batch, to: reached } = this.#following.variant.range(index, to)
      cursor.skipTo(reached)
      if (batch !== undefined) return batch
      index = reached
    }
    return this.#waitAtHead()
  }

  #readPrivately (cursor: Cursor, maxBytes: number): Batch | undefined {
    const { where, variant } = this.#following
    const frames: Frame[] = []
    let bytes = 0
    for (let count = 0; ; count++) {
      const entry = (cursor.index ?? 0) < this.#until ? cursor.peek() : undefined
      if (entry === undefined || count === SCAN_ENTRIES) {
        if (frames.length > 0) break
        return entry === undefined ? this.#waitFor(cursor) : this.#goOnLater()
      }
      let frame
      try {
        frame = where === undefined || where(entry.view) ? variant.frame(entry) : null
      } catch (error) {
        // those before it are delivered first; then it fails again, alone
        if (frames.length === 0) throw error
        break
      }
      if (frame !== null) {
        if (frames.length > 0 && bytes + frame.bytes.length > maxBytes) break
        frames.push(frame)
        bytes += frame.bytes.length
      }
      cursor.pass(entry)
    }
    return this.#following.idOf === undefined ? together(frames) : this.#renamed(frames, this.#following.idOf)
  }

  /** With the ids of a stream of several feeds in place of the positions. */
  #renamed (frames: readonly Frame[], idOf: (position: string) => string): Batch {
    let lastEventId = ''
    const parts = frames.flatMap(({ bytes, bodyLength, lastEventId: position = '' }) => {
      lastEventId = idOf(position)
      return [bytes.subarray(0, bodyLength), Buffer.from(`${idLine(lastEventId)}\n`)]
    })
    return new Batch(parts, frames.length, lastEventId)
  }

  #waitFor (cursor: Cursor): undefined {
    if (cursor.hasFallenOff) this.#end = { kind: 'lagged' }
    else if (!cursor.load(() => { this.wake() }, (error) => { this.#fail(error) })) this.#waitAtHead()
  }

  #waitAtHead (): undefined {
    const { feed } = this.#following
    if (feed.isComplete || this.#until !== Infinity) this.#end = { kind: 'done' }
    else feed.fanOut.wait(this)
  }

  #goOnLater (): undefined {
    setImmediate(() => { this.wake() })
  }

  #fail (error: unknown): void {
    this.#end ??= { kind: 'failed', error }
    this.wake()
  }

  #said (batch: Batch, cursor: Cursor): Batch {
    this.#saidPosition = cursor.position
    return batch
  }

  #id (position: string): string {
    return this.#following.idOf?.(position) ?? position
  }
}
