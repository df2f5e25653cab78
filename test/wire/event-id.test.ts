/** The last event ID of a request, and the ids of streams of several feeds. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { joinPositions, readLastEventId, splitPositions } from '../../lib/wire/event-id.ts'
import { LAST_EVENT_ID_PARAMETER } from '../../lib/wire/protocol.ts'

/** How Node shows a header that a client sent as UTF-8. */
const asReadByNode = (text: string): string => Buffer.from(text).toString('latin1')

t.test('the header is the last event ID', async (t) => {
  t.equal(readLastEventId('1-7', '/'), '1-7')
  t.equal(readLastEventId(' ', '/'), ' ')
})

t.test('a header is read as UTF-8', async (t) => {
  for (const id of ['é', '€', '😀', 'Ärger-7', '\ufeffa', 'a\u0080']) t.equal(readLastEventId(asReadByNode(id), '/'), id)
})

t.test('a header that is no UTF-8 stays as Node read it', async (t) => {
  for (const header of ['\xe9', 'a\xff', '\xc3', '\xc0\x80', '\xed\xa0\x80', '\xf0\x9f\x98']) t.equal(readLastEventId(header, '/'), header)
})

t.test('whatever id a client was given comes back, by header and by parameter', async (t) => {
  // CR, LF and NUL are in no id that a client was given
  const id = fc.string({ unit: 'binary', minLength: 1 }).map((text) => text.replace(/[\r\n\0]/g, '-'))
  fc.assert(fc.property(id, (id) => {
    assert.equal(readLastEventId(asReadByNode(id), '/'), id)
    assert.equal(readLastEventId(undefined, `/?${LAST_EVENT_ID_PARAMETER}=${encodeURIComponent(id)}`), id)
  }), { numRuns: 300 })
  t.pass()
})

t.test('any header that Node can give is read without an error', async (t) => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, min: 0x20 }), (bytes) => {
    assert.ok(readLastEventId(Buffer.from(bytes).toString('latin1'), '/'))
  }), { numRuns: 300 })
  t.pass()
})

t.test('a header that comes more than once is one list, as HTTP has it', async (t) => {
  t.equal(readLastEventId(['a', 'b'], '/'), 'a, b')
  t.equal(readLastEventId(['a'], '/'), 'a')
})

t.test('without a header the query parameter counts', async (t) => {
  t.equal(LAST_EVENT_ID_PARAMETER, 'lastEventId')
  t.equal(readLastEventId(undefined, '/?lastEventId=1-7'), '1-7')
  t.equal(readLastEventId(undefined, '/events?a=1&lastEventId=1-7&b=2'), '1-7')
  t.equal(readLastEventId(undefined, '/?lastEventId=%C3%A9%2C%3D%26'), 'é,=&')
  t.equal(readLastEventId(undefined, '/?lastEventId=a=1,b=2'), 'a=1,b=2')
  t.equal(readLastEventId(undefined, '/?lastEventId=a?b'), 'a?b')
  t.equal(readLastEventId(undefined, '/?lastEventId=a&lastEventId=b'), 'a', 'of several the first')
})

t.test('a parameter of another name does not count', async (t) => {
  for (const url of ['/?lasteventid=7', '/?LastEventId=7', '/?lastEventID=7', '/?xlastEventId=7', '/lastEventId=7', '/', '', '/?']) {
    t.equal(readLastEventId(undefined, url), undefined, url)
  }
})

t.test('broken escapes in a parameter are no error', async (t) => {
  t.equal(readLastEventId(undefined, '/?lastEventId=%E9'), '\ufffd')
  t.equal(readLastEventId(undefined, '/?lastEventId=%'), '%')
  t.equal(readLastEventId(undefined, '/?lastEventId=%zz&%=%'), '%zz')
})

t.test('the header beats the parameter', async (t) => {
  t.equal(readLastEventId('a', '/?lastEventId=b'), 'a')
})

t.test('an empty last event ID is absent', async (t) => {
  t.equal(readLastEventId(undefined, '/?lastEventId='), undefined)
  t.equal(readLastEventId(undefined, '/?lastEventId'), undefined)
  t.equal(readLastEventId('', '/'), undefined)
  t.equal(readLastEventId([], '/'), undefined)
  t.equal(readLastEventId([''], '/'), undefined)
  t.equal(readLastEventId('', '/?lastEventId=b'), 'b', 'so that the parameter counts')
})

t.test('positions of several feeds are one id', async (t) => {
  t.equal(joinPositions(new Map([['chat', '1-7'], ['news', '2-0']])), 'chat=1-7,news=2-0')
  t.equal(joinPositions(new Map([['chat', '1-7']])), 'chat=1-7')
})

t.test('an id of 4,000 bytes is the longest that positions make', async (t) => {
  const positions = (bytes: number): Map<string, string> => new Map([['é', '1'], ['news', '2'.repeat(bytes - 'é=1,news='.length - 1)]])
  t.equal(Buffer.byteLength(joinPositions(positions(4_000))), 4_000)
  t.throws(() => joinPositions(positions(4_001)), { code: 'FST_EVENTFEED_ID_TOO_LONG', message: /2 feeds or runs has event IDs of 4001 bytes/ })
})

t.test('a list of positions comes back as it was, in its order', async (t) => {
  const feedName = fc.string({ unit: 'binary', minLength: 1 }).map((name) => name.replace(/[,=]/g, '-'))
  const position = fc.string({ unit: 'binary' }).map((id) => id.replaceAll(',', '-'))
  fc.assert(fc.property(fc.uniqueArray(fc.tuple(feedName, position), { minLength: 1, selector: ([name]) => name }), (pairs) => {
    assert.deepEqual(Array.from(splitPositions(joinPositions(new Map(pairs))) ?? []), pairs)
  }), { numRuns: 300 })
  t.pass()
})

t.test('an id that is no list of positions has none', async (t) => {
  for (const id of ['', '1-7', ',', '=', '=1-7', 'a=1,', ',a=1', 'a=1,,b=2', 'a=1,b', 'a=1,=2', 'a']) t.equal(splitPositions(id), undefined, id)
})

t.test('a feed that is named twice makes a list none', async (t) => {
  t.equal(splitPositions('a=1,a=2'), undefined)
  t.equal(splitPositions('a=1,b=1,a=1'), undefined)
})

t.test('a position may be empty, and hold an equals sign', async (t) => {
  t.strictSame(splitPositions('a='), new Map([['a', '']]))
  t.strictSame(splitPositions('a=b=c'), new Map([['a', 'b=c']]))
})

t.test('a feed may have any name, those of an object\'s own properties too', async (t) => {
  t.strictSame(splitPositions('__proto__=1,constructor=2'), new Map([['__proto__', '1'], ['constructor', '2']]))
})

t.test('any text is split without an error', async (t) => {
  const text = fc.array(fc.constantFrom(',', '=', 'a', 'b', '1'), { maxLength: 12 }).map((parts) => parts.join(''))
  fc.assert(fc.property(text, (id) => {
    const positions = splitPositions(id)
    if (positions !== undefined) assert.equal(joinPositions(positions), id)
  }), { numRuns: 300 })
  t.pass()
})
