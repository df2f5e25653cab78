/** What a source yields is encoded in fewer steps than by checking and then encoding, and the result is the same. */
import fc from 'fast-check'
import assert from 'node:assert/strict'
import t from 'tap'
import { encodeFields, encodeYielded } from '../../lib/wire/encode.ts'
import { checkEvent, plainText, type DataText } from '../../lib/wire/event.ts'
import { CONTROL } from '../../lib/wire/protocol.ts'
import { toldGap } from '../../lib/wire/told-gap.ts'
import { event, hostileText } from './arbitraries.ts'

interface Noted { text: string, events: number, lastEventId: string | undefined }

/** By two steps. */
function inSteps (yielded: unknown, dataText: DataText): Noted {
  const fields = checkEvent(yielded, dataText)
  const isEvent = fields.data !== undefined && fields.event !== CONTROL.gap
  return { text: encodeFields(fields), events: isEvent ? 1 : 0, lastEventId: fields.id }
}

function atOnce (yielded: unknown, dataText: DataText | undefined): Noted {
  const encoded: Omit<Noted, 'text'> = { events: 0, lastEventId: undefined }
  const text = encodeYielded(yielded, dataText, encoded)
  return { text, ...encoded }
}

/** What a call gives, or the code and message of what it throws. */
function outcomeOf (call: () => Noted): unknown {
  try {
    return call()
  } catch (error) {
    assert(error instanceof Error)
    return [error.constructor.name, error.message]
  }
}

const loose = fc.record({
  data: fc.oneof(hostileText, fc.jsonValue(), fc.anything()),
  event: fc.oneof(fc.constantFrom('price', 'stream:gap', 'stream:x', 'a\nb', ''), fc.anything()),
  id: fc.oneof(fc.constantFrom('1', '~done', 'a\rb', 'a\0', '', '\u2028'), fc.integer(), fc.anything()),
  retry: fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary: fc.anything(), weight: 1 }),
  comment: fc.oneof({ arbitrary: fc.constant(undefined), weight: 4 }, { arbitrary: hostileText, weight: 1 })
}, { requiredKeys: [] })
const gap = fc.constant(toldGap({ requested: 'a-1', oldest: 'a-5', reason: 'trimmed' }, 'a-4'))
const yielded = fc.oneof(event, loose, gap, fc.anything(), hostileText)
/** A codec may write several lines, or nothing. */
const texts: ReadonlyArray<DataText | undefined> = [undefined, plainText, () => '', () => 'two\nlines', (type, data) => `${type} ${String(JSON.stringify(data))}`]

t.test('whatever a source yields, the text, the count and the last event ID are those of the separate steps', async () => {
  fc.assert(fc.property(yielded, fc.constantFrom(...texts), (value, dataText) => {
    assert.deepEqual(outcomeOf(() => atOnce(value, dataText)), outcomeOf(() => inSteps(value, dataText ?? plainText)))
  }), { numRuns: 5_000 })
})

t.test('each field is read once', async (t) => {
  const reads: string[] = []
  const fields: Record<string, unknown> = { data: { n: 1 }, event: 'price', id: 7 }
  const watched = new Proxy(fields, { get: (target, name) => { reads.push(String(name)); return target[String(name)] } })
  t.equal(atOnce(watched, undefined).text, 'event: price\ndata: {"n":1}\nid: 7\n\n')
  t.strictSame(reads, ['data', 'event', 'id', 'retry', 'comment'])
})

t.test('nothing is noted of an event that is refused', async (t) => {
  const encoded = { events: 0, lastEventId: undefined }
  t.throws(() => encodeYielded({ data: 1, event: 'price', id: 'a\nb' }, undefined, encoded))
  t.throws(() => encodeYielded({ data: 1n, event: 'price', id: 1 }, undefined, encoded))
  t.strictSame(encoded, { events: 0, lastEventId: undefined })
})
