/** A source that ends: each byte of the body, and the end of the response, in every way to be served. */
import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../clock.ts'
import { eventually } from '../story/raw-client.ts'
import { onEveryWay, serveWay } from './serve-way.ts'

const MEGABYTE = 1024 * 1024
/** Characters of one to four bytes, so that any cut through the bytes goes through one of them sooner or later. */
const LETTERS = 'aß→😀'

interface Told { event?: string, id?: string, data: string }

const EVENTS: Told[] = [
  { data: 'one' },
  { event: 'named', id: '2', data: 'two\nlines' },
  { data: LETTERS.repeat(20_000) },
  { id: '4', data: '4'.repeat(MEGABYTE) },
  { data: '' },
  ...Array.from({ length: 300 }, (_, i) => ({ id: `n${i}`, data: `${i} ${LETTERS.repeat(i)}` }))
]

function linesOf ({ event, id, data }: Told): string {
  const dataLines = data.split('\n').map((line) => line === '' ? 'data:\n' : `data: ${line}\n`).join('')
  return `${event === undefined ? '' : `event: ${event}\n`}${dataLines}${id === undefined ? '' : `id: ${id}\n`}\n`
}

onEveryWay('a source that ends arrives byte for byte, and then the response ends', async (t, way) => {
  const { peer, ends } = await serveWay(t, way, (app) => {
    app.get('/at-once', (_request, reply) => reply.sse(EVENTS))
    app.get('/slowly', (_request, reply) => reply.sse(async function * () {
      for (const event of EVENTS) {
        await turn()
        yield event
      }
    }))
  })
  const expected = `${EVENTS.map(linesOf).join('')}event: stream:done\ndata: {}\nid: ~done.n299\n\n`
  for (const path of ['/at-once', '/slowly']) {
    const answer = (await peer()).ask(path)
    await answer.whole()
    t.match(answer.text.slice(0, 20), /^retry: \d+\n/)
    const behind = answer.text.slice(answer.text.indexOf('\n') + 1)
    t.ok(behind === expected, `${path}: ${behind.length} of ${expected.length} characters, alike`)
    const { events } = answer
    t.equal(events.length, EVENTS.length + 1)
    t.ok(EVENTS.every(({ data, event }, i) => events[i]?.data === data && events[i].event === event), 'as a parser reads them')
    t.strictSame(events.at(-1), { event: 'stream:done', id: '~done.n299', data: '{}' })
    t.strictSame(answer.trailers, way.trailers ?? {})
  }
  t.strictSame(await ends(2), ['done', 'done'])
})

onEveryWay('a source without an event ends at once', async (t, way) => {
  const { peer } = await serveWay(t, way, (app) => { app.get('/', (_request, reply) => reply.sse(new Set<string>())) })
  const answer = (await peer()).ask('/')
  await answer.whole()
  t.equal(answer.status, 200)
  t.match(answer.text, /^retry: \d+\nevent: stream:done\ndata: \{\}\nid: ~done\.\n\n$/)
})

onEveryWay('an array without subscriptions stays open and quiet, until something else ends it', async (t, way) => {
  const clock = new ManualClock()
  const { peer, app, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse([]))
    app.get('/function', (_request, reply) => reply.sse(async () => []))
  }, { clock, heartbeatIntervalMs: 15_000, retryMs: 1_000, connectionKey: () => 'me' })
  for (const path of ['/', '/function']) {
    const answer = (await peer()).ask(path)
    await eventually(() => app.eventfeed.stats().connections === 1, 'it is there')
    clock.advance(100)
    await answer.until('retry: ')
    clock.advance(16_000)
    await answer.until(':\n')
    t.equal(app.eventfeed.kick('me'), 1)
    await answer.whole()
    t.match(answer.text, /^retry: 1\d{3}\n(:\n)+$/, path)
    await eventually(() => app.eventfeed.stats().connections === 0, 'it is over')
  }
  t.strictSame(await ends(2), ['kick', 'kick'])
})

onEveryWay('a body of a POST is answered by a stream', async (t, way) => {
  const { peer } = await serveWay(t, way, (app) => { app.post('/', (request, reply) => reply.sse([{ data: request.headers['x-said'] }])) })
  const answer = (await peer()).ask('/', { method: 'POST', headers: { 'x-said': 'hello', 'content-length': '0' } })
  await answer.whole()
  t.match(answer.text, 'data: "hello"'.replaceAll('"', ''))
})

onEveryWay('a source that fails when the stream is open: stream:error, and then the response ends', async (t, way) => {
  const { peer, ends } = await serveWay(t, way, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () { yield 'begun'; await turn(); throw new Error('the secret') }))
  })
  const client = await peer()
  const answer = client.ask('/')
  await answer.whole()
  t.match(answer.text, /data: begun\n\nevent: stream:error\ndata: \{"code":"FST_EVENTFEED_SOURCE_FAILED"\}\nretry: 1\d{4}\n\n$/)
  t.notMatch(answer.text, 'secret')
  t.strictSame(await ends(1), ['failed'])
  if (way.cannot.reuse === undefined) {
    const next = client.ask('/')
    await next.whole()
    t.match(next.text, 'data: begun')
  }
})
