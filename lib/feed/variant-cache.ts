/**
 * Variants: the entries of a feed as one projection and one route's codec make them. Each is made once and shared. Two routes
 * may share a projection but not a schema, so both are in the key: bytes cached by the projection alone would leak.
 */
import { BATCH_BYTES, FRAME_BYTES } from '../defaults.ts'
import { AmbiguousUnion, BadEvent, describe, shown } from '../errors.ts'
import type { EntryView, Entry } from '../log/entry.ts'
import { IndexedRing } from '../log/indexed-ring.ts'
import type { Beside, Window } from '../log/window.ts'
import { inContext } from '../own-context.ts'
import { Batch, type Allocate } from '../wire/batch.ts'
import type { EventCodec } from '../wire/codec.ts'
import type { Gap } from '../wire/control-event.ts'
import { encodeBody, idLine } from '../wire/encode.ts'
import { checkEventType, plainText, type DataText } from '../wire/event.ts'
import { Slab } from '../wire/slab.ts'
import { noticeFrame } from './opening.ts'
import { checkSynchronous, gapOfPoison, Poison, type PoisonReports } from './poison.ts'
import { schemaOf, type Project } from './projection.ts'

/** One entry, ready to send. Its id comes last, so that a stream of several feeds can put its own in place of it. */
export class Frame extends Batch {
  /** How many bytes stand before the id line. */
  readonly bodyLength: number

  constructor (body: string, position: string, allocate?: Allocate) {
    super(`${body}${idLine(position)}\n`, 1, position, allocate)
    this.bodyLength = this.bytes.length - idLine(position).length - 1
  }
}

/** Makes the frame of an entry; `null` where the projection leaves it out. */
type Write = (entry: Entry, allocate?: Allocate) => Frame | null

/** What is kept for an entry: `null` if the projection leaves it out, a poison if that or a serializer has thrown. */
type Form = Frame | Poison | null

/** Stands for an entry whose failure is reported already: the error itself is not kept. */
export const REPORTED = new Poison(undefined)

/** What a form counts toward the bound of its log. */
function sizeOf (form: Form | undefined): number {
  return form instanceof Frame ? form.bytes.length + FRAME_BYTES : 0
}

/**
 * Entries from one index (inclusive) to another (exclusive), in one batch; without one where the projection left all of them
 * out. A poisoned entry stands in the batch as its gap.
 */
interface Range { from: number, to: number, isFull: boolean, batch: Batch | undefined, gaps: readonly Gap[] }

/** How a feed writes data for those who bring no schema. */
export interface FeedCodec {
  /** The feed's own declared events; `undefined` where it declares none. */
  readonly codec: EventCodec | undefined
  /** Writes data by a schema that a projection carries. */
  compile (event: string, schema: object): DataText
}

/** A projection; `undefined` for entries as they were published. */
export type As = Project<EntryView, { event?: string, data: unknown }> | undefined

/** How many ranges of one variant are remembered: streams stand together in few places. */
const REMEMBERED_RANGES = 4

/** The frames of one projection and one codec. */
export class Variant implements Beside {
  readonly window: Window
  /** How many streams read it. */
  readers = 0
  /** Called when none does any more: all that was kept for them goes. */
  onUnread: () => void = none
  readonly #frames: IndexedRing<Form | undefined>
  readonly #write: Write
  readonly #reports: PoisonReports
  readonly #slab = new Slab()
  #ranges: Range[] = []
  /** The one that was asked for last: in a fan-out all ask for the same. */
  #latest: Range | undefined
  #bytes = 0

  constructor (window: Window, write: Write, reports: PoisonReports) {
    this.window = window
    this.#reports = reports
    this.#write = write
    this.#frames = new IndexedRing(window.oldest)
  }

  /** The bytes of all frames that are kept. */
  get bytes (): number { return this.#bytes }

  /** One reader leaves. */
  release (): void {
    if (--this.readers === 0) this.onUnread()
  }

  /** The frame of an entry; `null` where the projection leaves it out; a poison where that, or a serializer, throws. */
  frame (entry: Entry): Form {
    // what only one stream reads, it reads once: keeping it would cost the log's bound and help nobody
    if (this.readers < 2 || entry.index === -1) return this.#made(entry)
    const kept = this.#frames.at(entry.index)
    if (kept !== undefined) return kept
    const frame = this.#made(entry, (bytes) => this.#slab.allocate(bytes))
    this.#keep(entry.index, frame instanceof Poison && !frame.isFatal ? REPORTED : frame)
    return frame
  }

  /** The batch that begins at `from` and ends before `to`, or sooner, where it would be too large. The same object for all who ask. */
  range (from: number, to: number): Range {
    const latest = this.#latest
    if (latest?.from === from && latest.to === to) return latest
    let range = this.#ranges.find((known) => known.from === from && (known.to === to || (known.isFull && known.to < to)))
    if (range === undefined) {
      range = this.#gather(from, to)
      // of what one stream alone reads nothing is kept
      if (this.readers < 2) return range
      if (range.to - range.from > 1) {
        if (this.#ranges.length === REMEMBERED_RANGES) this.#ranges.shift()
        this.#ranges.push(range)
      }
    }
    this.#latest = range
    return range
  }

  drop ({ index }: Entry): number {
    if (this.#frames.first > index) return 0
    const size = sizeOf(this.#frames.shift())
    // remembered ranges are few and soon replaced, but a quiet feed must not keep them for ever
    if (this.#latest !== undefined && this.#latest.from <= index) this.#latest = undefined
    if (this.#ranges.length > 0) this.#ranges = this.#ranges.filter(({ from }) => from > index)
    this.#bytes -= size
    return size
  }

  #made (entry: Entry, allocate?: Allocate): Form {
    try {
      return this.#write(entry, allocate)
    } catch (error) {
      return new Poison(error)
    }
  }

  #gather (from: number, to: number): Range {
    const frames: Batch[] = []
    const gaps: Gap[] = []
    let bytes = 0
    let index = from
    for (; index < to; index++) {
      const entry = this.window.at(index)
      if (entry === undefined) continue
      const form = this.frame(entry)
      if (form === null) continue
      if (form instanceof Poison && form.isFatal) {
        // those before it are delivered first; then it fails alone
        if (index === from) throw form.error
        break
      }
      const gap = form instanceof Poison ? gapOfPoison(this.window.positionBefore(index)) : undefined
      const frame = form instanceof Poison ? noticeFrame(gap, entry.position) : form
      if (frames.length > 0 && bytes + frame.bytes.length > BATCH_BYTES) break
      frames.push(frame)
      bytes += frame.bytes.length
      if (gap !== undefined) gaps.push(gap)
      if (form instanceof Poison && form !== REPORTED) this.#reports.add(this, entry, form)
    }
    return { from, to: index, isFull: index < to, batch: together(frames), gaps }
  }

  #keep (index: number, frame: Form): void {
    // a ring has no holes: what was not asked for yet stands in it as undefined
    while (this.#frames.first < this.window.oldest && this.#frames.next > this.#frames.first) this.#frames.shift()
    if (this.#frames.next === this.#frames.first) this.#frames.restart(Math.max(this.window.oldest, this.#frames.first))
    while (this.#frames.next < index) this.#frames.push(undefined)
    if (this.#frames.next === index) this.#frames.push(frame)
    else this.#frames.replace(index, frame)
    const size = sizeOf(frame)
    this.#bytes += size
    this.window.charge(size)
  }
}

/** One batch of several; the batch itself where it is one. */
export function together (frames: readonly Batch[]): Batch | undefined {
  if (frames.length < 2) return frames[0]
  const events = frames.reduce((sum, frame) => sum + frame.events, 0)
  return new Batch(frames.map(({ bytes }) => bytes), events, frames.at(-1)?.lastEventId)
}

/** All variants of one feed. A variant lives as long as a stream reads it. */
export class VariantCache {
  readonly #window: Window
  readonly #feed: FeedCodec
  readonly #reports: PoisonReports
  readonly #variants = new Map<As, Map<EventCodec | undefined, Variant>>()

  constructor (window: Window, feed: FeedCodec, reports: PoisonReports) {
    this.#window = window
    this.#reports = reports
    this.#feed = feed
  }

  /**
   * The variant of a projection and a codec, for one more reader. Throws `FST_EVENTFEED_AMBIGUOUS_UNION` where the route's
   * schema has a union, and nothing says which member the data is.
   */
  acquire (as: As, codec: EventCodec | undefined): Variant {
    const byCodec = this.#variants.get(as) ?? new Map<EventCodec | undefined, Variant>()
    let variant = byCodec.get(codec)
    if (variant === undefined) {
      const made = new Variant(this.#window, writerOf(as, codec, this.#feed), this.#reports)
      const leave = this.#window.addBeside(made)
      made.onUnread = () => {
        leave()
        this.#window.charge(-made.bytes)
        byCodec.delete(codec)
        if (byCodec.size === 0) this.#variants.delete(as)
      }
      variant = made
      byCodec.set(codec, made)
      this.#variants.set(as, byCodec)
    }
    variant.readers++
    return variant
  }
}

/** How one variant writes an entry. */
function writerOf (as: As, codec: EventCodec | undefined, feed: FeedCodec): Write {
  const texts = new Map<string, DataText>()
  // it runs in the context of the first stream that reads the variant: of the only one, where the projection is made for a user
  const project = as && inContext(as)
  const textOf = (event: string): DataText => {
    const known = texts.get(event) ?? dataTextOf(event, as, codec, feed)
    texts.set(event, known)
    return known
  }
  // a union that nothing can serialize is known now: better an error response than a stream that fails at its first event
  for (const event of codec?.ambiguous ?? []) if (schemaOf(as ?? none) === undefined || feed.codec?.schemaOf(event) !== undefined) textOf(event)
  return (entry, allocate) => {
    // what the feed has written already is not parsed to be written again
    if (as === undefined && codec === undefined) return frameOf(entry.event, textOfJson(entry.json), entry.position, allocate)
    const made = project === undefined ? entry.view : project(entry.view)
    if (made === undefined) return null
    if (as !== undefined) checkSynchronous('as', made)
    if (typeof made !== 'object' || made === null || made.data === undefined) {
      throw new BadEvent(`a projection returns { event?, data }, or undefined to leave an entry out, not ${describe(made)}${typeof made === 'object' ? ' without data' : ''}`)
    }
    const event = made.event === undefined || made.event === entry.event ? entry.event : checkEventType(made.event)
    return frameOf(event, textOf(event)(event, made.data), entry.position, allocate)
  }
}

/** By which schema data is written: the route's; where that is a union, that member of it which the projection, or the feed, names. */
function dataTextOf (event: string, as: As, codec: EventCodec | undefined, feed: FeedCodec): DataText {
  const carried = as === undefined ? undefined : schemaOf(as)
  if (codec === undefined) return carried === undefined ? plainText : feed.compile(event, carried)
  const isAmbiguous = codec.ambiguous.has(event)
  const member = carried ?? (as === undefined && isAmbiguous ? feed.codec?.schemaOf(event) : undefined)
  if (member === undefined) {
    if (isAmbiguous) throw new AmbiguousUnion(shown(event), as === undefined ? 'the feed declares no member of it' : '`as` is a plain function')
    return codec.text
  }
  const text = codec.narrowed(event, member)
  if (text === undefined) throw new AmbiguousUnion(shown(event), carried === undefined ? 'what the feed declares is no member of it' : 'the schema of the projection is no member of it')
  return text
}

function frameOf (event: string, data: string, position: string, allocate: Allocate | undefined): Frame {
  return new Frame(encodeBody({ event, data, retry: undefined, comment: undefined }), position, allocate)
}

/** A string goes out as it is, all else as JSON. */
function textOfJson (json: string): string {
  return json.startsWith('"') ? String(JSON.parse(json)) : json
}

function none (): undefined {}
