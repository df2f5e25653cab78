/** Bytes as events, one line each. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { LINE_BYTES } from '../../lib/defaults.ts'
import { bytesAsLines } from '../../lib/stream/lines.ts'
import { cutAt, cutEverywhere, cuts } from '../wire/arbitraries.ts'

const TOO_LONG = 'FST_EVENTFEED_LINE_TOO_LONG'

/** What comes out for these chunks. A string stands for its bytes. */
async function linesOf (...chunks: unknown[]): Promise<unknown[]> {
  async function * source (): AsyncGenerator<unknown> {
    for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
  }
  const lines = []
  for await (const line of bytesAsLines(source())) lines.push(line)
  return lines
}

t.test('LF, CRLF and CR all end a line', async (t) => {
  t.strictSame(await linesOf('a\nb\r\nc\rd\n'), ['a', 'b', 'c', 'd'])
})

t.test('a last line without an end is a line too', async (t) => {
  t.strictSame(await linesOf('a\nb'), ['a', 'b'])
  t.strictSame(await linesOf('a'), ['a'])
})

t.test('an end at the very end begins no line', async (t) => {
  for (const end of ['\n', '\r\n', '\r']) t.strictSame(await linesOf(`a${end}`), ['a'])
})

t.test('an empty line is a line', async (t) => {
  t.strictSame(await linesOf('a\n\nb\n'), ['a', '', 'b'])
  t.strictSame(await linesOf('\n'), [''])
  t.strictSame(await linesOf('\r\n\r\n'), ['', ''])
  t.strictSame(await linesOf('\r\r'), ['', ''])
  t.strictSame(await linesOf('\n\r'), ['', ''])
  t.strictSame(await linesOf('a\r', '\r', '\rb'), ['a', '', '', 'b'])
})

t.test('nothing gives no line', async (t) => {
  t.strictSame(await linesOf(), [])
  t.strictSame(await linesOf('', ''), [])
})

t.test('a line goes on over chunks', async (t) => {
  t.strictSame(await linesOf('a', 'b', '', 'c\nd', 'e'), ['abc', 'de'])
})

t.test('CR and LF in two chunks are one end', async (t) => {
  t.strictSame(await linesOf('a\r', '\nb'), ['a', 'b'])
  t.strictSame(await linesOf('a\r', '', '\nb'), ['a', 'b'], 'an empty chunk between them too')
  t.strictSame(await linesOf('a\r', '\n'), ['a'])
})

t.test('CR at the end of a chunk ends a line where no LF follows', async (t) => {
  t.strictSame(await linesOf('a\r', 'b'), ['a', 'b'])
  t.strictSame(await linesOf('a\r', '\r\nb'), ['a', '', 'b'])
})

t.test('a character that is cut by a chunk border stays whole', async (t) => {
  const text = 'é€😀\n😀€é'
  t.strictSame(await linesOf(...cutEverywhere(Buffer.from(text))), text.split('\n'))
})

t.test('a character that is never finished is the replacement character', async (t) => {
  t.strictSame(await linesOf('a', Buffer.from([0xe2, 0x82])), ['a\ufffd'])
  t.strictSame(await linesOf('a\n', Buffer.from([0xf0])), ['a', '\ufffd'])
})

t.test('CR before a character that is never finished ends a line', async (t) => {
  t.strictSame(await linesOf('a\r', Buffer.from([0xe2])), ['a', '\ufffd'])
})

t.test('any kind of byte array is bytes', async (t) => {
  t.strictSame(await linesOf(Uint8Array.of(0x61, 0x0a), Buffer.from('b')), ['a', 'b'])
  t.strictSame(await linesOf(Buffer.from('xxa\nbxx').subarray(2, 5)), ['a', 'b'], 'a part of a larger one too')
})

t.test('what is no bytes passes through as it is', async (t) => {
  const event = { data: 'a\nb' }
  const passed = await linesOf(event, 7, null, ['a'])
  t.strictSame(passed, [event, 7, null, ['a']])
  t.equal(passed[0], event)
})

t.test('a string is an event, not bytes', async (t) => {
  async function * source (): AsyncGenerator<unknown> { yield 'a\nb' }
  const lines = []
  for await (const line of bytesAsLines(source())) lines.push(line)
  t.strictSame(lines, ['a\nb'])
})

t.test('lines come as soon as their ends do', async (t) => {
  const pulled: string[] = []
  async function * source (): AsyncGenerator<unknown> {
    for (const chunk of ['a\nb', '\n', 'c']) { pulled.push(chunk); yield Buffer.from(chunk) }
  }
  const lines = bytesAsLines(source())
  t.strictSame(await lines.next(), { done: false, value: 'a' })
  t.strictSame(pulled, ['a\nb'], 'and no more is pulled than that needs')
  t.strictSame(await lines.next(), { done: false, value: 'b' })
  t.strictSame(pulled, ['a\nb', '\n'])
  await lines.return()
})

t.test('the source is told when nobody wants its lines any more', async (t) => {
  let isReturned = false
  async function * source (): AsyncGenerator<unknown> {
    try { for (;;) yield Buffer.from('a\n') } finally { isReturned = true }
  }
  const lines = bytesAsLines(source())
  await lines.next()
  await lines.return()
  t.ok(isReturned)
})

t.test('an error of the source comes through, after the lines before it', async (t) => {
  const failure = new Error('no')
  async function * source (): AsyncGenerator<unknown> {
    yield Buffer.from('a\nb')
    throw failure
  }
  const lines = bytesAsLines(source())
  t.strictSame(await lines.next(), { done: false, value: 'a' })
  await t.rejects(lines.next(), failure)
})

/** Chunks of one line that has `bytes` bytes and no end. */
const lineOf = (bytes: number): Buffer[] => Array.from({ length: 64 }, (_, index) => Buffer.alloc(Math.floor(bytes / 64) + (index < bytes % 64 ? 1 : 0), 0x78))

t.test('the longest line is accepted, however it ends', async (t) => {
  for (const end of ['', '\n', '\r', '\r\n']) {
    const [line, ...more] = await linesOf(...lineOf(LINE_BYTES), end)
    t.equal(String(line).length, LINE_BYTES, JSON.stringify(end))
    t.strictSame(more, [])
  }
  t.equal((await linesOf('x'.repeat(LINE_BYTES), '\n', 'x'.repeat(LINE_BYTES))).length, 2, 'and each line counts alone')
})

t.test('the longest line is accepted with its end in the same chunk', async (t) => {
  for (const end of ['\n', '\r', '\r\n']) {
    const [line] = await linesOf('x'.repeat(LINE_BYTES) + end)
    t.equal(String(line).length, LINE_BYTES, JSON.stringify(end))
  }
})

t.test('a line that is longer by one byte is refused, as soon as that is known', async (t) => {
  let pulled = 0
  async function * source (): AsyncGenerator<unknown> {
    for (const chunk of lineOf(LINE_BYTES + 1)) yield chunk
    for (;;) { pulled++; yield Buffer.from('x') }
  }
  await t.rejects(bytesAsLines(source()).next(), { code: TOO_LONG })
  t.equal(pulled, 0)
})

t.test('a line that is too long is refused with its end in the same chunk too', async (t) => {
  await t.rejects(linesOf(`${'x'.repeat(LINE_BYTES + 1)}\n`), { code: TOO_LONG })
  await t.rejects(linesOf(`a\n${'x'.repeat(LINE_BYTES + 1)}\nb`), { code: TOO_LONG })
})

t.test('the bound of a line counts bytes, not characters', async (t) => {
  await t.rejects(linesOf('€'.repeat(Math.floor(LINE_BYTES / 3) + 1)), { code: TOO_LONG })
  t.equal((await linesOf('€'.repeat(Math.floor(LINE_BYTES / 3)))).length, 1)
})

t.test('lines before one that is too long are given', async (t) => {
  async function * source (): AsyncGenerator<unknown> {
    yield Buffer.from('a\n')
    yield * lineOf(LINE_BYTES + 1)
  }
  const lines = bytesAsLines(source())
  t.strictSame(await lines.next(), { done: false, value: 'a' })
  await t.rejects(lines.next(), { code: TOO_LONG })
})

/** The lines of a whole text: what a last end ends is the last line. */
function split (text: string): string[] {
  const lines = text.replace(/\r\n/g, '\n').replaceAll('\r', '\n').split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines
}

const text = fc.array(fc.constantFrom('\n', '\r', '\r\n', '\n\r', 'a', ' ', 'é', '€', '😀', '\ufffd', '\u2028', '\0'), { maxLength: 20 }).map((parts) => parts.join(''))

t.test('the lines of any text are those of the whole, wherever it is cut', async (t) => {
  await fc.assert(fc.asyncProperty(text, cuts, async (text, cuts) => {
    const bytes = Buffer.from(text)
    assert.deepEqual(await linesOf(...cutAt(bytes, cuts)), split(text))
    assert.deepEqual(await linesOf(...cutEverywhere(bytes)), split(text))
  }), { numRuns: 500 })
  t.pass()
})

t.test('the lines of any bytes are those of the whole, wherever they are cut', async (t) => {
  const bytes = fc.array(fc.constantFrom(0x0a, 0x0d, 0x61, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0xff), { maxLength: 20 })
  await fc.assert(fc.asyncProperty(bytes, cuts, async (bytes, cuts) => {
    assert.deepEqual(await linesOf(...cutAt(Uint8Array.from(bytes), cuts)), split(new TextDecoder().decode(Uint8Array.from(bytes))))
  }), { numRuns: 500 })
  t.pass()
})
