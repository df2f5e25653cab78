/** Events as fast-check makes them: with all that is awkward in an event stream. */
import fc from 'fast-check'
import type { ServerSentEvent } from '../../lib/wire/event.ts'

/** Pieces that a parser, a line splitter or a decoder may stumble over. */
const awkward = fc.constantFrom(
  '\n', '\r', '\r\n', '\n\r', '\n\n', '\r\r', ' ', '  ', '\t', ':', ': ', '\0', '~', 'stream:', 'data: ', 'data', 'event: e', 'id: 1', 'id', 'retry: 1',
  '\u0085', '\u2028', '\u2029', '\ufeff', 'ï»¿', '\ufffd', '\ufffe', 'é', '€', '😀', '\u{10ffff}', 'e\u0301', '\x7f', '\x1b'
)

/** Any text but half surrogate pairs, which have no bytes of their own in UTF-8. */
export const text = fc.array(fc.oneof({ arbitrary: awkward, weight: 3 }, { arbitrary: fc.string({ unit: 'binary', maxLength: 5 }), weight: 1 }), { maxLength: 8 })
  .map((parts) => parts.join(''))

/** Any string that JavaScript can hold, with half surrogate pairs too. */
export const hostileText = fc.array(fc.oneof(
  { arbitrary: awkward, weight: 3 },
  { arbitrary: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)), weight: 1 },
  { arbitrary: fc.integer({ min: 0xd800, max: 0xdfff }).map((unit) => String.fromCharCode(unit)), weight: 1 }
), { maxLength: 10 }).map((parts) => parts.join(''))

const eventType = text.map((type) => type.replace(/[\r\n]/g, '').replace(/^stream:/, 'Stream:'))

const id = fc.oneof(
  text.map((id) => id.replace(/[\r\n\0]/g, '').replace(/^~/, '-')),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true })
)

/** A valid event: one that has at least one field beside its type. */
export const event: fc.Arbitrary<ServerSentEvent> = fc.record({
  data: fc.oneof(text, fc.jsonValue()),
  event: eventType,
  id,
  retry: fc.oneof(fc.constant(0), fc.maxSafeNat()),
  comment: text
}, { requiredKeys: [] }).filter(({ data, id, retry, comment }) => data !== undefined || id !== undefined || retry !== undefined || comment !== undefined)

/** Where to cut a stream of bytes: shares of its length. */
export const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 })

/** Cuts bytes into chunks of at least one byte, inside characters too. */
export function cutAt (bytes: Uint8Array, shares: readonly number[]): Uint8Array[] {
  const places = shares.map((share) => Math.round(share * bytes.length)).sort((a, b) => a - b)
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length)).filter((chunk) => chunk.length > 0)
}

/** Cuts bytes into chunks of one byte. */
export function cutEverywhere (bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (byte) => Uint8Array.of(byte))
}
