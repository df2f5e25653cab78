import t from 'tap'
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
