/** Events of the types `error` and `open` fire an EventSource's own handlers: they are sent, and warned about once. */
import { Type } from 'typebox'
import t from 'tap'
import { MISHEARD_TOLD } from '../../lib/defaults.ts'
import { eventually } from '../story/raw-client.ts'
import { serve, type LogLine } from '../story/serve.ts'

const events = { error: Type.String(), open: Type.String(), message: Type.String() }
const warnings = (log: readonly LogLine[]): string[] => log.filter(({ level, msg }) => level === 40 && msg.includes('EventSource')).map(({ msg }) => msg.split(': ')[0] ?? '').sort()

t.test('declared types are warned about when they are declared, and never again', async (t) => {
  const { app, log } = await serve(t, (app) => {
    const chat = app.feed('chat', { events })
    app.runs('answers', { events })
    app.feeds('room', { events })
    app.get('/', { schema: { events } }, (_request, reply) => reply.sse(chat.subscribe({ from: 'earliest' })))
    app.get('/list', { schema: { events } }, (_request, reply) => reply.sse([{ event: 'error', data: 'one' }]))
  })
  const owners = ['GET /', 'GET /list', 'the feed "chat"', 'the rooms "room"', 'the runs "answers"']
  const expected = owners.flatMap((owner) => ['error', 'open'].map((type) => `${owner} has events of the type ${type}`)).sort()
  t.strictSame(warnings(log), expected)
  app.feed.get('chat')?.publish({ event: 'error', data: 'sent all the same' })
  t.match((await app.inject('/list')).body, 'event: error\ndata: one\n\n')
  t.strictSame(warnings(log), expected)
  t.match(log.find(({ msg }) => msg.includes('type error'))?.msg, /an EventSource also calls its onerror, as if its connection had failed\. Give the type another name/)
  t.match(log.find(({ msg }) => msg.includes('type open'))?.msg, /calls its onopen, as if its connection had opened/)
})

t.test('undeclared types are warned about at their first event, once for each feed and route, whatever comes in between', async (t) => {
  const mixed = [
    { event: 'a', data: 1, id: 1 }, { event: 'error', data: 1, id: 2 }, { event: 'error', data: 1, id: 3 }, { event: 'a', data: 1, id: 4 }, { event: 'error', data: 'two\nlines', id: 5 },
    { event: 'open', data: 1 }, { event: 'open', data: 1, retry: 1 }
  ]
  const { app, log } = await serve(t, (app) => {
    app.get('/one', (_request, reply) => reply.sse(mixed))
    app.get('/two', (_request, reply) => reply.sse(async function * () { yield { event: 'error', data: 1, id: 1 } }))
    app.get('/three', (_request, reply) => reply.sse(async function * () { yield { event: 'error', data: 'two\nlines', id: 1 } }))
    app.get('/none', (_request, reply) => reply.sse([{ event: 'errors', data: 1, id: 1 }, { data: 'error' }, 'open']))
  })
  for (const url of ['/one', '/one', '/two', '/three', '/two', '/none']) t.equal((await app.inject(url)).statusCode, 200)
  const routes = ['GET /one has events of the type error', 'GET /one has events of the type open', 'GET /three has events of the type error', 'GET /two has events of the type error']
  t.strictSame(warnings(log), routes)

  const feed = app.feed('feed')
  const other = app.feed('other')
  for (const event of ['a', 'error', 'a', 'error', 'open', 'message']) {
    await feed.publish({ event, data: 1 })
    await other.publish({ event: event === 'open' ? 'b' : event, data: 1 })
  }
  const runs = app.runs('runs')
  for (let n = 0; n < 2; n++) await runs.start(() => [{ event: 'error', data: n }])
  await eventually(() => runs.list().every(({ state }) => state === 'done'), 'the runs end')
  for (const id of ['1', '2']) await (await app.feeds(`rooms${id}`).open('x')).publish({ event: 'open', data: 1 })
  t.strictSame(warnings(log), [
    ...routes, 'the feed "feed" has events of the type error', 'the feed "feed" has events of the type open', 'the feed "other" has events of the type error',
    'the rooms "rooms1" has events of the type open', 'the rooms "rooms2" has events of the type open', 'the runs "runs" has events of the type error'
  ])
})

t.test('what was warned about is bounded', async (t) => {
  const { app, log } = await serve(t, () => {})
  for (let n = 0; n <= MISHEARD_TOLD; n++) {
    const feed = app.feed(`feed-${n}`)
    feed.publish({ event: 'error', data: 1 })
    feed.end()
  }
  t.equal(warnings(log).length, MISHEARD_TOLD + 1)
  app.feed('feed-0').publish({ event: 'error', data: 1 })
  t.equal(warnings(log).length, MISHEARD_TOLD + 2, 'forgotten, so it is warned about again')
})
