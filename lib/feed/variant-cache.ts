/**
 * Variants: the entries of a feed as one projection and one route's codec make them. Each is made once and shared.
 * Two routes may share a projection but not a schema, so both are in the key: bytes cached by the projection alone
 * would leak.
 */
import { BATCH_BYTES, FRAME_BYTES, LEFT_OUT_BYTES } from '../defaults.ts'
import { Batch, type Allocate } from '../wire/batch.ts'
import type { EventCodec } from '../wire/codec.ts'
import type { Gap } from '../wire/protocol.ts'
import { Slab } from '../wire/slab.ts'
import type { Entry } from './entry.ts'
import type { FormKeeper } from './forms.ts'
import { Frame, encoderOf, type As, type FeedCodec, type EncodeFrame } from './frame-encoder.ts'
import { gapFrame } from './notice.ts'
import { PagedEntry, type Page } from './pages.ts'
import { gapOfPoison, Poison, type PoisonReports } from './poison.ts'
import type { DropListener, Window } from './window.ts'

/** What is kept for an entry: `null` if the projection leaves it out, a poison if that or a serializer has thrown. */
type Form = Frame | Poison | null

/** Stands for an entry whose failure is reported already: the error itself is not kept. */
export const REPORTED = new Poison(undefined)

/** What a form counts toward the bound of its log. */
function sizeOf (form: Form): number {
  return form instanceof Frame ? form.length + FRAME_BYTES : LEFT_OUT_BYTES
}

/**
 * Entries from one index (inclusive) to another (exclusive), in one batch; without one where the projection left all
 * of them out. A poisoned entry stands in the batch as its gap.
 */
interface Range { from: number, to: number, isFull: boolean, batch: Batch | undefined, gaps: readonly Gap[] }

const NO_GAPS: readonly Gap[] = Object.freeze([])

/** How many ranges of one variant are remembered: streams stand together in few places. */
const REMEMBERED_RANGES = 4

/** The frames of one projection and one codec. */
export class Variant implements DropListener, FormKeeper {
  readonly window: Window
  /** How many streams read it. */
  readers = 0
  /** Called when none does any more: all that was kept for them goes. */
  onUnread: () => void = none
  /** By the index of their entries; those that were made first come first. `undefined` until one is kept. */
  #frames: Map<number, Form> | undefined
  /** By the place of their entries in pages: they go with the page. `undefined` until pages are read. */
  #paged: WeakMap<Page, Array<Form | undefined>> | undefined
  readonly #encode: EncodeFrame
  readonly #reports: PoisonReports
  readonly #slab = new Slab()
  #ranges: Range[] = []
  /** The one that was asked for last: in a fan-out all ask for the same. */
  #latest: Range | undefined
  #bytes = 0

  constructor (window: Window, write: EncodeFrame, reports: PoisonReports) {
    this.window = window
    this.#reports = reports
    this.#encode = write
  }

  /** The bytes of all frames and ranges that are kept. */
  get bytes (): number { return this.#bytes }

  /** One reader leaves. */
  release (): void {
    if (--this.readers === 0) this.onUnread()
  }

  /** The frame of an entry; `null` where the projection leaves it out; a poison where that, or a serializer, throws. */
  frame (entry: Entry): Form {
    // what only one stream reads, it reads once: keeping it would cost the log's bound and help nobody
    if (this.readers < 2) return this.#made(entry)
    if (entry.index < this.window.oldest) return entry instanceof PagedEntry ? this.#pagedFrame(entry) : this.#made(entry)
    const kept = this.#frames?.get(entry.index)
    if (kept !== undefined) return kept
    const frame = this.#made(entry, (bytes) => this.#slab.allocate(bytes))
    // a projection may publish, so that its own entry leaves
    this.#frames ??= new Map()
    if (entry.index >= this.window.oldest && !this.#frames.has(entry.index)) {
      const form = frame instanceof Poison && !frame.isFatal ? REPORTED : frame
      this.#frames.set(entry.index, form)
      this.#charge(sizeOf(form))
    }
    return frame
  }

  /**
   * The batch that begins at `from` and ends before `to`, or sooner, where it would be too large. The same object for
   * all who ask.
   */
  range (from: number, to: number): Range {
    const latest = this.#latest
    if (latest?.from === from && latest.to === to) return latest
    let range = this.#ranges.find((known) => known.from === from && (known.to === to || (known.isFull && known.to < to)))
    if (range === undefined) {
      range = this.#gather(from, to)
      // of what one stream alone reads nothing is kept
      if (this.readers < 2) return range
      if (range.to - range.from > 1) {
        if (this.#ranges.length === REMEMBERED_RANGES) this.#forgetRanges(1)
        this.#ranges.push(range)
        this.#charge(copiedBytes(range))
      }
    }
    this.#latest = range
    return range
  }

  drop ({ index }: Entry): void {
    const frame = this.#frames?.get(index)
    if (frame !== undefined) this.#forget(index, frame)
    // remembered ranges are few and soon replaced, but a quiet feed must not keep them for ever
    if (this.#latest !== undefined && this.#latest.from <= index) this.#latest = undefined
    if (this.#ranges.some(({ from }) => from <= index)) this.#forgetRanges(this.#ranges.length)
  }

  /** Ranges leave first, but for the one that all who are woken now ask for; then the frames that were made first. */
  shrink (bytes: number): void {
    while (this.#bytes > bytes && this.#ranges.length > 1) this.#forgetRanges(1)
    for (const [index, frame] of this.#frames ?? []) {
      if (this.#bytes <= bytes) return
      this.#forget(index, frame)
    }
    this.#forgetRanges(this.#ranges.length)
  }

  #made (entry: Entry, allocate?: Allocate): Form {
    try {
      return this.#encode(entry, allocate)
    } catch (error) {
      return new Poison(error)
    }
  }

  /** Made once for all who read the page. */
  #pagedFrame (entry: PagedEntry): Form {
    const { page, offset } = entry
    this.#paged ??= new WeakMap()
    let forms = this.#paged.get(page)
    if (forms === undefined) {
      forms = []
      this.#paged.set(page, forms)
    }
    const kept = forms[offset]
    if (kept !== undefined) return kept
    const frame = this.#made(entry)
    const form = frame instanceof Poison && !frame.isFatal ? REPORTED : frame
    forms[offset] = form
    page.charge(sizeOf(form))
    return frame
  }

  #gather (from: number, to: number): Range {
    const only = to - from === 1 ? this.window.at(from) : undefined
    const first = only && this.frame(only)
    // the usual range: one entry, which is given as it is
    if (first instanceof Frame) return { from, to, isFull: false, batch: first, gaps: NO_GAPS }
    const frames: Batch[] = []
    const gaps: Gap[] = []
    let bytes = 0
    let index = from
    for (; index < to; index++) {
      const entry = this.window.at(index)
      // a projection has published, and so this one has left: the reader is to ask the log
      if (entry === undefined) break
      const form = index === from && first !== undefined ? first : this.frame(entry)
      if (form === null) continue
      if (form instanceof Poison && form.isFatal) {
        // those before it are delivered first; then it fails alone
        if (index === from) throw form.error
        break
      }
      let gap: Gap | undefined
      let frame: Batch
      if (form instanceof Poison) {
        gap = gapOfPoison(this.window.positionBefore(index))
        frame = gapFrame(gap, entry.position)
      } else {
        frame = form
      }
      if (frames.length > 0 && bytes + frame.length > BATCH_BYTES) break
      frames.push(frame)
      bytes += frame.length
      if (gap !== undefined) gaps.push(gap)
      if (form instanceof Poison && form !== REPORTED) this.#reports.add(this, entry, form)
    }
    return { from, to: index, isFull: index < to, batch: together(frames), gaps }
  }

  #forget (index: number, form: Form): void {
    this.#frames?.delete(index)
    this.#charge(-sizeOf(form))
  }

  /** Forgets the ranges that were gathered first. */
  #forgetRanges (count: number): void {
    for (const range of this.#ranges.splice(0, count)) {
      if (range === this.#latest) this.#latest = undefined
      this.#charge(-copiedBytes(range))
    }
  }

  #charge (bytes: number): void {
    this.#bytes += bytes
    this.window.forms.charge(bytes)
  }
}

/** What a range counts: the bytes of a single frame are that frame's own. */
function copiedBytes ({ batch }: Range): number {
  return batch === undefined || batch instanceof Frame ? 0 : batch.length
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
  /** The one that all streams share, where there is one alone: most feeds have no other. */
  #only: { readonly as: As, readonly codec: EventCodec | undefined, readonly variant: Variant } | undefined
  #others: Map<As, Map<EventCodec | undefined, Variant>> | undefined

  constructor (window: Window, feed: FeedCodec, reports: PoisonReports) {
    this.#window = window
    this.#reports = reports
    this.#feed = feed
  }

  /**
   * The variant of a projection and a codec, for one more reader. Throws `FST_EVENTFEED_AMBIGUOUS_UNION` where the
   * route's schema has a union, and nothing says which member the data is.
   */
  acquire (as: As, codec: EventCodec | undefined): Variant {
    const variant = this.#known(as, codec) ?? this.#make(as, codec)
    variant.readers++
    return variant
  }

  #known (as: As, codec: EventCodec | undefined): Variant | undefined {
    const only = this.#only
    if (only !== undefined && only.as === as && only.codec === codec) return only.variant
    return this.#others?.get(as)?.get(codec)
  }

  #make (as: As, codec: EventCodec | undefined): Variant {
    const variant = new Variant(this.#window, encoderOf(as, codec, this.#feed), this.#reports)
    const leave = this.#window.addDropListener(variant)
    this.#window.forms.add(variant)
    variant.onUnread = () => {
      leave()
      this.#window.forms.remove(variant)
      this.#forget(as, codec, variant)
    }
    if (this.#only === undefined) {
      this.#only = { as, codec, variant }
    } else {
      this.#others ??= new Map()
      const byCodec = this.#others.get(as) ?? new Map<EventCodec | undefined, Variant>()
      this.#others.set(as, byCodec.set(codec, variant))
    }
    return variant
  }

  #forget (as: As, codec: EventCodec | undefined, variant: Variant): void {
    if (this.#only?.variant === variant) {
      this.#only = undefined
      return
    }
    const byCodec = this.#others?.get(as)
    byCodec?.delete(codec)
    if (byCodec?.size === 0) this.#others?.delete(as)
  }
}

function none (): undefined {}
