/** What is encoded is read back as it was meant, by two clients that share no code, however the bytes are cut. */
import assert from 'node:assert/strict'
import { ReadableStream } from 'node:stream/web'
import { EventSourceParserStream } from 'eventsource-parser/stream'
import fc from 'fast-check'
import t from 'tap'
import { encode } from '../../lib/wire/encode.ts'
import type { ServerSentEvent } from '../../lib/wire/event.ts'
import { cutAt, cutEverywhere, cuts, event } from './arbitraries.ts'
import { EventSourceReader, readByEventSourceParser } from './clients.ts'
import { expectedOf } from './standard.ts'

const bytesOf = (events: readonly ServerSentEvent[]): Buffer => Buffer.concat(events.map((event) => encode(event)))

/** Compares what eventsource-parser reads with what the standard says. It gives the id of each event, and does not keep the last one. */
function assertParsed (events: readonly ServerSentEvent[], chunks: Iterable<Uint8Array>): void {
  const expected = expectedOf(events)
  assert.deepEqual(readByEventSourceParser(chunks), {
    ...expected,
    events: expected.events.map(({ type, data, id }) => ({ type, data, id }))
  })
}

t.test('any events are read back by eventsource-parser, from chunks of any size', async (t) => {
  fc.assert(fc.property(fc.array(event, { maxLength: 6 }), cuts, (events, cuts) => {
    const bytes = bytesOf(events)
    assertParsed(events, cutAt(bytes, cuts))
  }), { numRuns: 500 })
  t.pass()
})

t.test('any events are read back by eventsource-parser, byte by byte', async (t) => {
  fc.assert(fc.property(fc.array(event, { maxLength: 3 }), (events) => {
    assertParsed(events, cutEverywhere(bytesOf(events)))
  }), { numRuns: 150 })
  t.pass()
})

t.test('events are read back through eventsource-parser as a web stream', async (t) => {
  const events = [{ data: 'é€😀\r\n\n x' }, { event: 'tick', data: { a: [null, 0] }, id: 7 }, { data: '' }]
  const read = []
  const chunks = ReadableStream.from(cutEverywhere(bytesOf(events))).pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())
  for await (const { event = 'message', data, id } of chunks) read.push({ type: event, data, id })
  t.strictSame(read, expectedOf(events).events.map(({ type, data, id }) => ({ type, data, id })))
})

t.test('over HTTP', async (t) => {
  const reader = await EventSourceReader.start()
  t.teardown(() => reader.stop())

  /** Compares what undici's EventSource dispatches with what the standard says. */
  async function assertDispatched (events: readonly ServerSentEvent[], chunks: readonly Uint8Array[]): Promise<void> {
    assert.deepEqual(await reader.read(chunks), expectedOf(events).events.map(({ type, data, lastEventId }) => ({ type, data, lastEventId })))
  }

  await t.test('any events are read back by an EventSource, from chunks of any size', async (t) => {
    await fc.assert(fc.asyncProperty(fc.array(event, { maxLength: 6 }), cuts, async (events, cuts) => {
      await assertDispatched(events, cutAt(bytesOf(events), cuts))
    }), { numRuns: 150 })
    t.pass()
  })

  await t.test('any events are read back by an EventSource, byte by byte', async (t) => {
    await fc.assert(fc.asyncProperty(fc.array(event, { maxLength: 3 }), async (events) => {
      await assertDispatched(events, cutEverywhere(bytesOf(events)))
    }), { numRuns: 30 })
    t.pass()
  })

  await t.test('the last event ID stays until an event has another, the empty one included', async (t) => {
    const events = [{ data: 'a' }, { data: 'b', id: 1 }, { data: 'c' }, { id: 2 }, { data: 'd' }, { data: 'e', id: '' }, { data: 'f' }]
    t.strictSame((await reader.read([bytesOf(events)])).map(({ data, lastEventId }) => `${data}${lastEventId}`), ['a', 'b1', 'c1', 'd2', 'e', 'f'])
  })

  await t.test('events without data are not dispatched, and empty data is', async (t) => {
    const events = [{ id: 1 }, { retry: 1 }, { comment: 'data: no' }, { event: 'tick', id: 2 }, { data: '' }, { event: 'tick', data: '' }]
    t.strictSame((await reader.read([bytesOf(events)])).map(({ type, data }) => ({ type, data })), [{ type: 'message', data: '' }, { type: 'tick', data: '' }])
  })
})
