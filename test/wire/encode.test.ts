/** The bytes of events, one by one. That clients read back what was meant is tested in `round-trip.test.ts`. */
import t from 'tap'
import { encode, encodeBody, encodeFields, idLine, retryLine } from '../../lib/wire/encode.ts'
import { checkEvent, type ServerSentEvent } from '../../lib/wire/event.ts'
import { thrownBy } from './thrown-by.ts'

const text = (event: ServerSentEvent | string): string => encode(event).toString()

t.test('an event ends with a blank line', async (t) => {
  t.equal(text('hi'), 'data: hi\n\n')
  t.equal(text({ data: { a: 1 } }), 'data: {"a":1}\n\n')
})

t.test('LF, CRLF and CR inside data all begin a new data line', async (t) => {
  t.equal(text('a\nb'), 'data: a\ndata: b\n\n')
  t.equal(text('a\r\nb'), 'data: a\ndata: b\n\n')
  t.equal(text('a\rb'), 'data: a\ndata: b\n\n')
  t.equal(text('a\n\rb'), 'data: a\ndata:\ndata: b\n\n', 'LF CR are two line ends')
  t.equal(text('a\r\r\nb'), 'data: a\ndata:\ndata: b\n\n')
  t.equal(text('a\r\n\nb'), 'data: a\ndata:\ndata: b\n\n')
})

t.test('a line end at the edge of data is an empty line there', async (t) => {
  t.equal(text('\n'), 'data:\ndata:\n\n')
  t.equal(text('\r\n'), 'data:\ndata:\n\n')
  t.equal(text('a\n'), 'data: a\ndata:\n\n')
  t.equal(text('a\r'), 'data: a\ndata:\n\n')
  t.equal(text('\na'), 'data:\ndata: a\n\n')
})

t.test('what ends a line elsewhere ends none here', async (t) => {
  for (const character of ['\u2028', '\u2029', '\u0085', '\v', '\f', '\0']) t.equal(text(`a${character}b`), `data: a${character}b\n\n`)
})

t.test('empty data is one empty data line', async (t) => {
  t.equal(text(''), 'data:\n\n')
  t.equal(text({ data: '' }), 'data:\n\n')
  t.equal(text({ data: '', event: 'tick' }), 'event: tick\ndata:\n\n')
})

t.test('a space at the start of a value survives, because one is put before it', async (t) => {
  t.equal(text(' a'), 'data:  a\n\n')
  t.equal(text(' '), 'data:  \n\n')
  t.equal(text({ data: '', event: ' e', id: ' i' }), 'event:  e\ndata:\nid:  i\n\n')
})

t.test('every falsy value but undefined is sent', async (t) => {
  t.equal(text({ data: 0 }), 'data: 0\n\n')
  t.equal(text({ data: false }), 'data: false\n\n')
  t.equal(text({ data: null }), 'data: null\n\n')
  t.equal(text({ data: '', id: 0 }), 'data:\nid: 0\n\n')
  t.equal(text({ data: '', id: '' }), 'data:\nid: \n\n')
  t.equal(text({ retry: 0 }), 'retry: 0\n\n')
  t.equal(text({ comment: '' }), ':\n\n')
})

t.test('undefined is sent in no field', async (t) => {
  t.equal(text({ data: 'hi', event: undefined, id: undefined, retry: undefined, comment: undefined }), 'data: hi\n\n')
})

t.test('the id is the last field, so that no client commits it before the event is whole', async (t) => {
  t.equal(text({ id: '7', comment: 'c', retry: 5, data: 'd', event: 'e' }), ': c\nevent: e\ndata: d\nretry: 5\nid: 7\n\n')
})

t.test('a comment of many lines is many comments', async (t) => {
  t.equal(text({ comment: 'a\nb\r\nc\rd' }), ': a\n: b\n: c\n: d\n\n')
  t.equal(text({ comment: 'a\n\nb' }), ': a\n:\n: b\n\n')
  t.equal(text({ comment: 'a\n' }), ': a\n:\n\n')
  t.equal(text({ comment: 'a\ndata: forged\n\n' }), ': a\n: data: forged\n:\n:\n\n')
})

t.test('data cannot forge a field', async (t) => {
  t.equal(text('a\nid: 1\n\nevent: b\rretry: 1\r\ndata: c'),
    'data: a\ndata: id: 1\ndata:\ndata: event: b\ndata: retry: 1\ndata: data: c\n\n')
})

t.test('text is UTF-8', async (t) => {
  t.same(encode('é€😀'), Buffer.from([0x64, 0x61, 0x74, 0x61, 0x3a, 0x20, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0x0a, 0x0a]))
  t.equal(text({ data: '', event: 'é', id: '😀' }), 'event: é\ndata:\nid: 😀\n\n')
})

t.test('half a surrogate pair is sent as the replacement character', async (t) => {
  t.equal(text('a\ud83d'), 'data: a\ufffd\n\n')
  t.equal(text('\ude00\ud83d'), 'data: \ufffd\ufffd\n\n')
})

t.test('a byte order mark is text like any other', async (t) => {
  t.equal(text('\ufeffa'), 'data: \ufeffa\n\n')
})

t.test('what is refused as an event is not encoded', async (t) => {
  t.equal(thrownBy(() => encode({ data: 1, id: 'a\nb' })).code, 'FST_EVENTFEED_BAD_FIELD')
  t.equal(thrownBy(() => encode({})).code, 'FST_EVENTFEED_BAD_EVENT')
})

t.test('the body of an event with its id line and a blank line is the event', async (t) => {
  const fields = checkEvent({ data: 'd', event: 'e', retry: 1, comment: 'c', id: 'i' })
  t.equal(encodeBody(fields), ': c\nevent: e\ndata: d\nretry: 1\n', 'a body has neither id nor end')
  t.equal(encodeFields(fields), `${encodeBody(fields)}${idLine('i')}\n`)
  t.equal(encodeFields({ ...fields, id: undefined }), `${encodeBody(fields)}\n`)
  t.equal(idLine(''), 'id: \n')
  t.equal(retryLine(0), 'retry: 0\n')
})

t.test('the greatest reconnection time is written in digits', async (t) => {
  t.equal(text({ retry: Number.MAX_SAFE_INTEGER }), 'retry: 9007199254740991\n\n')
  t.equal(text({ retry: -0 }), 'retry: 0\n\n')
})
