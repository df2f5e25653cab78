/** A line that is cut, refused, or sent elsewhere: who comes back, when, and who does not. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import t from 'tap'
import { all, cuts, DONE, ends, follow, head, numbered, says, scripted, status, told } from './servers.ts'

t.test('a line that is cut in the middle of a line of text goes on where it was: each event once, in order', async (t) => {
  const server = await scripted(t,
    cuts(`${numbered(1)}${numbered(2)}data: 3\nid: 3`),
    cuts(`${numbered(3)}data: 4\nid: 4\n`),
    ends(`${numbered(4)}${DONE}`))
  const { feed, states } = follow(t, server.url)
  t.strictSame((await all(feed)).map(({ data, id }) => [data, id]), [[1, '1'], [2, '2'], [3, '3'], [4, '4']])
  t.strictSame(server.requests.map(({ headers }) => headers['last-event-id']), [undefined, '2', '3'])
  t.strictSame(told(states), ['open', 'retrying NETWORK', 'open', 'retrying NETWORK', 'open', 'closed'])
  t.ok(server.requests.every(({ headers }) => headers.accept === 'text/event-stream, text/event-stream;control=events'))
})

t.test('an end without stream:done is a cut; a 204 ends quietly', async (t) => {
  const server = await scripted(t, ends(numbered(1)), status(204))
  const { feed, states } = follow(t, server.url)
  t.strictSame((await all(feed)).map(({ data }) => data), [1])
  t.strictSame(states.map(({ state }) => state), ['open', 'retrying', 'closed'])
  t.match(states[1], { error: { code: 'FST_EVENTFEED_CLIENT_CUT' }, attempt: 1 })
})

t.test('a 204 as the first answer ends a loop at once', async (t) => {
  const { feed } = follow(t, (await scripted(t, status(204))).url)
  t.strictSame(await all(feed), [])
  t.ok(feed.isClosed)
})

t.test('stream:done ends quietly, with the reason of a stop, and the line is let go of though the server keeps it open', async (t) => {
  const server = await scripted(t, (response) => {
    head(response).write(`${numbered(1)}event: stream:done\ndata: {"reason":"user"}\nid: ~done.1\n\n${numbered(2)}`)
    closed = once(response, 'close')
  })
  let closed: Promise<unknown> | undefined
  const { feed, states } = follow(t, server.url)
  t.strictSame((await all(feed)).map(({ data }) => data), [1], 'nothing after the end')
  t.strictSame(states.at(-1), { state: 'closed', reason: 'user' })
  await closed
})

t.test('retry and Retry-After are honoured, a date too; random time is added, more with each attempt', async (t) => {
  const later = new Date(Date.UTC(2026, 0, 1) + 20_000).toUTCString()
  const server = await scripted(t,
    ends(`retry: 5000\n\n${numbered(1)}`),
    status(503, { 'retry-after': '7' }), status(429, { 'retry-after': later }), status(500), status(503, { 'retry-after': 'soon' }),
    ends(DONE))
  const waited: number[] = []
  const { feed } = follow(t, server.url, { onState: (state) => { if (state.state === 'retrying') waited.push(state.delayMs) } })
  t.strictSame((await all(feed)).map(({ data }) => data), [1])
  t.equal(server.requests.length, 6)
  const [cut = 0, seconds = 0, date = 0, unsaid = 0, unread = 0] = waited
  t.ok(cut >= 5_000 && cut <= 6_000, `${cut} ms after the cut`)
  t.ok(seconds >= 7_000 && seconds <= 9_000, `${seconds} ms by seconds`)
  // two waits have moved the clock
  t.ok(date >= 20_000 - cut - seconds - 1_000 && date <= 24_000 - cut - seconds, `${date} ms by a date`)
  t.ok(unsaid >= 5_000 && unsaid <= 13_000, `${unsaid} ms by retry, where a status says nothing`)
  t.ok(unread >= 5_000 && unread <= 21_000, `${unread} ms where Retry-After cannot be read`)
})

t.test('a server that asks for three thousand years is asked again within about an hour', async (t) => {
  const delays: number[] = []
  for (const answer of [ends('retry: 99999999999999\n\n'), ends(`retry: ${'9'.repeat(400)}\n\n`), status(503, { 'retry-after': '99999999999999' })]) {
    const server = await scripted(t, answer, status(204))
    const { feed } = follow(t, server.url, { onState: (state) => { if (state.state === 'retrying') delays.push(state.delayMs) } })
    await all(feed)
  }
  t.equal(delays.length, 3)
  t.ok(delays.every((delay) => delay >= 3_600_000 && delay <= 3_601_000), delays.join())
})

t.test('the random delay doubles up to its bound, and begins again after progress', async (t) => {
  const random = Math.random
  t.teardown(() => { Math.random = random })
  Math.random = () => 1
  const server = await scripted(t, ...Array.from({ length: 7 }, () => status(502)), cuts(numbered(1)), status(502), status(204))
  const { feed, states } = follow(t, server.url)
  await all(feed)
  const retries = states.flatMap((state) => state.state === 'retrying' ? [[state.attempt, state.delayMs]] : [])
  t.strictSame(retries, [[1, 1000], [2, 2000], [3, 4000], [4, 8000], [5, 16000], [6, 30000], [7, 30000], [1, 1000], [2, 2000]])
})

for (const code of [400, 401, 403, 404, 406, 410, 418]) {
  t.test(`${code} closes the feed with a typed error, and nobody asks again`, async (t) => {
    const server = await scripted(t, status(code))
    const { feed, states } = follow(t, server.url)
    await t.rejects(all(feed), { name: 'FeedError', code: 'FST_EVENTFEED_CLIENT_REFUSED', status: code })
    t.strictSame(told(states), ['closed REFUSED'])
    t.equal(server.requests.length, 1)
    await t.rejects(all(feed), { code: 'FST_EVENTFEED_CLIENT_REFUSED' }, 'a later loop learns of it too')
  })
}

t.test('a 200 that is no event stream closes the feed with a typed error', async (t) => {
  for (const type of ['text/html', 'text/event-streams', 'application/json; note=text/event-stream']) {
    const { feed } = follow(t, (await scripted(t, ends('data: 1\n\n', { 'content-type': type }))).url)
    await t.rejects(all(feed), { code: 'FST_EVENTFEED_CLIENT_NOT_A_STREAM', status: 200 })
  }
  for (const type of ['text/event-stream', 'TEXT/EVENT-STREAM;charset=bogus', 'text/event-stream ;']) {
    const { feed } = follow(t, (await scripted(t, ends(`data: 1\n\n${DONE}`, { 'content-type': type }))).url)
    t.equal((await all(feed)).length, 1, type)
  }
})

t.test('a server that is killed and comes back on its port is found again', async (t) => {
  const server = await scripted(t, says(numbered(1)))
  const { port } = new URL(server.url)
  const { feed, states } = follow(t, server.url)
  const loop = feed[Symbol.asyncIterator]()
  t.equal((await loop.next()).value?.data, 1)
  server.server.closeAllConnections()
  await new Promise((resolve) => { server.server.close(resolve) })
  const asked: Array<string | undefined> = []
  const second = createServer((request, response) => {
    asked.push(request.headers['last-event-id'] as string | undefined)
    head(response).end(`${numbered(2)}${DONE}`)
  })
  // a refused attempt first: the port is taken again when that has failed
  while (states.filter(({ state }) => state === 'retrying').length < 2) await new Promise((resolve) => { setImmediate(resolve) })
  second.listen(Number(port), '127.0.0.1')
  t.teardown(() => { second.closeAllConnections(); second.close() })
  t.equal((await loop.next()).value?.data, 2)
  t.equal((await loop.next()).done, true)
  t.strictSame(asked, ['1'])
})

t.test('redirects are followed, and each attempt begins at the first address', async (t) => {
  const target = await scripted(t, cuts(numbered(1)), ends(DONE))
  const server = await scripted(t, status(307, { location: target.url }))
  const { feed } = follow(t, server.url)
  t.equal((await all(feed)).length, 1)
  t.strictSame([server.requests.length, target.requests.length], [2, 2])
  t.equal(target.requests[1]?.headers['last-event-id'], '1')
})

t.test('an Authorization header does not follow a redirect to another origin, and redirect: error follows none', async (t) => {
  const elsewhere = await scripted(t, status(204))
  const server = await scripted(t, status(302, { location: elsewhere.url }))
  const { feed } = follow(t, server.url, { headers: { authorization: 'Bearer secret' } })
  await all(feed)
  t.equal(server.requests[0]?.headers.authorization, 'Bearer secret')
  t.equal(elsewhere.requests[0]?.headers.authorization, undefined)
  const strict = follow(t, server.url, { headers: { 'x-key': 'secret' }, redirect: 'error', maxAttempts: 1 })
  await t.rejects(all(strict.feed), { code: 'FST_EVENTFEED_CLIENT_NETWORK' })
  t.equal(elsewhere.requests.length, 1)
})

t.test('a failure that the server may get over is retried; one after which nothing comes closes the feed', async (t) => {
  const server = await scripted(t,
    ends(`${numbered(1)}event: stream:error\ndata: {"code":"PASSING"}\nretry: 10\n\n`),
    ends(`${numbered(2)}event: stream:error\ndata: {"code":"FINAL"}\nid: ~done.2\n\n`))
  const { feed, states } = follow(t, server.url)
  const events: unknown[] = []
  await t.rejects(async () => { for await (const { data } of feed) events.push(data) }, { code: 'FST_EVENTFEED_CLIENT_FAILED', serverCode: 'FINAL' })
  t.strictSame(events, [1, 2])
  t.match(states[1], { state: 'retrying', error: { code: 'FST_EVENTFEED_CLIENT_FAILED', serverCode: 'PASSING' } })
})

t.test('maxAttempts bounds the attempts that fail in succession', async (t) => {
  const server = await scripted(t, status(503))
  const { feed, states } = follow(t, server.url, { maxAttempts: 3 })
  await t.rejects(all(feed), { code: 'FST_EVENTFEED_CLIENT_UNAVAILABLE', status: 503 })
  t.equal(server.requests.length, 4)
  t.equal(states.filter(({ state }) => state === 'retrying').length, 3)
})
