/** What a frame source gives. */
import t from 'tap'
import { Batch, ROOM_AFTER, ROOM_BEFORE } from '../../lib/wire/batch.ts'

t.test('a batch of text is its UTF-8', async (t) => {
  const batch = new Batch('data: é\n\n')
  t.same(batch.bytes, Buffer.from('data: é\n\n'))
  t.equal(batch.bytes.length, 10)
})

t.test('text of any length is encoded whole, also where it takes 3 bytes a unit or is no valid UTF-16', async (t) => {
  for (const length of [1_023, 1_024, 21_844, 21_845, 21_846, 60_000]) {
    for (const unit of ['a', 'é', '\u20ac', '\u{1f600}', '\ud800', 'b\udc00']) {
      const text = unit.repeat(Math.ceil(length / unit.length)).slice(0, length)
      t.ok(new Batch(text).bytes.equals(Buffer.from(text)), `${length} units of ${JSON.stringify(unit)}`)
    }
  }
  // what was encoded before is not touched by what comes after
  const first = new Batch('1'.repeat(2_000))
  const second = new Batch('2'.repeat(2_000))
  t.same([first.bytes.toString(), second.bytes.toString()], ['1'.repeat(2_000), '2'.repeat(2_000)])
})

t.test('text that stands alone counts as no event and sets no id', async (t) => {
  const { events, lastEventId, memo } = new Batch(':\n\n')
  t.strictSame({ events, lastEventId, memo }, { events: 0, lastEventId: undefined, memo: undefined })
})

t.test('a batch knows its number of events and the last event ID that it ends with', async (t) => {
  const parts = [Buffer.from('data: a\nid: 1\n\n'), Buffer.from('data: b\nid: 2\n\n')]
  for (const batch of [new Batch(parts, 2, '2'), new Batch(parts.join(''), 2, '2')]) {
    t.same(batch.bytes, Buffer.concat(parts))
    t.equal(batch.events, 2)
    t.equal(batch.lastEventId, '2')
  }
})

t.test('an id that was set to the empty one is not an id that was not set', async (t) => {
  t.equal(new Batch('id: \n\n', 0, '').lastEventId, '')
})

t.test('the room around a batch can be filled without a change to its bytes or to its neighbours', async (t) => {
  for (const length of [1, 100, 5_000, 300_000]) {
    const batches = Array.from({ length: 20 }, (_, index) => index % 2 === 0 ? new Batch('é'.repeat(length)) : new Batch([Buffer.alloc(length, 'x'), Buffer.alloc(length, 'y')]))
    const before = batches.map(({ bytes }) => Buffer.from(bytes))
    for (const batch of batches) {
      const room = batch.withRoom(ROOM_BEFORE, ROOM_AFTER)
      t.equal(room.length, ROOM_BEFORE + batch.bytes.length + ROOM_AFTER)
      room.fill('#', 0, ROOM_BEFORE)
      room.fill('#', room.length - ROOM_AFTER)
    }
    t.same(batches.map(({ bytes }) => Buffer.from(bytes)), before, `${length} characters`)
  }
})

t.test('a writer finds its own form of a batch again, and others do not see it', async (t) => {
  const batch = new Batch(':\n\n')
  const other = new Batch(':\n\n')
  const framed = Buffer.from('framed')
  batch.memo = framed
  t.equal(batch.memo, framed)
  t.equal(other.memo, undefined)
})
