/** What holds beside each neighbour, on whichever side of our plugin it is registered. */
import type { FastifyInstance } from 'fastify'
import { Type } from 'typebox'
import t, { type Test } from 'tap'
import { eventually, RawClient } from '../story/raw-client.ts'
import { NEIGHBOURS, type Neighbour } from './neighbours.ts'
import { ORDERS, serveBeside } from './serve-beside.ts'

const never = (): Promise<never> => new Promise(() => {})

/** What a browser would take, so that a compressor has the choice. */
const BROWSER = { accept: 'text/event-stream', 'cache-control': 'no-cache', 'accept-encoding': 'gzip, deflate, br' }

function answers (app: FastifyInstance): void {
  app.get('/json', async () => ({ is: 'json' }))
  app.get('/long', async () => ({ is: 'long '.repeat(2_000) }))
  app.get('/text', async (_request, reply) => reply.type('text/plain').send('text'))
  app.get('/refuses', async () => { throw Object.assign(new Error('not now'), { statusCode: 409 }) })
  app.get('/checks', { schema: { querystring: Type.Object({ count: Type.Integer() }) } }, async () => ({ is: 'checked' }))
}

/** What the routes of the streams do for the test. */
interface Streams {
  say (text: string): string | Promise<string>
  /** Ends the feed. */
  hush (): void
  /** How many sources were left. */
  left: number
}

function streams (app: FastifyInstance): Streams {
  const said = Type.Object({ text: Type.String() })
  const feed = app.feed('said', { events: { said } })
  const own: Streams = { say: (text) => feed.publish({ event: 'said', data: { text } }), hush: () => { feed.end() }, left: 0 }
  app.get('/feed', { schema: { events: { said }, querystring: Type.Object({ count: Type.Optional(Type.Integer()) }) } }, (_request, reply) => reply.sse(feed.subscribe()))
  app.get('/finite', (_request, reply) => reply.sse(['one', 'two']))
  app.get('/open', (_request, reply) => reply.sse(async function * ({ until }) {
    try { yield 'begun'; await until(never()) } finally { own.left++ }
  }))
  return own
}

/** Claims of a head: the neighbour's lines are there, no name is there twice, and the body is not encoded. */
function checkHead (t: Test, { head }: RawClient, { head: expected = [] }: Neighbour): void {
  for (const line of expected) t.ok(head.some((seen) => typeof line === 'string' ? seen === line : line.test(seen)), String(line))
  const names = head.map((line) => line.split(':')[0]).filter((name) => name !== 'set-cookie')
  t.strictSame(names, [...new Set(names)], 'no header is there twice')
  const cookies = head.filter((line) => line.startsWith('set-cookie:')).map((line) => line.split('=')[0])
  t.strictSame(cookies, [...new Set(cookies)], 'no cookie is set twice')
  t.notOk(names.includes('content-encoding'))
}

const count = (text: string, part: RegExp): number => text.match(part)?.length ?? 0

for (const neighbour of NEIGHBOURS) {
  for (const order of ORDERS) {
    t.test(`${neighbour.name}, registered ${order} the plugin`, async (t) => {
      let own: Streams = { say: () => '', hush: never, left: 0 }
      const { app, port, url, closeQuietly } = await serveBeside(t, (app) => neighbour.register(app), order, (app) => { answers(app); own = streams(app) })
      const headers = { ...BROWSER, ...neighbour.request?.(app) }

      await t.test('its headers are on a stream, which opens once and gives each event once, as soon as it is published', async (t) => {
        const client = await RawClient.get(t, port, '/feed', headers)
        await client.until('event: stream:bookmark')
        checkHead(t, client, neighbour)
        t.ok(client.head.includes('content-type: text/event-stream; charset=utf-8'))
        for (const text of ['first', 'second', 'third']) {
          await own.say(text)
          await client.until(`data: {"text":"${text}"}\nid: `)
        }
        own.hush()
        await client.whole()
        for (const part of [/HTTP\/1\.1 200/g, /^retry: \d+$/gm, /"first"/g, /"second"/g, /"third"/g, /^event: stream:bookmark$/gm, /^event: stream:done$/gm]) {
          t.equal(count(client.text, part), 1, `${part} once`)
        }
      })

      await t.test('the connection stays usable after a finite stream', async (t) => {
        const client = await RawClient.connect(t, port)
        for (let round = 0; round < 3; round++) {
          client.ask('/finite', headers)
          await client.whole()
          checkHead(t, client, neighbour)
          t.match(client.body, /^retry: \d+\ndata: one\n\ndata: two\n\nevent: stream:done\ndata: \{\}\nid: ~done\.\n\n$/)
          client.forget()
          client.ask('/text', { ...headers, 'accept-encoding': 'identity' })
          await client.until('\r\n\r\ntext')
          t.equal(client.status, 200)
          client.forget()
        }
        t.notOk(client.hasEnded)
      })

      await t.test('an answer in place of a stream has its headers', async (t) => {
        const client = await RawClient.connect(t, port)
        const plain = { ...headers, 'accept-encoding': 'identity' }
        client.ask('/finite', { ...plain, accept: 'application/json' })
        await client.until('FST_EVENTFEED_NOT_ACCEPTABLE')
        t.equal(client.status, 406)
        checkHead(t, client, neighbour)
        client.forget()
        client.ask('/feed?count=many', plain)
        await client.until('FST_ERR_VALIDATION')
        t.equal(client.status, 400)
        checkHead(t, client, neighbour)
        client.forget()
        client.ask('/finite', { ...plain, 'last-event-id': '~done.' })
        await client.until('\r\n\r\n')
        t.equal(client.status, 204)
        checkHead(t, client, neighbour)
        client.forget()
        client.ask('/finite', headers, 'HEAD')
        await client.until('\r\n\r\n')
        t.equal(client.status, 200)
        checkHead(t, client, neighbour)
        t.ok(client.head.includes('content-type: text/event-stream; charset=utf-8'))
      })

      await t.test('the source ends when the client leaves', async (t) => {
        const client = await RawClient.get(t, port, '/open', headers)
        await client.until('data: begun')
        client.destroy()
        await eventually(() => own.left === 1 && app.eventfeed.stats().connections === 0, 'finally runs, and the stream is gone')
      })

      await t.test('other routes answer as without the plugin', async (t) => {
        const bare = await serveBeside(t, (app) => neighbour.register(app), 'alone', answers)
        const asked = { ...BROWSER, ...neighbour.request?.(bare.app) }
        for (const [path, init] of [
          ['/json'], ['/long'], ['/text'], ['/refuses'], ['/checks?count=1'], ['/checks?count=many'], ['/missing'], ['/json', { method: 'HEAD' }],
          ['/json', { method: 'OPTIONS', headers: { 'access-control-request-method': 'GET', 'access-control-request-headers': 'last-event-id' } }]
        ] as Array<[path: string, init?: RequestInit]>) {
          t.strictSame(await answer(url + path, { ...init, headers: { ...headers, ...init?.headers } }), await answer(bare.url + path, { ...init, headers: { ...asked, ...init?.headers } }), `${init?.method ?? 'GET'} ${path}`)
        }
        await bare.closeQuietly()
      })

      await t.test('app.close() ends an open stream, and nothing was logged as a warning', async (t) => {
        const client = await RawClient.get(t, port, '/open', headers)
        await client.until('data: begun')
        await closeQuietly()
        await client.whole()
        await client.closed()
        t.equal(own.left, 2)
      })
    })
  }
}

/** A whole answer, without what differs from one request to the next. */
async function answer (url: string, init: RequestInit): Promise<object> {
  const response = await fetch(url, init)
  const headers = Array.from(response.headers, ([name, value]) => /^(?:date|x-ratelimit-(?:remaining|reset))$/.test(name) ? name : `${name}: ${value.replace(/sessionId=[^;]+/, 'sessionId=')}`)
  return { status: response.status, headers: headers.sort(), body: await response.text() }
}
