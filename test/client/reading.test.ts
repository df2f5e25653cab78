/** Bytes become events by the standard: any line end, any chunk, whatever a line holds. */
import fc from 'fast-check'
import t from 'tap'
import { EventReader } from '../../lib/client/reading.ts'
import { cutAt, cutEverywhere, cuts, hostileText } from '../wire/arbitraries.ts'
import { readByTheStandard, type ModelEvent } from './standard.ts'

const encoder = new TextEncoder()

/** What the client makes of chunks. */
function read (chunks: readonly Uint8Array[], maxLineLength = 1_000_000): { events: ModelEvent[], retries: number[] } {
  const events: ModelEvent[] = []
  const retries: number[] = []
  let lastEventId = ''
  const reader = new EventReader({
    maxLineLength,
    onRetry: (retryMs) => retries.push(retryMs),
    onEvent: ({ event = 'message', data, id }) => {
      lastEventId = id ?? lastEventId
      events.push({ event, data, id: lastEventId })
    }
  })
  for (const chunk of chunks) reader.read(chunk)
  return { events, retries }
}

const line = fc.oneof(
  { arbitrary: fc.tuple(fc.constantFrom('data', 'event', 'id', 'retry', '', 'date', 'Data', ' data', 'data ', 'ï»¿data', '\ufeffdata'), fc.constantFrom(':', ': ', ':  ', ''), hostileText).map((parts) => parts.join('')), weight: 5 },
  { arbitrary: fc.constantFrom('', 'data', 'id', 'event', 'retry', 'retry: 10', 'retry: 1a', 'retry:', 'id: a\0b', ':', ': comment', 'data:', 'data: ', 'data:\t1'), weight: 5 }
)
const stream = fc.tuple(
  fc.constantFrom('', '\ufeff', '\ufeff\ufeff', 'ï»¿'),
  fc.array(fc.tuple(line, fc.constantFrom('\n', '\r', '\r\n', '\n\n', '\r\r', '\r\n\r\n', '\n\r')), { maxLength: 20 })
).map(([bom, lines]) => encoder.encode(`${bom}${lines.map((parts) => parts.join('')).join('')}`))

t.test('whatever the line ends and the chunks, events are those of the standard', async () => {
  fc.assert(fc.property(stream, cuts, (bytes, shares) => {
    const expected = JSON.stringify(readByTheStandard(bytes, false))
    for (const chunks of [[bytes], cutAt(bytes, shares), cutEverywhere(bytes)]) {
      if (JSON.stringify(read(chunks)) !== expected) throw new Error(`${JSON.stringify(read(chunks))} is not ${expected}`)
    }
  }), { numRuns: 3_000 })
})

t.test('bytes that are no UTF-8 become replacement characters, wherever they are cut', async () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), cuts, (noise, shares) => {
    const bytes = Uint8Array.of(...encoder.encode('data: '), ...noise, 10, 10)
    const expected = JSON.stringify(readByTheStandard(bytes, false))
    for (const chunks of [[bytes], cutAt(bytes, shares), cutEverywhere(bytes)]) {
      if (JSON.stringify(read(chunks)) !== expected) throw new Error(`${JSON.stringify(read(chunks))} is not ${expected}`)
    }
  }), { numRuns: 2_000 })
})

t.test('a line that ends with CR is a line at once, before the next byte', async (t) => {
  t.strictSame(read([encoder.encode('data: 1\r\r')]).events.map(({ data }) => data), ['1'])
  t.strictSame(read(['data: 1\r', '\ndata: 2\r', '\r', '\n'].map((text) => encoder.encode(text))).events.map(({ data }) => data), ['1\n2'])
})

/**
 * What the public tests of web-platform-tests/eventsource say of the format, in own words: each name is that of the file
 * there, and beside it what a stream says and what is dispatched.
 */
const CASES: ReadonlyArray<readonly [name: string, text: string, expected: ReadonlyArray<Partial<ModelEvent>>]> = [
  ['format-bom', '\ufeffdata:1\n\n\ufeffdata:2\n\ndata:3\n\n', [{ data: '1' }, { data: '3' }]],
  ['format-bom-2', '\ufeff\ufeffdata:1\n\ndata:2\n\ndata:3\n\n', [{ data: '2' }, { data: '3' }]],
  ['format-comments', `data:1\r:\0\n:\r\ndata:2\n:${'x'.repeat(2048)}\rdata:3\n:data:fail\r:${'x'.repeat(2048)}\ndata:4\n\n`, [{ data: '1\n2\n3\n4' }]],
  ['format-data-before-final-empty-line', 'retry:1000\ndata:test1\n\nid:test\ndata:test2', [{ data: 'test1', id: '' }]],
  ['format-field-data', 'data:\n\ndata\ndata\n\ndata:test\n\n', [{ data: '' }, { data: '\n' }, { data: 'test' }]],
  ['format-field-event', 'event:test\ndata:x\n\ndata:x\n\n', [{ event: 'test', data: 'x' }, { event: 'message', data: 'x' }]],
  ['format-field-event-empty', 'event: \ndata:data\n\n', [{ event: 'message', data: 'data' }]],
  ['format-field-id', 'id: …\ndata:1\n\ndata:2\n\n', [{ id: '…' }, { id: '…' }]],
  ['format-field-id-2', 'id: …\ndata:1\n\nid\ndata:2\n\ndata:3\n\n', [{ id: '…' }, { id: '' }, { id: '' }]],
  ['format-field-id-null', 'id: 1\x00000\n\ndata: 1\n\nid: a\0b\ndata: 2\n\n', [{ data: '1', id: '' }, { data: '2', id: '' }]],
  ['format-field-parsing', 'data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n', [{ data: '\0\n 2\n1\n3\n\n4' }]],
  ['format-field-unknown', 'data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n', [{ data: 'test\n\ntest' }]],
  ['format-leading-space', 'data:\ttest\rdata: \ndata:test\n\n', [{ data: '\ttest\n\ntest' }]],
  ['format-newlines', 'data:test\r\ndata\ndata:test\r\n\r', [{ data: 'test\n\ntest' }]],
  ['format-null-character', 'data:\0\n\n\n\n', [{ data: '\0' }]],
  ['format-utf-8', 'data:ok…\n\n', [{ data: 'ok…' }]]
]
for (const [name, text, expected] of CASES) {
  t.test(`web-platform-tests, ${name}`, async (t) => {
    const bytes = encoder.encode(text)
    for (const chunks of [[bytes], cutEverywhere(bytes)]) t.match(read(chunks).events, expected)
    t.equal(read([bytes]).events.length, expected.length)
    t.strictSame(read([bytes]), readByTheStandard(bytes, true), 'the model agrees')
  })
}

t.test('web-platform-tests, format-field-retry, -bogus and -empty: digits alone are a time', async (t) => {
  t.strictSame(read([encoder.encode('retry:03000\nretry\nretry:\nretry:1000x\nretry: 5\nretry:-1\nretry:1.5\n')]).retries, [3000, 5])
})

t.test('a block with an id and no data moves nothing: the one difference from the standard, which is the parser\'s', async (t) => {
  const bytes = encoder.encode('id: 1\n\ndata: 2\n\n')
  t.strictSame(read([bytes]).events, [{ event: 'message', data: '2', id: '' }])
  t.strictSame(readByTheStandard(bytes, true).events, [{ event: 'message', data: '2', id: '1' }])
})

t.test('the longest line passes, and one character more is an error, whole or in pieces', async (t) => {
  const chunksOf = (data: string): Uint8Array[][] => {
    const bytes = encoder.encode(`data:1\n\ndata:${data}\n\n`)
    return [[bytes], cutEverywhere(bytes)]
  }
  for (const chunks of chunksOf('x'.repeat(95))) t.equal(read(chunks, 100).events.length, 2)
  for (const chunks of chunksOf('x'.repeat(101))) t.throws(() => read(chunks, 100), { code: 'FST_EVENTFEED_CLIENT_LINE_TOO_LONG' })
  // an event of many lines is as long as a line
  const lines = encoder.encode('data:1234567\n'.repeat(20))
  t.throws(() => read(cutEverywhere(lines), 100), { code: 'FST_EVENTFEED_CLIENT_LINE_TOO_LONG' })
  t.throws(() => read([encoder.encode(': '), ...Array.from({ length: 20 }, () => encoder.encode('comment'))], 100), { code: 'FST_EVENTFEED_CLIENT_LINE_TOO_LONG' })
})
