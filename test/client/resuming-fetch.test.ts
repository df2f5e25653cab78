/** `resumingFetch`: who reads an answer above it does not notice a cut, and never takes a part for the whole. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { resumingFetch, type ResumingFetchOptions } from '../../lib/client/index.ts'
import { cuts, DONE, ends, head, numbered, scripted, status, type Answer } from './servers.ts'

/** A type that says: an end without `stream:done` is none. */
const CONTROL = { 'content-type': 'text/event-stream; charset=utf-8; control=events' }
const RUN = { ...CONTROL, 'content-location': '/runs/7' }

/** Delays that are over at once. */
const SOON: ResumingFetchOptions = { firstDelayMs: 0, longestDelayMs: 0 }

function cutsWith (text: string, headers: Record<string, string>): Answer {
  return (response: ServerResponse) => { head(response, headers).write(text, () => { response.socket?.destroy() }) }
}

async function post (t: Test, answers: Answer[], options: ResumingFetchOptions = SOON, init: RequestInit = {}) {
  const server = await scripted(t, ...answers)
  const response = await resumingFetch(options)(server.url, { method: 'POST', body: '{}', headers: { 'content-type': 'application/json', authorization: 'Bearer x', accept: 'application/json' }, ...init })
  return { server, response }
}

t.test('an answer that is cut twice is read as one: a POST, then GETs with the last event ID and the headers of the request', async (t) => {
  const { server, response } = await post(t, [
    cutsWith(`event: stream:bookmark\ndata: {}\nid: 0\n\n${numbered(1)}data: half`, RUN), status(503), cutsWith(`${numbered(2)}event: two\ndata: a\ndata: b\nid: 3\n\n`, RUN), ends(`${numbered(4)}${DONE}`, RUN)
  ])
  t.equal(await response.text(), 'data: 1\nid: 1\n\ndata: 2\nid: 2\n\nevent: two\ndata: a\ndata: b\nid: 3\n\ndata: 4\nid: 4\n\n')
  t.strictSame(server.requests.map(({ method, url, headers }) => [method, url, headers['last-event-id'], headers['content-type'], headers.authorization]), [
    ['POST', '/', undefined, 'application/json', 'Bearer x'],
    ['GET', '/runs/7', '1', undefined, 'Bearer x'], ['GET', '/runs/7', '1', undefined, 'Bearer x'], ['GET', '/runs/7', '3', undefined, 'Bearer x']
  ])
  t.ok(server.requests.every(({ headers }) => headers.accept === 'application/json, text/event-stream;control=events'))
  t.equal(response.url, server.url)
  t.equal(response.headers.get('content-type'), RUN['content-type'])
})

t.test('resumeUrl beats Content-Location, and may be relative', async (t) => {
  const { server, response } = await post(t, [cutsWith(numbered(1), { ...RUN, 'x-run': '9' }), ends(DONE, CONTROL)], { ...SOON, resumeUrl: ({ headers }) => `/answers/${headers.get('x-run')}` })
  await response.text()
  t.equal(server.requests[1]?.url, '/answers/9')
})

t.test('an end without stream:done is a cut where the server has promised one, and the end where it has not', async (t) => {
  const promised = await post(t, [ends(numbered(1), RUN), ends(`${numbered(2)}${DONE}`, RUN)])
  t.equal(await promised.response.text(), numbered(1) + numbered(2))
  const plain = await post(t, [ends(`${numbered(1)}data: [DONE]\n\n`, { 'content-location': '/runs/7' })])
  t.equal(await plain.response.text(), `${numbered(1)}data: [DONE]\n\n`)
  t.equal(plain.server.requests.length, 1)
})

t.test('what cannot be resumed fails where it is cut: without an address, at another origin, after an event without an id', async (t) => {
  const elsewhere = await scripted(t, ends(DONE, CONTROL))
  for (const [text, headers, answer] of [
    [numbered(1), CONTROL, cutsWith], [numbered(1), { ...CONTROL, 'content-location': elsewhere.url }, cutsWith], [numbered(1), { ...CONTROL, 'content-location': 'http://[' }, cutsWith],
    [`${numbered(1)}data: 2\n\n`, RUN, cutsWith], [numbered(1), CONTROL, ends]
  ] as const) {
    const { response, server } = await post(t, [answer(text, headers)])
    await t.rejects(response.text(), { code: /FST_EVENTFEED_CLIENT_(NETWORK|CUT)/ })
    t.equal(server.requests.length, 1)
  }
  t.equal(elsewhere.requests.length, 0, 'another origin sees no header')
})

t.test('stream:error is passed on as an error, without another request, and so is a gap', async (t) => {
  for (const [text, code] of [
    ['event: stream:error\ndata: {"code":"BROKEN"}\n\n', 'FAILED'], ['event: stream:error\ndata: {"code":"BROKEN"}\nid: ~done.1\n\n', 'FAILED'],
    ['event: stream:gap\ndata: {"reason":"trimmed"}\nid: 1\n\n', 'GAP']
  ]) {
    const { response, server } = await post(t, [ends(`${numbered(1)}${text}`, RUN)])
    await t.rejects(response.text(), { code: `FST_EVENTFEED_CLIENT_${code}` })
    t.equal(server.requests.length, 1)
  }
})

t.test('a run that nobody knows any more fails at once, and a server that stays away after ten attempts', async (t) => {
  const gone = await post(t, [cutsWith(numbered(1), RUN), status(404)])
  await t.rejects(gone.response.text(), { code: 'FST_EVENTFEED_CLIENT_REFUSED', status: 404 })
  const away = await post(t, [cutsWith(numbered(1), RUN), status(502)])
  await t.rejects(away.response.text(), { code: 'FST_EVENTFEED_CLIENT_UNAVAILABLE', status: 502 })
  t.equal(away.server.requests.length, 11)
  const ended = await post(t, [cutsWith(numbered(1), RUN), status(204)])
  t.equal(await ended.response.text(), numbered(1))
})

t.test('whatever is no event stream is handed through as it is', async (t) => {
  for (const answer of [status(503, { 'retry-after': '1' }), ends('{"a":1}', { 'content-type': 'application/json' }), status(204)]) {
    const { response, server } = await post(t, [answer])
    t.equal(server.requests.length, 1)
    if (response.status === 200) t.strictSame(await response.json(), { a: 1 })
  }
  await t.rejects(resumingFetch()('http://127.0.0.1:1/', { method: 'POST' }), TypeError, 'a first request that fails is not repeated')
})

t.test('an abort fails the body with its reason, and ends a wait', async (t) => {
  const reason = new Error('stopped')
  const leaving = new AbortController()
  const { response } = await post(t, [cutsWith(numbered(1), RUN)], { firstDelayMs: 60_000 }, { signal: leaving.signal })
  const reader = response.body?.getReader()
  t.equal((await reader?.read())?.done, false)
  setImmediate(() => { leaving.abort(reason) })
  await t.rejects(async () => { await reader?.read() }, reason)
})

t.test('who cancels the body lets go of the connection', async (t) => {
  let closed: Promise<unknown> | undefined
  const { response } = await post(t, [(response) => {
    closed = new Promise((resolve) => { response.on('close', resolve) })
    head(response, RUN).write(numbered(1))
  }])
  const reader = response.body?.getReader()
  await reader?.read()
  await reader?.cancel()
  await closed
})

t.test('a body that nobody reads stops the reading', async (t) => {
  let written = 0
  const { response } = await post(t, [async (response) => {
    head(response, RUN)
    while (written < 64 * 2 ** 20 && response.write(`data: ${'x'.repeat(100_000)}\nid: ${written += 100_000}\n\n`)) await sleep(0)
  }])
  await new Promise<void>((resolve) => {
    let before = -1
    const look = (): void => {
      if (before === written) resolve()
      else {
        before = written
        setTimeout(look, 100)
      }
    }
    look()
  })
  t.ok(written < 32 * 2 ** 20, `${written} bytes were taken`)
  await response.body?.cancel()
})

t.test('a Request with its own headers and signal is taken, as fetch takes it', async (t) => {
  const server = await scripted(t, cuts(''), ends(DONE, CONTROL))
  const request = new Request(server.url, { method: 'POST', body: 'x', headers: { 'x-own': '1' } })
  await t.rejects(async () => { await (await resumingFetch(SOON)(request)).text() })
  const response = await resumingFetch(SOON)(new Request(server.url, { headers: { 'x-own': '1' } }))
  t.equal(await response.text(), '')
  t.equal(server.requests[1]?.headers['x-own'], '1')
  t.equal(server.requests[1]?.headers.accept, '*/*, text/event-stream;control=events')
})
