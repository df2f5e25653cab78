/** Who takes events: listeners and loops, many at once, slow ones, faulty ones, and those that leave. */
import { once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { openFeed, type FeedState } from '../../lib/client/index.ts'
import { eventually } from '../story/raw-client.ts'
import { all, DONE, ends, follow, head, numbered, says, scripted, told } from './servers.ts'

const count = (first: number, last: number): string => Array.from({ length: last - first + 1 }, (_, index) => numbered(first + index)).join('')

t.test('nothing is asked before somebody listens, and the first listener misses nothing', async (t) => {
  const server = await scripted(t, ends(`${count(1, 3)}${DONE}`))
  const { feed } = follow(t, server.url)
  await nextTurn()
  t.equal(server.requests.length, 0)
  const events: number[] = []
  await new Promise<void>((resolve) => {
    feed.on('message', ({ data }) => {
      events.push(data)
      if (data === 3) resolve()
    })
  })
  t.strictSame(events, [1, 2, 3])
})

t.test('listeners get the events of their type until they are taken back, the same function twice too', async (t) => {
  const server = await scripted(t, (response) => {
    head(response).write('event: a\ndata: 1\n\nevent: b\ndata: 2\n\n')
    return eventually(() => heard.length === 3, 'the first events are heard').then(() => response.end(`event: a\ndata: 3\n\n${DONE}`))
  })
  const heard: string[] = []
  const { feed, states } = follow<{ a: number, b: number, open: number }>(t, server.url)
  const listener = ({ event, data }: { event: string, data: number }): void => { heard.push(`${event}${data}`) }
  const off = feed.on('a', (event) => {
    listener(event)
    off()
  })
  feed.on('a', listener)
  feed.on('b', listener)
  feed.on('open', () => t.fail('states are no events'))
  await eventually(() => states.at(-1)?.state === 'closed', 'the feed ends')
  t.strictSame(heard, ['a1', 'a1', 'b2', 'a3'])
})

t.test('a listener that is added by a listener hears from the next event on; one that is taken back hears no more', async (t) => {
  const server = await scripted(t, ends(`${count(1, 3)}${DONE}`))
  const { feed } = follow(t, server.url)
  const heard: string[] = []
  const again = ({ data }: { data: number }): void => {
    heard.push(`a${data}`)
    feed.on('message', again)
    off()
  }
  feed.on('message', again)
  const off = feed.on('message', () => { heard.push('never') })
  t.equal((await all(feed)).length, 3)
  t.strictSame(heard, ['a1', 'a2', 'a2', 'a3', 'a3', 'a3', 'a3'])
})

t.test('a listener that throws is an uncaught error, and everybody else gets the event', async (t) => {
  const thrown: unknown[] = []
  const keep = (error: unknown): void => { thrown.push(error) }
  // tap has a listener of its own, which fails the test
  const others = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', keep)
  t.teardown(() => {
    process.off('uncaughtException', keep)
    for (const listener of others) process.on('uncaughtException', listener)
  })
  const server = await scripted(t, ends(`${count(1, 2)}${DONE}`))
  const { feed } = follow(t, server.url, { onState: () => { throw new Error('of onState') } })
  feed.on('message', () => { throw new Error('of a listener') })
  t.strictSame((await all(feed)).map(({ data }) => data), [1, 2])
  await nextTurn()
  t.strictSame(new Set(thrown.map(String)), new Set(['Error: of a listener', 'Error: of onState']))
})

t.test('two loops each get every event, and the slower one holds up reading', async (t) => {
  const server = await scripted(t, ends(`${count(1, 100)}${DONE}`))
  const { feed } = follow(t, server.url)
  const slow = async (): Promise<number[]> => {
    const events: number[] = []
    for await (const { data } of feed) {
      events.push(data)
      await nextTurn()
    }
    return events
  }
  const [first, second] = await Promise.all([all(feed), slow()])
  t.strictSame(first.map(({ data }) => data), second)
  t.equal(second.length, 100)
})

t.test('calls of next that wait at the same time are answered in their order', async (t) => {
  const server = await scripted(t, ends(`${count(1, 2)}${DONE}`))
  const loop = follow(t, server.url).feed[Symbol.asyncIterator]()
  const results = await Promise.all([loop.next(), loop.next(), loop.next(), loop.next()])
  t.strictSame(results.map(({ value, done }) => done === true ? 'end' : value.data), [1, 2, 'end', 'end'])
})

t.test('leaving the last loop closes the feed and its connection; a listener keeps it open', async (t) => {
  const closed: boolean[] = []
  const server = await scripted(t, (response) => {
    head(response).write(count(1, 2))
    response.on('close', () => { closed.push(true) })
  })
  const { feed, states } = follow(t, server.url)
  for await (const { data } of feed) if (data === 1) break
  t.ok(feed.isClosed)
  t.strictSame(told(states), ['open', 'closed'])
  await eventually(() => closed.length === 1, 'the connection is closed')

  const kept = follow(t, server.url).feed
  const off = kept.on('message', () => {})
  for await (const { data } of kept) if (data === 1) break
  t.notOk(kept.isClosed)
  off()
  kept.close()
  t.strictSame(await all(kept), [], 'a loop over a closed feed ends at once')
  kept.on('message', () => t.fail('it is closed'))
})

t.test('a loop that throws in its body leaves too', async (t) => {
  const { feed } = follow(t, (await scripted(t, says(count(1, 2)))).url)
  await t.rejects(async () => { for await (const { data } of feed) if (data === 1) throw new Error('of the body') }, { message: 'of the body' })
  t.ok(feed.isClosed)
})

t.test('close in the middle of a chunk: no listener hears the rest of it', async (t) => {
  const { feed } = follow(t, (await scripted(t, says(count(1, 5)))).url)
  const heard: number[] = []
  await new Promise<void>((resolve) => {
    feed.on('message', ({ data }) => {
      heard.push(data)
      if (data === 2) {
        feed.close()
        feed.close()
        resolve()
      }
    })
  })
  await nextTurn()
  t.strictSame(heard, [1, 2])
})

t.test('an abort before, while and after: loops reject with its reason, and nothing stays open', async (t) => {
  const reason = new Error('the user has left')
  let closed = 0
  const server = await scripted(t, (response) => {
    head(response).write(numbered(1))
    response.on('close', () => { closed++ })
  })

  const before = new AbortController()
  before.abort(reason)
  const never = follow(t, server.url, { signal: before.signal })
  await t.rejects(all(never.feed), reason)
  t.equal(server.requests.length, 0, 'nothing was asked')
  t.strictSame(never.states, [{ state: 'closed', error: reason }])

  const meanwhile = new AbortController()
  const { feed, states } = follow(t, server.url, { signal: meanwhile.signal })
  const loop = feed[Symbol.asyncIterator]()
  t.equal((await loop.next()).value?.data, 1)
  const waiting = loop.next()
  meanwhile.abort(reason)
  await t.rejects(waiting, reason)
  t.strictSame(await loop.next(), { value: undefined, done: true })
  t.strictSame(states.at(-1), { state: 'closed', error: reason })
  await eventually(() => closed === 1, 'the connection is closed')

  const after = new AbortController()
  const over = follow(t, (await scripted(t, ends(DONE))).url, { signal: after.signal })
  t.strictSame(await all(over.feed), [])
  after.abort(reason)
  t.strictSame(told(over.states), ['open', 'closed'])
})

t.test('an abort while the client waits to come back, and while headers are made, ends the wait', async (t) => {
  const leaving = new AbortController()
  const { feed } = follow(t, 'http://127.0.0.1:1/', { signal: leaving.signal, onState: ({ state }) => { if (state === 'retrying') leaving.abort() } })
  await t.rejects(all(feed), { name: 'AbortError' })

  const other = new AbortController()
  const stuck = follow(t, 'http://127.0.0.1:1/', { signal: other.signal, headers: () => new Promise(() => { setImmediate(() => { other.abort() }) }) })
  await t.rejects(all(stuck.feed), { name: 'AbortError' })
})

t.test('100,000 events in one chunk arrive, each once, in loops and at listeners', async (t) => {
  const bytes = new TextEncoder().encode(`${count(1, 100_000)}${DONE}`)
  // one chunk, whatever sockets do
  const fetched: typeof fetch = async () => new Response(new ReadableStream({ start: (body) => { body.enqueue(bytes); body.close() } }), { headers: { 'content-type': 'text/event-stream' } })
  const { feed } = follow(t, 'http://127.0.0.1:1/', { fetch: fetched })
  let heard = 0
  feed.on('message', ({ data }) => { if (data === heard + 1) heard++ })
  let looped = 0
  for await (const { data } of feed) if (data === looped + 1) looped++
  t.strictSame([heard, looped], [100_000, 100_000])
})

t.test('a loop that does not take events stops the reading: the server is held up, and nothing is lost', async (t) => {
  t.setTimeout(60_000)
  const MOST = 64 * 2 ** 20
  const text = 'x'.repeat(10_000)
  let written = 0
  let number = 0
  let isStalled = false
  const server = await scripted(t, async (response) => {
    head(response)
    while (written < MOST && !response.destroyed) {
      const event = `data: "${++number} ${text}"\nid: ${number}\n\n`
      written += event.length
      if (response.write(event)) continue
      isStalled = true
      await once(response, 'drain')
      isStalled = false
    }
    response.end(DONE)
  })
  const { feed, clock, states } = follow<{ message: string }>(t, server.url)
  const loop = feed[Symbol.asyncIterator]()
  t.match((await loop.next()).value?.data, /^1 x/)
  // the kernel and the parts of fetch fill up, and then nothing moves
  let before = -1
  await eventually(async () => {
    if (!isStalled || before !== written) {
      before = written
      await new Promise((resolve) => { setTimeout(resolve, 50) })
      return false
    }
    return true
  }, 'the server is held up')
  t.ok(written < MOST / 2, `${written} bytes were taken`)
  clock.advance(3_600_000)
  t.strictSame(told(states), ['open'], 'a line that is not read is not silent')
  let expected = 1
  for await (const { data } of { [Symbol.asyncIterator]: () => loop }) if (data.startsWith(`${expected + 1} `)) expected++
  t.equal(expected, number, 'each event came once, in order')
  t.strictSame(told(states), ['open', 'closed'])
})

t.test('data is JSON by type, and text where the schema is one of strings; what is wrong is skipped with a typed error', async (t) => {
  const { Type } = await import('typebox')
  const { Compile } = await import('typebox/compile')
  const events = { message: Type.Object({ from: Type.String() }), text: Type.String(), mood: Type.Union([Type.Literal('good'), Type.Literal('bad')]), any: Type.Unknown() }
  const server = await scripted(t, ends([
    'data: {"from":"ada"}', 'data: {"from":', 'data: {"from":1}', 'event: text\ndata: "5"', 'event: mood\ndata: good',
    'event: any\ndata: 5', 'event: any\ndata: five', 'event: other\ndata: 1'
  ].map((lines, index) => `${lines}\nid: ${index}\n\n`).join('') + DONE))
  const checks = { message: Compile(events.message) }
  const states: FeedState[] = []
  const feed = openFeed(server.url, {
    events,
    onState: (state) => { states.push(state) },
    check: (data, event) => event !== 'message' || checks.message.Check(data)
  })
  t.strictSame((await all(feed)).map(({ event, data, id }) => [event, data, id]), [
    ['message', { from: 'ada' }, '0'], ['text', '"5"', '3'], ['mood', 'good', '4'], ['any', 5, '5'], ['any', 'five', '6']
  ])
  t.strictSame(states.filter(({ state }) => state === 'skipped').map((state) => state.state === 'skipped' && [state.event, state.text, state.error.code]), [
    ['message', '{"from":', 'FST_EVENTFEED_CLIENT_BAD_DATA'], ['message', '{"from":1}', 'FST_EVENTFEED_CLIENT_BAD_DATA'], ['other', '1', 'FST_EVENTFEED_CLIENT_BAD_DATA']
  ])
})

t.test('parse reads the text of events in place of JSON; one that throws skips the event', async (t) => {
  const server = await scripted(t, ends(`data: plain\n\ndata: bad\n\n${DONE}`))
  const { feed, states } = follow<{ message: string }>(t, server.url, { parse: (text, event) => { if (text === 'bad') throw new Error(text); return `${event}: ${text}` } })
  t.strictSame((await all(feed)).map(({ data }) => data), ['message: plain'])
  t.match(states.find(({ state }) => state === 'skipped'), { text: 'bad', error: { cause: { message: 'bad' } } })
})
