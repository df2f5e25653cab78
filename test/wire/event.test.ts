/** The fields of an event and their rules. What becomes of them as bytes is tested in `encode.test.ts`. */
import t, { type Test } from 'tap'
import {
  checkEvent, checkEventType, checkId, checkRetry, DEFAULT_EVENT_TYPE, plainText, toJson
} from '../../lib/wire/event.ts'
import { CONTROL, CONTROL_PREFIX } from '../../lib/wire/protocol.ts'
import { thrownBy } from './thrown-by.ts'

const BAD_FIELD = 'FST_EVENTFEED_BAD_FIELD'
const BAD_EVENT = 'FST_EVENTFEED_BAD_EVENT'

/** Checks that an event is refused because of one field, by a message that names it and shows the value escaped. */
function refusedField (t: Test, event: unknown, field: string, shown: string): void {
  const error = thrownBy(() => checkEvent(event))
  t.equal(error.code, BAD_FIELD)
  t.match(error.message, new RegExp(`^the ${field} of an event must `), 'names the field and the rule')
  t.ok(error.message.endsWith(`, but it is ${shown}`), `shows the value: ${error.message}`)
  t.notMatch(error.message, /[\r\n\0]/, 'is one line')
}

t.test('a string is an event that has only data', async (t) => {
  t.strictSame(checkEvent('hi'), { data: 'hi', event: undefined, id: undefined, retry: undefined, comment: undefined })
  t.equal(checkEvent('').data, '', 'the empty one too')
  t.equal(checkEvent('{ "not": "touched" }').data, '{ "not": "touched" }')
})

t.test('all fields of an event are kept', async (t) => {
  t.strictSame(checkEvent({ data: { a: 1 }, event: 'tick', id: '7', retry: 10, comment: 'hi' }),
    { data: '{"a":1}', event: 'tick', id: '7', retry: 10, comment: 'hi' })
})

t.test('fields that are not those of an event are left out', async (t) => {
  t.strictSame(Object.keys(checkEvent({ data: 1, secret: 2 })).sort(), ['comment', 'data', 'event', 'id', 'retry'])
})

t.test('the event that was given is not changed', async (t) => {
  const event = Object.freeze({ data: Object.freeze({ a: 1 }), id: 1, retry: 0 })
  t.doesNotThrow(() => checkEvent(event))
})

t.test('undefined is absent, and every other falsy value is a value', async (t) => {
  for (const [data, text] of [[0, '0'], [-0, '0'], ['', ''], [false, 'false'], [null, 'null'], [NaN, 'null']] as const) {
    t.equal(checkEvent({ data }).data, text, `data ${String(data)}`)
  }
  t.equal(checkEvent({ data: undefined, id: 1 }).data, undefined)
  t.equal(checkEvent({ id: 0 }).id, '0')
  t.equal(checkEvent({ id: '' }).id, '', 'an empty id is how a stream clears the last event ID')
  t.equal(checkEvent({ retry: 0 }).retry, 0)
  t.equal(checkEvent({ comment: '' }).comment, '')
  t.equal(checkEvent({ data: 1, event: '' }).event, '')
})

t.test('data that is no string is JSON', async (t) => {
  for (const [data, text] of [
    [{ a: [1, 'two', null] }, '{"a":[1,"two",null]}'],
    [[], '[]'],
    [true, 'true'],
    [1.5, '1.5'],
    [new Date(0), '"1970-01-01T00:00:00.000Z"'],
    [{ toJSON: () => 'instead' }, '"instead"'],
    ['line\nline', 'line\nline']
  ] as const) t.equal(checkEvent({ data }).data, text)
  t.equal(toJson('text'), '"text"', 'where JSON is asked for, a string is JSON too')
  t.equal(toJson(''), '""')
  t.equal(plainText('any', 'text'), 'text')
})

t.test('the text of data is made by whoever was given for that, which learns the event type', async (t) => {
  const seen: unknown[] = []
  const dataText = (...call: unknown[]): string => { seen.push(call); return 'made' }
  t.equal(checkEvent({ data: 1, event: 'tick' }, dataText).data, 'made')
  t.equal(checkEvent({ data: null }, dataText).data, 'made')
  t.equal(checkEvent('text', dataText).data, 'made')
  t.equal(checkEvent({ id: 1 }, dataText).data, undefined)
  t.strictSame(seen, [['tick', 1], [DEFAULT_EVENT_TYPE, null], [DEFAULT_EVENT_TYPE, 'text']], 'and is not asked where there is no data')
  t.equal(DEFAULT_EVENT_TYPE, 'message')
})

t.test('an error of whoever makes the text of data comes through as it is', async (t) => {
  const failure = new Error('no')
  t.equal(thrownBy(() => checkEvent({ data: 1 }, () => { throw failure })), failure)
})

t.test('an event type with a line end is refused', async (t) => {
  refusedField(t, { data: 1, event: 'a\nb' }, 'event', '"a\\nb"')
  refusedField(t, { data: 1, event: 'a\rb' }, 'event', '"a\\rb"')
  refusedField(t, { data: 1, event: 'a\r\ndata: forged' }, 'event', '"a\\r\\ndata: forged"')
  refusedField(t, { data: 1, event: '\n' }, 'event', '"\\n"')
})

t.test('an event type may be any other text', async (t) => {
  for (const event of ['', 'a b', ' a', 'a: b', 'é😀', 'a\0b', 'a\u2028b', 'a\u0085b', '~a']) {
    t.equal(checkEventType(event), event)
  }
})

t.test('an event type that is no string is refused', async (t) => {
  refusedField(t, { data: 1, event: 7 }, 'event', '7')
  refusedField(t, { data: 1, event: null }, 'event', 'null')
  refusedField(t, { data: 1, event: ['a'] }, 'event', '["a"]')
  refusedField(t, { data: 1, event: Symbol('a') }, 'event', 'a symbol')
})

t.test('the event types of control events are reserved, and no others', async (t) => {
  for (const type of Object.values(CONTROL)) t.ok(type.startsWith(CONTROL_PREFIX), type)
  refusedField(t, { data: 1, event: 'stream:done' }, 'event', '"stream:done"')
  refusedField(t, { data: 1, event: 'stream:' }, 'event', '"stream:"')
  for (const event of ['stream', 'streams:', 'Stream:done', ' stream:done', 'astream:done']) t.equal(checkEventType(event), event)
})

t.test('an id with a line end or NUL is refused', async (t) => {
  refusedField(t, { data: 1, id: 'a\nb' }, 'id', '"a\\nb"')
  refusedField(t, { data: 1, id: 'a\r' }, 'id', '"a\\r"')
  refusedField(t, { data: 1, id: '\r\n' }, 'id', '"\\r\\n"')
  refusedField(t, { data: 1, id: 'a\0b' }, 'id', '"a\\u0000b"')
})

t.test('an id may be any other text', async (t) => {
  for (const id of ['', ' ', ' a', 'a,b=c', 'é😀', 'a\u2028b', 'a~', 'stream:']) t.equal(checkId(id), id)
})

t.test('the ids of control events are reserved', async (t) => {
  refusedField(t, { data: 1, id: '~' }, 'id', '"~"')
  refusedField(t, { data: 1, id: '~done.7' }, 'id', '"~done.7"')
  t.equal(checkId(' ~'), ' ~')
})

t.test('an id may be a finite number', async (t) => {
  for (const [id, text] of [[0, '0'], [-0, '0'], [7, '7'], [-7, '-7'], [1.5, '1.5'], [Number.MAX_SAFE_INTEGER, '9007199254740991'], [1e21, '1e+21']] as const) {
    t.equal(checkId(id), text)
  }
  refusedField(t, { data: 1, id: NaN }, 'id', 'NaN')
  refusedField(t, { data: 1, id: Infinity }, 'id', 'Infinity')
  refusedField(t, { data: 1, id: -Infinity }, 'id', '-Infinity')
})

t.test('an id that is neither string nor number is refused', async (t) => {
  refusedField(t, { data: 1, id: null }, 'id', 'null')
  refusedField(t, { data: 1, id: true }, 'id', 'true')
  refusedField(t, { data: 1, id: 7n }, 'id', '7n')
  refusedField(t, { data: 1, id: {} }, 'id', '{}')
})

t.test('a reconnection time is a non-negative safe integer', async (t) => {
  for (const retry of [0, 1, 3000, Number.MAX_SAFE_INTEGER]) t.equal(checkRetry(retry), retry)
  refusedField(t, { retry: -1 }, 'retry', '-1')
  refusedField(t, { retry: 0.5 }, 'retry', '0.5')
  refusedField(t, { retry: NaN }, 'retry', 'NaN')
  refusedField(t, { retry: Infinity }, 'retry', 'Infinity')
  refusedField(t, { retry: -Infinity }, 'retry', '-Infinity')
  refusedField(t, { retry: Number.MAX_SAFE_INTEGER + 1 }, 'retry', '9007199254740992')
  refusedField(t, { retry: '3000' }, 'retry', '"3000"')
  refusedField(t, { retry: '1\ndata: forged' }, 'retry', '"1\\ndata: forged"')
  refusedField(t, { retry: null }, 'retry', 'null')
  refusedField(t, { retry: 3000n }, 'retry', '3000n')
})

t.test('a comment is a string', async (t) => {
  t.equal(checkEvent({ comment: 'a\nb' }).comment, 'a\nb')
  refusedField(t, { comment: 7 }, 'comment', '7')
  refusedField(t, { comment: null }, 'comment', 'null')
  refusedField(t, { comment: ['a'] }, 'comment', '["a"]')
})

t.test('a long value is shown in part', async (t) => {
  const { message } = thrownBy(() => checkEvent({ data: 1, event: `\n${'x'.repeat(10_000)}` }))
  t.ok(message.length < 300, `the message has ${message.length} characters`)
  t.match(message, /… \(10004 characters\)$/)
})

t.test('data that JSON cannot say is refused, with the original error as cause', async (t) => {
  const circular: { self?: unknown } = {}
  circular.self = circular
  for (const data of [circular, 7n, { deep: [7n] }, { toJSON () { throw new RangeError('not now') } }]) {
    const error = thrownBy(() => checkEvent({ data }))
    t.equal(error.code, BAD_FIELD)
    t.match(error.message, /^the data of an event must be a value that JSON can say/)
    t.ok(error.cause instanceof Error, 'has a cause')
  }
  t.match(thrownBy(() => checkEvent({ data: { toJSON () { throw new RangeError('not now') } } })).cause, { message: 'not now' })
  t.match(thrownBy(() => checkEvent({ data: 7n })).message, /but it is a bigint$/)
})

t.test('data for which JSON has no word is refused', async (t) => {
  for (const [data, seen] of [[() => 1, 'a function'], [Symbol('s'), 'a symbol'], [class {}, 'a function'], [{ toJSON: () => undefined }, 'an object']] as const) {
    const error = thrownBy(() => checkEvent({ data }))
    t.equal(error.code, BAD_FIELD)
    t.match(error.message, new RegExp(`^the data of an event must be a value that JSON can say, but it is ${seen}$`))
  }
})

t.test('a value that is no event is refused, with the way to mend it', async (t) => {
  for (const [yielded, seen] of [
    [undefined, 'undefined'], [null, 'null'], [7, 'a number'], [0, 'a number'], [true, 'a boolean'], [7n, 'a bigint'],
    [Symbol('s'), 'a symbol'], [() => 1, 'a function'], [['a'], 'an array'], [Buffer.from('a'), 'an instance of Buffer'],
    [new DataView(new ArrayBuffer(1)), 'an instance of DataView']
  ] as const) {
    const error = thrownBy(() => checkEvent(yielded))
    t.equal(error.code, BAD_EVENT)
    t.ok(error.message.includes(`not ${seen}:`), error.message)
    t.match(error.message, /wrap the value as \{ data: … \}$/)
  }
})

t.test('an object without a field of an event is refused: most likely it was meant as data', async (t) => {
  for (const [yielded, seen] of [
    [{}, 'no field'], [{ text: 'hi', from: 'ada' }, 'only "text, from"'], [{ data: undefined }, 'only "data"'],
    [new Map(), 'no field'], [new Date(), 'no field'], [Object.create(null), 'no field'], [{ 'a\nb': 1 }, 'only "a\\nb"']
  ] as const) {
    const error = thrownBy(() => checkEvent(yielded))
    t.equal(error.code, BAD_EVENT)
    t.ok(error.message.includes(`this one has ${seen}:`), error.message)
    t.notMatch(error.message, /\n/)
  }
})

t.test('an event type without data is refused, because no client would dispatch it', async (t) => {
  const error = thrownBy(() => checkEvent({ event: 'tick' }))
  t.equal(error.code, BAD_EVENT)
  t.ok(error.message.includes("give { event: \"tick\", data: '' }"), error.message)
  t.equal(thrownBy(() => checkEvent({ event: 'a\nb' })).message.includes('\n'), false)
  t.doesNotThrow(() => checkEvent({ event: 'tick', data: '' }), 'an empty one is sent')
})

t.test('id, retry and comment may stand alone', async (t) => {
  for (const event of [{ id: '7' }, { id: '' }, { retry: 0 }, { comment: '' }]) t.doesNotThrow(() => checkEvent(event))
})
