import t from 'tap'
import { eventually, RawClient } from '../story/raw-client.ts'
import { listen, openApp, read } from './app.ts'

t.test('the line of a stream is cut once, and forgotten', async (t) => {
  const { app, origin } = await listen(t)
  const cut = async (stream: string) => (await app.inject({ method: 'POST', url: '/cut', query: { stream } })).statusCode
  const [mine, theirs] = await Promise.all([
    read(t, `${origin}/chat-updates?stream=mine`),
    read(t, `${origin}/chat-updates?stream=theirs`)
  ])
  await mine.next()
  await theirs.next()

  t.equal(await cut('mine'), 204)
  await t.rejects(mine.next(), 'the client sees its line end')
  t.equal(await cut('mine'), 404)

  await app.inject({ method: 'POST', url: '/chat/messages', body: { from: 'ada', text: 'still there?' } })
  t.match(await theirs.take(1), [{ data: JSON.stringify({ from: 'ada', text: 'still there?' }) }], 'another stream is not touched')
})

t.test('the clock can be cut too', async (t) => {
  const { app, origin } = await listen(t)
  const stream = await read(t, `${origin}/clock/events?stream=tick`)
  t.equal((await app.inject({ method: 'POST', url: '/cut?stream=tick' })).statusCode, 204)
  await t.rejects(stream.next())
})

t.test('two open streams of one id are both cut, and one that leaves does not take the id from the other', async (t) => {
  const { app, origin } = await listen(t)
  const cut = async () => (await app.inject({ method: 'POST', url: '/cut?stream=same' })).statusCode
  const open = async () => {
    const stream = await read(t, `${origin}/chat-updates?stream=same`)
    await stream.next()
    return stream
  }
  const [first, second] = [await open(), await open()]
  second.close()
  await eventually(() => app.eventfeed.stats().connections === 1, 'the second has left')
  if (!t.equal(await cut(), 204, 'the first is still found')) return
  await t.rejects(first.next())

  const both = [await open(), await open()]
  t.equal(await cut(), 204)
  for (const stream of both) await t.rejects(stream.next())
  t.equal(await cut(), 404)
})

t.test('the ids of pipelined streams are forgotten when their socket is gone, and of refused ones at once', async (t) => {
  const { app, origin } = await listen(t, { eventfeed: { maxConnectionsPerKey: 3 } })
  const cut = async (id: number) => (await app.inject({ method: 'POST', url: `/cut?stream=${id}` })).statusCode
  const routes = ['/chat-updates?friends=true&', '/clock/events?', '/ticker/events?']
  const paths = Array.from({ length: 30 }, (_, id) => `${routes[id % routes.length]}stream=${id}`)
  const client = await RawClient.connect(t, Number(new URL(origin).port))
  for (const path of paths) client.ask(path)
  await client.until('stream:bookmark')
  client.destroy()
  await eventually(() => app.eventfeed.stats().connections === 0, 'all streams have ended')
  for (const id of paths.keys()) t.equal(await cut(id), 404, `stream ${id}`)
})

t.test('a stream id that is unknown, missing, too long or given twice is refused in JSON', async (t) => {
  const app = await openApp(t)
  const cut = (url: string) => app.inject({ method: 'POST', url })
  const unknown = await cut('/cut?stream=nobody')
  t.equal(unknown.statusCode, 404)
  t.same(unknown.json(), { statusCode: 404, error: 'Not Found', message: 'No open stream has the id "nobody"' })
  t.equal((await cut(`/cut?stream=${'x'.repeat(64)}`)).statusCode, 404, 'the longest id')
  for (const url of ['/cut', '/cut?stream=', `/cut?stream=${'x'.repeat(65)}`, '/cut?stream=a&stream=b']) {
    const response = await cut(url)
    t.equal(response.statusCode, 400, url)
    t.match(response.json().message, /stream/)
  }
})
