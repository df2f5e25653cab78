/** Servers that mean harm, or know no better. */
import { once } from 'node:events'
import t from 'tap'
import { FeedError, openFeed } from '../../lib/client/index.ts'
import { all, cuts, DONE, ends, follow, head, numbered, scripted, status, told } from './servers.ts'

t.test('a gigabyte on one line ends in a typed error, and is not held', async (t) => {
  t.setTimeout(120_000)
  const piece = Buffer.alloc(256 * 2 ** 10, 'x')
  let written = 0
  const server = await scripted(t, async (response) => {
    head(response).write(`${numbered(1)}data: `)
    while (written < 2 ** 30 && !response.destroyed) {
      written += piece.length
      if (!response.write(piece)) await once(response, 'drain')
    }
  })
  const { feed, states } = follow(t, server.url)
  const before = process.memoryUsage().rss
  let most = before
  const watching = setInterval(() => { most = Math.max(most, process.memoryUsage().rss) }, 5)
  t.teardown(() => { clearInterval(watching) })
  const events: number[] = []
  await t.rejects(async () => { for await (const { data } of feed) events.push(data) }, { name: 'FeedError', code: 'FST_EVENTFEED_CLIENT_LINE_TOO_LONG' })
  clearInterval(watching)
  t.strictSame(events, [1], 'what came earlier is there')
  t.strictSame(told(states), ['open', 'closed LINE_TOO_LONG'])
  t.ok(written < 2 ** 30 / 4, `${written} bytes were taken`)
  t.ok(most - before < 400 * 2 ** 20, `${Math.round((most - before) / 2 ** 20)} MiB more at most`)
})

t.test('an id with NUL is ignored, an empty one is none, and others come back as they were', async (t) => {
  for (const [sent, expected, place] of [
    ['id: a\0b\n', undefined, 'header'], ['id: 1\ndata: 0\n\nid\n', undefined, 'header'], ['id: é😀\n', 'é😀', 'header'],
    ['id: a\u0001b\n', 'a\u0001b', 'query'], ['id:  a \n', ' a ', 'query'], ['id: a&b=c#d?e\n', 'a&b=c#d?e', 'header']
  ] as const) {
    const server = await scripted(t, ends(`${sent}data: 1\n\n`), status(204))
    const { feed } = follow(t, `${server.url}?x=1#part`)
    await all(feed)
    const url = server.requests[1]?.url ?? ''
    const header = server.requests[1]?.headers['last-event-id']
    const said = place === 'header' ? typeof header === 'string' ? Buffer.from(header, 'latin1').toString() : header : new URL(url, server.url).searchParams.get('lastEventId')
    t.equal(said, expected, JSON.stringify(sent))
    t.match(url, '?x=1')
  }
})

t.test('lastEventIdIn: query keeps a cross-origin request simple, and lastEventId begins where an earlier visit was', async (t) => {
  const server = await scripted(t, cuts(numbered(8)), ends(DONE))
  const { feed } = follow(t, server.url, { lastEventId: '7', lastEventIdIn: 'query' })
  t.strictSame((await all(feed)).map(({ data }) => data), [8])
  t.strictSame(server.requests.map(({ url }) => url), ['/?lastEventId=7', '/?lastEventId=8'])
  t.ok(server.requests.every(({ headers }) => headers['last-event-id'] === undefined))
  t.equal(feed.lastEventId, '~done.')
})

t.test('headers are asked at each attempt; where that fails, the client tries again', async (t) => {
  const server = await scripted(t, cuts(numbered(1)), status(503), ends(DONE))
  const asked: unknown[] = []
  const { feed, states } = follow(t, server.url, {
    headers: async (attempt) => {
      asked.push(attempt)
      if (asked.length === 2) throw new Error('no token')
      return { authorization: `Bearer ${asked.length}` }
    }
  })
  t.equal((await all(feed)).length, 1)
  t.strictSame(server.requests.map(({ headers }) => headers.authorization), ['Bearer 1', 'Bearer 3', 'Bearer 4'])
  t.strictSame(asked, [{ attempt: 1, lastEventId: '' }, { attempt: 2, lastEventId: '1' }, { attempt: 3, lastEventId: '1' }, { attempt: 4, lastEventId: '1' }])
  t.match(states.find((state) => state.state === 'retrying' && state.attempt === 2), { error: { cause: { message: 'no token' } } })
})

t.test('a POST sends its body at each attempt, with the last event ID', async (t) => {
  const bodies: unknown[] = []
  const taking = (answer: (response: import('node:http').ServerResponse, request: import('node:http').IncomingMessage) => unknown) =>
    async (response: import('node:http').ServerResponse, request: import('node:http').IncomingMessage) => {
      let body = ''
      for await (const chunk of request) body += String(chunk)
      bodies.push([request.method, request.headers['last-event-id'], request.headers['content-type'], body])
      answer(response, request)
    }
  const server = await scripted(t, taking(cuts(numbered(1))), taking(ends(DONE)))
  const { feed } = follow(t, server.url, { body: '{"room":1}', headers: { 'content-type': 'application/json' } })
  t.equal((await all(feed)).length, 1)
  t.strictSame(bodies, [['POST', undefined, 'application/json', '{"room":1}'], ['POST', '1', 'application/json', '{"room":1}']])
})

t.test('a gap is told, whatever its data, and what follows arrives', async (t) => {
  const server = await scripted(t, ends(`event: stream:gap\ndata: {"requested":"3","oldest":"7","reason":"trimmed"}\nid: 6\n\n${numbered(7)}event: stream:gap\ndata: {"state":"closed","id":"x"}\nid: 7\n\nevent: stream:gap\ndata: nonsense\nid: 7\n\nevent: stream:new\ndata: 1\n\n${DONE}`))
  const { feed, states } = follow(t, server.url)
  t.strictSame((await all(feed)).map(({ data }) => data), [7], 'no control event is an event')
  t.strictSame(states, [
    { state: 'open' }, { state: 'gap', id: '6', requested: '3', oldest: '7', reason: 'trimmed' }, { state: 'gap', id: '7' }, { state: 'gap', id: '7' }, { state: 'closed' }
  ])
})

t.test('a prototype is no declared event', async (t) => {
  const server = await scripted(t, ends(`event: constructor\ndata: 1\n\nevent: __proto__\ndata: 1\n\n${DONE}`))
  const skipped: string[] = []
  const feed = openFeed(server.url, { events: {}, onState: (state) => { if (state.state === 'skipped') skipped.push(state.event) } })
  t.strictSame(await all(feed), [])
  t.strictSame(skipped, ['constructor', '__proto__'])
})

t.test('an answer that is refused holds no connection', async (t) => {
  let closed: Promise<unknown> | undefined
  const server = await scripted(t, (response) => {
    response.writeHead(403, { 'content-type': 'application/json' }).write('{')
    closed = once(response, 'close')
  })
  await t.rejects(all(follow(t, server.url).feed), { code: 'FST_EVENTFEED_CLIENT_REFUSED' })
  await closed
})

t.test('options that make no sense are refused at the call', async (t) => {
  for (const options of [{ silenceMs: -1 }, { firstDelayMs: Number.NaN }, { longestDelayMs: -Infinity }, { maxLineLength: -1 }, { maxAttempts: Number.NaN }, { method: 'get', body: 'x' }]) {
    t.throws(() => openFeed('http://127.0.0.1:1/', options), { code: 'FST_EVENTFEED_CLIENT_BAD_OPTION' })
  }
  const endless = follow(t, (await scripted(t, cuts(numbered(1)), status(204))).url, { silenceMs: Infinity, longestDelayMs: Infinity, firstDelayMs: Infinity, maxLineLength: Infinity, maxAttempts: Infinity })
  t.equal((await all(endless.feed)).length, 1)
  t.ok(endless.states.every((state) => state.state !== 'retrying' || state.delayMs < 2 ** 31), 'no timer runs at once')
  t.ok(new FeedError('CUT', 'x') instanceof Error)
})
