/** What a frame source gives. */
import t from 'tap'
import { Batch } from '../../lib/wire/batch.ts'

t.test('a batch of text is its UTF-8', async (t) => {
  const batch = Batch.of('data: é\n\n')
  t.same(batch.bytes, Buffer.from('data: é\n\n'))
  t.equal(batch.bytes.length, 10)
})

t.test('text that stands alone counts as no event and sets no id', async (t) => {
  const { events, lastEventId, memo } = Batch.of(':\n\n')
  t.strictSame({ events, lastEventId, memo }, { events: 0, lastEventId: undefined, memo: undefined })
})

t.test('a batch knows its number of events and the last event ID that it ends with', async (t) => {
  const bytes = Buffer.from('data: a\nid: 1\n\ndata: b\nid: 2\n\n')
  for (const batch of [new Batch(bytes, 2, '2'), Batch.of(bytes.toString(), 2, '2')]) {
    t.same(batch.bytes, bytes)
    t.equal(batch.events, 2)
    t.equal(batch.lastEventId, '2')
  }
})

t.test('an id that was set to the empty one is not an id that was not set', async (t) => {
  t.equal(Batch.of('id: \n\n', 0, '').lastEventId, '')
})

t.test('a batch keeps the bytes that it was given, without a copy', async (t) => {
  const bytes = Buffer.from('data: a\n\n')
  t.equal(new Batch(bytes, 1).bytes, bytes)
})

t.test('a writer finds its own form of a batch again, and others do not see it', async (t) => {
  const batch = Batch.of(':\n\n')
  const other = Batch.of(':\n\n')
  batch.memo = 'framed'
  t.equal(batch.memo, 'framed')
  t.equal(other.memo, undefined)
})
