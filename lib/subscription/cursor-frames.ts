/**
 * The frame source of one stream of a feed: what its reader reads, as bytes. A stream that leaves nothing out shares
 * its batches with all that stand at the same place; one that does shares the frames.
 */
import { BATCH_BYTES, PRIVATE_BATCH_BYTES } from '../defaults.ts'
import type { Bookmarks } from '../feed/bookmarks.ts'
import { countGap } from '../feed/diagnostics.ts'
import type { Frame } from '../feed/frame-encoder.ts'
import type { Notice } from '../feed/notice.ts'
import { Poison } from '../feed/poison.ts'
import { REPORTED, together, type Variant } from '../feed/variant-cache.ts'
import { Batch } from '../wire/batch.ts'
import type { ControlForm, Said } from '../wire/control-form.ts'
import { idLine } from '../wire/encode.ts'
import type { IdOf, MemberFrames, SourceEnd } from '../wire/frame-source.ts'
import type { Gap } from '../wire/protocol.ts'
import type { Reader } from './reader.ts'

/** The blank line that ends an event without an id. */
const BLANK_LINE = Buffer.from('\n')

/** In place of a notice of which the client hears nothing: its stream begins, or goes on, all the same. */
const UNSAID = new Batch('')

/** One stream of one feed. */
export class CursorFrames implements MemberFrames {
  readonly reader: Reader
  readonly #variant: Variant
  readonly #idOf: IdOf | undefined
  #saidPosition: string | undefined
  /**
   * The head of the log when the stream stood there, and that was said: as long as it is the head, there is nothing
   * else to say.
   */
  #quietAt = -1
  readonly #control: ControlForm
  /** The round of bookmarks in which the stream stood at the head, or has begun. */
  #saidRound: number
  /** The round of which it heard before it had read all there is. */
  #saidRoundOnTheWay: number
  #isReleased = false

  /** @param idOf `undefined`: the id of an event is its position */
  constructor (reader: Reader, variant: Variant, idOf: IdOf | undefined, control: ControlForm) {
    this.reader = reader
    this.#variant = variant
    this.#idOf = idOf
    this.#control = control
    this.#saidRound = this.#bookmarks.round
    this.#saidRoundOnTheWay = this.#bookmarks.round
  }

  get end (): SourceEnd | undefined { return this.reader.end }
  get isPlaced (): boolean { return this.reader.isPlaced }
  get position (): string | undefined { return this.reader.position }
  get isWaitedFor (): boolean { return this.reader.feed.isOutput }
  get #bookmarks (): Bookmarks { return this.reader.feed.bookmarks }

  read (maxBytes: number): Batch | undefined {
    const { reader } = this
    try {
      for (;;) {
        const notice = reader.look()
        if (notice !== undefined) {
          reader.told()
          // the gap of a poisoned entry counts as the entry would: it says nothing of the rest
          if (notice.gap?.reason !== 'failed') {
            // what a gap of the mode latest says is where the client was
            const isInTime = notice.gap?.reason !== 'lagged' && this.#bookmarks.isInTime(reader.unread().entries)
            this.#saidRound = isInTime ? this.#bookmarks.round : -1
          }
          return this.#notice(notice)
        }
        if (reader.end !== undefined) return undefined
        const { isSnapshot } = reader
        const from = this.#idOf === undefined && maxBytes === BATCH_BYTES ? reader.sharedIndex : undefined
        const batch = from === undefined ? this.#readPrivately(Math.min(maxBytes, PRIVATE_BATCH_BYTES)) : this.#readShared(from)
        // frames that were cached count toward the bound of the log
        reader.feed.window.trimSoon()
        if (batch !== undefined) {
          reader.feed.figures.delivered += batch.events
          return this.#said(batch)
        }
        // reading may have come upon a gap, or the end of a snapshot
        if (reader.notice === undefined && reader.isSnapshot === isSnapshot) return reader.end === undefined ? this.#inTime() : undefined
      }
    } catch (error) {
      reader.end ??= { kind: 'failed', error }
      return undefined
    }
  }

  /**
   * A bookmark, where entries were passed that this stream leaves out: a client that resumes from there misses
   * nothing.
   */
  quiet (): Batch | undefined {
    if (!this.#control.hasBookmarks) return undefined
    const { window } = this.#variant
    if (this.#quietAt === window.next && !window.isHeadUnknown) return undefined
    const { reader } = this
    // beside others it says that it has ended
    if (reader.end !== undefined && this.#idOf === undefined) return undefined
    const { position } = reader
    if (position === undefined || reader.isSnapshot || reader.notice !== undefined) return undefined
    if (position === window.positionBefore(window.next)) this.#quietAt = window.next
    if (position === this.#saidPosition) return undefined
    this.#saidPosition = position
    return batchOf(this.#control.bookmark(this.#id(position)))
  }

  /** What is said in a round of bookmarks: at the head once, and once by a stream that is still on its way there. */
  #inTime (): Batch | undefined {
    // it has read by pages what the tail has lost: how much of the log that is, nobody knows
    if (this.#variant.window.isHeadUnknown && this.reader.unread().entries === 0) return this.quiet()
    const { round } = this.#bookmarks
    if (this.#saidRound === round) return undefined
    if (this.reader.unread().entries === 0) this.#saidRound = round
    else if (this.#saidRoundOnTheWay === round) return undefined
    this.#saidRoundOnTheWay = round
    return this.quiet()
  }

  /** What stands between entries: a gap, or where the stream stands. */
  #notice ({ gap, position }: Notice): Batch {
    this.#saidPosition = position
    const id = this.#id(position)
    const said = gap === undefined ? this.#control.bookmark(id) : this.#control.gap(this.#named(gap), id)
    return batchOf(said) ?? UNSAID
  }

  /** On a stream of several feeds a gap says of which. */
  #named (gap: Gap): Gap {
    return this.#idOf === undefined ? gap : { ...gap, feed: this.reader.feed.name }
  }

  behind (): { entries: number, bytes: number } { return this.reader.behind() }

  cancel (): undefined { this.reader.cancel() }

  release (): void {
    if (this.#isReleased) return
    this.#isReleased = true
    this.reader.release()
    this.#variant.release()
  }

  /** What is between an index and the head, as all get it who stand there; nothing at the head. */
  #readShared (from: number): Batch | undefined {
    const { reader } = this
    const to = reader.readable
    for (let index = from; index < to;) {
      const range = this.#variant.range(index, to)
      // its gaps are in a form that is not this stream's
      if (range.gaps.length > 0 && !this.#control.hasNamedGaps) return this.#readPrivately(PRIVATE_BATCH_BYTES)
      reader.skipTo(range.to, range.batch?.lastEventId)
      for (const gap of range.gaps) countGap(reader.feed, gap)
      if (range.batch !== undefined) return range.batch
      if (reader.sharedIndex === undefined) return this.#readPrivately(PRIVATE_BATCH_BYTES)
      index = range.to
    }
    reader.waitAtHead()
    return undefined
  }

  #readPrivately (maxBytes: number): Batch | undefined {
    const { reader } = this
    const { isSnapshot } = reader
    const frames: Frame[] = []
    let bytes = 0
    try {
      for (let entry = reader.peek(); entry !== undefined && reader.isSnapshot === isSnapshot; entry = reader.peek()) {
        const frame = this.#variant.frame(entry)
        if (frame instanceof Poison) {
          reader.passPoison(entry, frame, frame === REPORTED ? undefined : this.#variant)
          if (reader.notice === undefined) continue
          break
        }
        if (frame !== null) {
          if (frames.length > 0 && bytes + frame.length > maxBytes) break
          frames.push(frame)
          bytes += frame.length
        }
        reader.pass(entry)
      }
    } catch (error) {
      // those before it are delivered first
      reader.end ??= { kind: 'failed', error }
    }
    if (isSnapshot) return stateOf(frames)
    return this.#idOf === undefined ? together(frames) : renamed(frames, this.#idOf)
  }

  #said (batch: Batch): Batch {
    this.#saidPosition = this.#idOf === undefined ? batch.lastEventId : this.reader.position
    return batch
  }

  #id (position: string): string {
    return this.#idOf?.(position) ?? position
  }
}

/** What a control form says, as a batch. */
function batchOf (said: Said | undefined): Batch | undefined {
  return said === undefined ? undefined : new Batch(said.text, 0, said.lastEventId)
}

/** The frames of a snapshot, without ids. */
function stateOf (frames: readonly Frame[]): Batch | undefined {
  if (frames.length === 0) return undefined
  return new Batch(frames.flatMap(({ bytes, bodyLength }) => [bytes.subarray(0, bodyLength), BLANK_LINE]), frames.length)
}

/** With the ids of a stream of several feeds in place of the positions. */
function renamed (frames: readonly Frame[], idOf: IdOf): Batch | undefined {
  if (frames.length === 0) return undefined
  let lastEventId = ''
  const parts = frames.flatMap(({ bytes, bodyLength, lastEventId: position = '' }) => {
    lastEventId = idOf(position)
    return [bytes.subarray(0, bodyLength), Buffer.from(`${idLine(lastEventId)}\n`)]
  })
  return new Batch(parts, frames.length, lastEventId)
}
