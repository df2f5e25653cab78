/** The events that are the plugin's own. */
import t from 'tap'
import { bookmark, done, failure, gap } from '../../lib/wire/control-event.ts'
import { checkEventType, checkId } from '../../lib/wire/event.ts'
import { readLastEventId } from '../../lib/wire/event-id.ts'
import { CONTROL_PREFIX, isDone, type GapReason } from '../../lib/wire/protocol.ts'
import { readByEventSourceParser } from './clients.ts'
import { thrownBy } from './thrown-by.ts'

const read = (text: string): ReturnType<typeof readByEventSourceParser> => readByEventSourceParser([Buffer.from(text)])

t.test('a bookmark has an id, and data that every client dispatches and can parse', async (t) => {
  t.equal(bookmark('1-7'), 'event: stream:bookmark\ndata: {}\nid: 1-7\n\n')
  t.strictSame(read(bookmark('1-7')).events, [{ type: 'stream:bookmark', data: '{}', id: '1-7' }])
})

t.test('a gap says what is missing and why, and its id is where the stream goes on', async (t) => {
  const reasons: GapReason[] = ['trimmed', 'epoch', 'malformed', 'ahead', 'lagged']
  for (const reason of reasons) {
    const details = { requested: '1-3', oldest: '1-7', reason }
    t.strictSame(read(gap(details, '1-6')).events, [{ type: 'stream:gap', data: JSON.stringify(details), id: '1-6' }])
  }
  t.match(gap({ requested: 'x', oldest: null, reason: 'epoch' }, '1-6'), /"oldest":null/, 'an empty log has no oldest entry')
})

t.test('what a client asked for is quoted in a gap, whatever it is', async (t) => {
  for (const requested of ['a\nid: forged\n\ndata: forged', '\r', '\0', '"', '\\', '\u2028', 'é😀', '\ud83d', '']) {
    const { events } = read(gap({ requested, oldest: null, reason: 'malformed' }, '1-6'))
    t.equal(events.length, 1)
    t.equal(events[0]?.id, '1-6')
    t.equal(JSON.parse(events[0]?.data ?? '').requested, requested)
  }
})

t.test('the end gives an id that says so, and carries the last one', async (t) => {
  t.equal(done('1-7'), 'event: stream:done\ndata: {}\nid: ~done.1-7\n\n')
  t.equal(done(''), 'event: stream:done\ndata: {}\nid: ~done.\n\n')
  for (const lastEventId of ['1-7', '', 'a,b=c', 'é']) t.ok(isDone(read(done(lastEventId)).events[0]?.id ?? ''))
})

t.test('the end of what was stopped says why', async (t) => {
  t.equal(done('1-7', 'user'), 'event: stream:done\ndata: {"reason":"user"}\nid: ~done.1-7\n\n')
  for (const reason of ['', 'a\nid: forged\n\n', '"', 'é😀']) {
    t.strictSame(read(done('1', reason)).events, [{ type: 'stream:done', data: JSON.stringify({ reason }), id: '~done.1' }])
  }
})

t.test('a client has seen the end exactly if its last event ID is one that the end gave', async (t) => {
  for (const id of ['~done', '~done.', '~done.1-7', '~done.~done.1-7']) t.ok(isDone(id), id)
  for (const id of ['', '1-7', '~', '~don', '~doner', '~done1-7', '~Done.', ' ~done', 'done', 'a~done.1']) t.notOk(isDone(id), id)
})

t.test('a failure has a code, a reconnection time and no id', async (t) => {
  t.equal(failure('FST_EVENTFEED_SOURCE_FAILED', 12_345), 'event: stream:error\ndata: {"code":"FST_EVENTFEED_SOURCE_FAILED"}\nretry: 12345\n\n')
  t.strictSame(read(failure('CODE', 5)), { events: [{ type: 'stream:error', data: '{"code":"CODE"}', id: undefined }], retries: [5], comments: [] })
})

t.test('a failure after which nothing comes has the id of the end, and no time where none is given', async (t) => {
  t.equal(failure('CODE', undefined, '~done.1-7'), 'event: stream:error\ndata: {"code":"CODE"}\nid: ~done.1-7\n\n')
  t.equal(failure('CODE', 5, '~done.'), 'event: stream:error\ndata: {"code":"CODE"}\nretry: 5\nid: ~done.\n\n')
})

t.test('no user can send what looks like a control event', async (t) => {
  for (const text of [bookmark('1'), gap({ requested: '', oldest: null, reason: 'epoch' }, '1'), done('1'), failure('CODE', 1)]) {
    const { type } = read(text).events[0] ?? {}
    t.ok(type?.startsWith(CONTROL_PREFIX))
    t.equal(thrownBy(() => checkEventType(type)).code, 'FST_EVENTFEED_BAD_FIELD')
  }
  t.equal(thrownBy(() => checkId('~done.1')).code, 'FST_EVENTFEED_BAD_FIELD')
})

t.test('a last event ID from a query parameter cannot forge an event at the end of the stream', async (t) => {
  for (const forgery of ['a\ndata: forged\n\n', 'a\n\ndata: forged\n\n', '\r\rdata: forged\r\r', '\r\n\r\ndata: forged\r\n\r\n']) {
    const lastEventId = readLastEventId(undefined, `/events?lastEventId=${encodeURIComponent(forgery)}`)
    t.strictSame(read(done(lastEventId ?? '')).events.map(({ type, data }) => ({ type, data })), [{ type: 'stream:done', data: '{}' }])
  }
  const lastEventId = readLastEventId(undefined, '/events?lastEventId=a%00b')
  t.ok(isDone(read(done(lastEventId ?? '')).events[0]?.id ?? ''), 'and NUL cannot make a client ignore its id, and come back for ever')
})
