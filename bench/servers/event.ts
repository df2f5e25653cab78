/**
 * The event that every server sends: about 200 bytes of JSON with an id and an event type, and exactly one marker byte, which
 * the load client counts. Its number has as many digits for the first event as for the last, so that all are of one size.
 */

/** What is published or yielded; the feed of fastify-eventfeed assigns ids itself and is given only the rest. */
export interface BenchEvent {
  readonly id: string
  readonly event: string
  readonly data: { readonly number: number, readonly at: number, readonly symbol: string, readonly text: string }
}

/** The event type. */
export const EVENT_TYPE = 'price'
/** The size of the data of an ordinary event. */
export const ORDINARY_BYTES = 200

const FIRST_NUMBER = 1_000_000
const AT = 1_700_000_000_000
const SYMBOL = 'EXAMPLE'
/** Occurs nowhere else: in no head, no chunk's size, no id. */
const MARKER = '$'
const BYTES_BESIDE_TEXT = JSON.stringify({ number: FIRST_NUMBER, at: AT, symbol: SYMBOL, text: MARKER }).length

const texts = new Map<number, string>()
let number = FIRST_NUMBER

/** The next event, whose data is `bytes` long as JSON. */
export function nextEvent (bytes = ORDINARY_BYTES): BenchEvent {
  number++
  return { id: String(number), event: EVENT_TYPE, data: { number, at: AT, symbol: SYMBOL, text: textOf(bytes) } }
}

/** An event as text, for the servers without a library. */
export function frame ({ id, event, data }: BenchEvent): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${id}\n\n`
}

/** Yields events as fast as they are taken. */
export async function * fast (count: number): AsyncGenerator<BenchEvent> {
  for (let made = 0; made < count; made++) yield nextEvent()
}

/** How many events the request asks for: `?count=`. */
export function countOf (url: string): number {
  return Number(new URLSearchParams(url.slice(url.indexOf('?') + 1)).get('count'))
}

function textOf (bytes: number): string {
  const known = texts.get(bytes)
  if (known !== undefined) return known
  const text = 'x'.repeat(Math.max(0, bytes - BYTES_BESIDE_TEXT)) + MARKER
  texts.set(bytes, text)
  return text
}
