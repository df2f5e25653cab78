import t from 'tap'
import { listen, openApp, read } from './app.ts'

t.test('each second the clock gives a count and the time, and nothing else', async (t) => {
  const { origin } = await listen(t)
  const stream = await read(t, `${origin}/clock/events`)
  t.match(stream.response.headers.get('content-type'), /^text\/event-stream/)

  const events = (await stream.take(2)).map(({ event, id, data }) => ({ event: event ?? 'message', id, tick: JSON.parse(data) }))
  t.same(events.map(({ event, id, tick }) => [event, id, tick.count]), [['message', '1', 1], ['message', '2', 2]])
  for (const { tick } of events) {
    t.same(Object.keys(tick), ['count', 'time'])
    t.equal(new Date(tick.time).toISOString(), tick.time)
  }
})

t.test('a client that comes back goes on counting from its last event', async (t) => {
  const { origin } = await listen(t)
  const [resumed, garbage] = await Promise.all([
    read(t, `${origin}/clock/events`, { 'last-event-id': '41' }),
    read(t, `${origin}/clock/events`, { 'last-event-id': 'no number' })
  ])
  const [[next], [first]] = await Promise.all([resumed.take(1), garbage.take(1)])
  t.equal(next?.id, '42')
  t.equal(first?.id, '1', 'what is no count of the clock begins anew')
})

t.test('a stream id that is too long or given twice is refused by name', async (t) => {
  const app = await openApp(t)
  for (const query of [`stream=${'x'.repeat(65)}`, 'stream=', 'stream=a&stream=b']) {
    const response = await app.inject(`/clock/events?${query}`)
    t.equal(response.statusCode, 400, query)
    t.match(response.json().message, /^querystring\/stream /)
  }
})
