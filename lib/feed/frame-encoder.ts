/**
 * How a variant writes an entry: the projection, then the schema that fits, then the lines of the event stream. It
 * keeps nothing.
 */
import { AmbiguousUnion, BadEvent, describe, shown } from '../errors.ts'
import { inContext } from '../own-context.ts'
import { Batch, type Allocate } from '../wire/batch.ts'
import type { EventCodec } from '../wire/codec.ts'
import { encodeBody, idLine } from '../wire/encode.ts'
import { checkEventType, plainText, type DataText } from '../wire/event.ts'
import type { EntryView, Entry } from './entry.ts'
import { checkSynchronous } from './poison.ts'
import { schemaOf, type Project } from './projection.ts'

/** One entry, ready to send. Its id comes last, so that a stream of several feeds can put its own in place of it. */
export class Frame extends Batch {
  /** How many bytes stand before the id line. */
  readonly bodyLength: number

  constructor (body: string, position: string, allocate?: Allocate) {
    const end = `${idLine(position)}\n`
    super(body + end, 1, position, allocate)
    this.bodyLength = this.length - Buffer.byteLength(end)
  }
}

/** Makes the frame of an entry; `null` where the projection leaves it out. */
export type EncodeFrame = (entry: Entry, allocate?: Allocate) => Frame | null

/** How a feed writes data for those who bring no schema. */
export interface FeedCodec {
  /** The feed's own declared events; `undefined` where it declares none. */
  readonly codec: EventCodec | undefined
  /** Writes data by a schema that a projection carries. */
  compile (event: string, schema: object): DataText
}

/** A projection; `undefined` for entries as they were published. */
export type As = Project<EntryView, { event?: string, data: unknown }> | undefined

/** How one variant writes an entry. */
export function encoderOf (as: As, codec: EventCodec | undefined, feed: FeedCodec): EncodeFrame {
  if (as === undefined && codec === undefined) return asPublished
  let texts: Map<string, DataText> | undefined
  // it runs in the context of the first stream that reads the variant: of the only one, where the projection is made for a user
  const project = as && inContext(as)
  const textOf = (event: string): DataText => {
    texts ??= new Map()
    const known = texts.get(event) ?? dataTextOf(event, as, codec, feed)
    texts.set(event, known)
    return known
  }
  // a union that nothing can serialize is known now: better an error response than a stream that fails at its first event
  for (const event of codec?.ambiguous ?? []) if (schemaOf(as ?? none) === undefined || feed.codec?.schemaOf(event) !== undefined) textOf(event)
  return (entry, allocate) => {
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

/**
 * By which schema data is written: the route's; where that is a union, that member of it which the projection, or the
 * feed, names.
 */
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

/** What the feed has written already is not parsed to be written again. */
const asPublished: EncodeFrame = (entry, allocate) => frameOf(entry.event, textOfJson(entry.json), entry.position, allocate)

function frameOf (event: string, data: string, position: string, allocate: Allocate | undefined): Frame {
  return new Frame(encodeBody({ event, data, retry: undefined, comment: undefined }), position, allocate)
}

/** A string goes out as it is, all else as JSON. */
function textOfJson (json: string): string {
  return json.startsWith('"') ? String(JSON.parse(json)) : json
}

function none (): undefined {}
