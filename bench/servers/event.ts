/**
 * The event that every server sends: about 200 bytes of JSON with an id and an event type, and exactly one marker byte, which
 * the load client counts. Its number has as many digits for the first event as for the last, so that all are of one size.
 */

/** What is published or yielded; the feed of fastify-eventfeed assigns ids itself and is given only the rest. */
export interface BenchEvent<Data = BenchData> {
  readonly id: string
  readonly event: string
  readonly data: Data
}

/** Data that is sent as JSON. */
export interface BenchData { readonly number: number, readonly at: number, readonly symbol: string, readonly text: string }

/** What a generator yields: lines of text, as of a log or a model, or objects. */
export type GeneratorData = 'text' | 'objects'

/** The event type. */
export const EVENT_TYPE = 'price'
/** The size of the data of an ordinary event. */
export const ORDINARY_BYTES = 200

/** What a stream of fastify-eventfeed begins with, to the byte: the others send an event of the same size. */
export const FIRST_EVENT = 'retry: 3344\nevent: stream:bookmark\ndata:\nid: 72eeeb1c53-0\n\n'
/** A query that a route of each server validates. */
export const QUERY_SCHEMA = {
  querystring: { type: 'object', properties: { room: { type: 'string', maxLength: 64 } }, required: ['room'] }
} as const

const FIRST_NUMBER = 1_000_000
const AT = 1_700_000_000_000
const SYMBOL = 'EXAMPLE'
/** Occurs nowhere else: in no head, no chunk's size, no id. */
const MARKER = '$'
const BYTES_BESIDE_TEXT = JSON.stringify({ number: FIRST_NUMBER, at: AT, symbol: SYMBOL, text: MARKER }).length

const LINE = ' '.padEnd(ORDINARY_BYTES - String(FIRST_NUMBER).length - MARKER.length, 'x') + MARKER

const texts = new Map<number, string>()
let number = FIRST_NUMBER

/** The next event, whose data is `bytes` long as JSON. */
export function nextEvent (bytes = ORDINARY_BYTES): BenchEvent {
  number++
  return { id: String(number), event: EVENT_TYPE, data: { number, at: AT, symbol: SYMBOL, text: textOf(bytes) } }
}

const MESSAGE = { author: 'ada', room: 'lobby', text: 'hello, is anybody here?', likes: 3, isRead: false }
const MESSAGES = Array.from({ length: 18 }, () => MESSAGE)

/** A page of messages: 1.6 KB of JSON in 92 values, because what is parsed costs by its values. */
export function nextPage (): BenchEvent<{ readonly number: number, readonly messages: ReadonlyArray<typeof MESSAGE> }> {
  number++
  return { id: String(number), event: EVENT_TYPE, data: { number, messages: MESSAGES } }
}

/** An event as text, for the servers without a library. */
export function frame ({ id, event, data }: BenchEvent<BenchData | string>): string {
  return `event: ${event}\ndata: ${textOfData(data)}\nid: ${id}\n\n`
}

/** Data as text: a string as it is, all else as JSON. */
export function textOfData (data: BenchData | string): string {
  return typeof data === 'string' ? data : JSON.stringify(data)
}

/** Yields events as fast as they are taken. The URL says how many, and of what: `?count=…&data=…&bytes=…`. */
export async function * fast (url: string): AsyncGenerator<BenchEvent<BenchData | string>> {
  const asked = new URLSearchParams(url.slice(url.indexOf('?') + 1))
  const count = Number(asked.get('count'))
  if (asked.get('data') === 'text') {
    for (let made = 0; made < count; made++) yield nextLine()
  } else {
    const bytes = Number(asked.get('bytes'))
    for (let made = 0; made < count; made++) yield nextEvent(bytes)
  }
}

function nextLine (): BenchEvent<string> {
  const id = String(++number)
  return { id, event: EVENT_TYPE, data: id + LINE }
}

function textOf (bytes: number): string {
  const known = texts.get(bytes)
  if (known !== undefined) return known
  const text = 'x'.repeat(Math.max(0, bytes - BYTES_BESIDE_TEXT)) + MARKER
  texts.set(bytes, text)
  return text
}
