/** Whatever stands in whichever field, it is refused or it stays in its field: nothing in an event forges another. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { encode } from '../../lib/wire/encode.ts'
import { checkEvent, type ServerSentEvent } from '../../lib/wire/event.ts'
import { hostileText } from './arbitraries.ts'
import { readByEventSourceParser } from './clients.ts'
import { expectedOf } from './standard.ts'

/** An event after which a forged one, a forged id or an unfinished field would show. */
const NEXT = Buffer.from('data: next\n\n')

/** The bytes of an event, or `undefined` where it is refused as it should be: by an error of ours that is one line. */
function encodedOrRefused (event: unknown): Buffer | undefined {
  try {
    return encode(event as ServerSentEvent) // what JavaScript callers may give, against the types
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error)
    assert.match(String(error.code), /^FST_EVENTFEED_BAD_(FIELD|EVENT)$/)
    assert.doesNotMatch(error.message, /[\r\n\0]/)
    return undefined
  }
}

/** Checks the lines: each field at most once where that counts, the id last, and one blank line, at the end. */
function assertOneBlock (bytes: Buffer): void {
  const text = bytes.toString()
  assert.ok(text.endsWith('\n\n'), 'ends with a blank line')
  assert.ok(!text.includes('\r'))
  const lines = text.slice(0, -2).split('\n')
  for (const line of lines) assert.match(line, /^(: .*|:|data: .*|data:|event: .*|id: .*|retry: \d+)$/s)
  for (const name of ['event: ', 'id: ', 'retry: ']) assert.ok(lines.filter((line) => line.startsWith(name)).length <= 1, name)
  const id = lines.findIndex((line) => line.startsWith('id: '))
  assert.ok(id === -1 || id === lines.length - 1, 'the id is last')
}

/** As UTF-8 has it: half a surrogate pair becomes the replacement character. */
const asSent = (value: unknown): unknown => typeof value === 'string' ? Buffer.from(value).toString() : value

/** Checks that a client reads exactly this event. */
function assertRead (bytes: Buffer, event: ServerSentEvent): void {
  const sent = Object.fromEntries(Object.entries(event).map(([name, value]) => [name, asSent(value)]))
  const { events, retries, comments } = expectedOf([sent, { data: 'next' }])
  assert.deepEqual(readByEventSourceParser([bytes, NEXT]), { events: events.map(({ type, data, id }) => ({ type, data, id })), retries, comments })
}

t.test('hostile text in every field is refused, or read as that text and nothing else', async (t) => {
  const optional = fc.option(hostileText, { nil: undefined })
  let encoded = 0
  fc.assert(fc.property(fc.record({ data: optional, event: optional, id: optional, comment: optional }), (event) => {
    const bytes = encodedOrRefused(event)
    if (bytes === undefined) return
    encoded++
    assertOneBlock(bytes)
    assertRead(bytes, event)
  }), { numRuns: 1000 })
  t.ok(encoded > 50, `${encoded} events were accepted`)
})

t.test('hostile text is refused in a field only where the standard or the design forbids it', async (t) => {
  fc.assert(fc.property(hostileText, (text) => {
    assert.equal(encodedOrRefused({ data: text }) === undefined, false)
    assert.equal(encodedOrRefused({ comment: text }) === undefined, false)
    assert.equal(encodedOrRefused({ data: '', event: text }) === undefined, /[\r\n]/.test(text) || text.startsWith('stream:'))
    assert.equal(encodedOrRefused({ data: '', id: text }) === undefined, /[\r\n\0]/.test(text) || text.startsWith('~'))
    assert.equal(encodedOrRefused({ data: '', retry: text }) === undefined, true)
  }), { numRuns: 300 })
  t.pass()
})

/** Any value, among them those that a message shows: with hostile text as keys, values and names. */
const anything = fc.anything({
  key: fc.oneof(hostileText, fc.constantFrom('constructor', 'name', 'length', 'toString', '__proto__')),
  values: [hostileText, fc.double(), fc.boolean(), fc.bigInt(), fc.constantFrom(null, undefined, Symbol('a\nb'), () => 1)],
  withDate: true,
  withMap: true,
  withSet: true,
  withTypedArray: true,
  withSparseArray: true,
  withNullPrototype: true,
  maxDepth: 2
})

t.test('any value in every field is refused by an error of ours, or is one event', async (t) => {
  const event = fc.record({ data: anything, event: anything, id: anything, retry: anything, comment: anything }, { requiredKeys: [] })
  const mostlyValid = fc.oneof(event, anything.map((data) => ({ data })), fc.record({ data: anything, event: hostileText, id: fc.double(), retry: fc.double(), comment: hostileText }))
  fc.assert(fc.property(mostlyValid, (event) => {
    const bytes = encodedOrRefused(event)
    if (bytes === undefined) return
    assertOneBlock(bytes)
    assert.ok(readByEventSourceParser([bytes, NEXT]).events.length <= 2)
  }), { numRuns: 1000 })
  t.pass()
})

t.test('any value that a source yields is refused by an error of ours, or is one event', async (t) => {
  fc.assert(fc.property(anything, (yielded) => {
    const bytes = encodedOrRefused(yielded)
    if (bytes !== undefined) assertOneBlock(bytes)
  }), { numRuns: 1000 })
  t.pass()
})

t.test('an error message shows no part of refused data unescaped', async (t) => {
  const forging: { [key: string]: unknown } = {}
  forging['a\nb'] = { self: forging }
  encodedOrRefused({ data: forging })
  encodedOrRefused({ data: { constructor: { name: 'a\nforged' }, unsayable: 1n } })
  encodedOrRefused({ data: { toJSON () { throw new Error('a\nforged') } } })
  encodedOrRefused({ data: 1, event: { constructor: { name: 'a\nforged' }, unsayable: 1n } })
  t.pass()
})

t.test('data whose toJSON throws what is no error is refused all the same', async (t) => {
  for (const thrown of [undefined, null, 'text', Object.create(null), Symbol('s')]) {
    t.throws(() => checkEvent({ data: { toJSON () { throw thrown } } }), { code: 'FST_EVENTFEED_BAD_FIELD' })
  }
})
