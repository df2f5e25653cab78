import { setMaxListeners } from 'node:events'
import t from 'tap'
import { eventually } from '../story/raw-client.ts'
import { listen, openApp, read } from './app.ts'

type App = Awaited<ReturnType<typeof openApp>>

const say = async (app: App, from: string, text: string): Promise<string> => {
  const response = await app.inject({ method: 'POST', url: '/chat/messages', body: { from, text } })
  if (response.statusCode !== 201) throw new Error(response.body)
  return response.json().id
}
const befriend = (app: App, user: string, friends: unknown) => app.inject({ method: 'PUT', url: `/chat/friends/${encodeURIComponent(user)}`, body: { friends } as object })

t.test('a simple message is exactly { from, text }', async (t) => {
  const { app, origin } = await listen(t)
  const stream = await read(t, `${origin}/chat-updates`)
  const id = await say(app, 'bob', 'hi\nthere')
  t.same(await stream.take(1), [{ event: undefined, id, data: '{"from":"bob","text":"hi\\nthere"}' }])
})

t.test('a detailed message is exactly { id, from, text, at, friend }', async (t) => {
  const { app, origin } = await listen(t)
  await befriend(app, 'ada', ['bob'])
  const stream = await read(t, `${origin}/chat-updates?format=detailed&user=ada`)
  const ids = [await say(app, 'bob', 'hi'), await say(app, 'cleo', 'hello')]
  const messages = (await stream.take(2)).map(({ data }) => JSON.parse(data))
  for (const { at } of messages) t.equal(new Date(at).toISOString(), at, 'at is in ISO 8601')
  t.same(messages.map(({ at, ...rest }) => rest), [
    { id: ids[0], from: 'bob', text: 'hi', friend: true },
    { id: ids[1], from: 'cleo', text: 'hello', friend: false }
  ])
})

t.test('a friends-only stream follows a change from the next message on, and one\'s own always pass', async (t) => {
  const { app, origin } = await listen(t)
  const stream = await read(t, `${origin}/chat-updates?friends=true&user=ada`)
  await say(app, 'bob', 'not yet a friend')
  await say(app, 'ada', 'my own')
  await befriend(app, 'ada', ['bob'])
  await say(app, 'bob', 'now a friend')
  await befriend(app, 'ada', ['cleo'])
  await say(app, 'bob', 'no longer one')
  await say(app, 'cleo', 'another')
  t.same((await stream.take(3)).map(({ data }) => JSON.parse(data).text), ['my own', 'now a friend', 'another'])
})

t.test('a friends-only stream that comes back is caught up by the friends of that moment, and each of a user\'s streams follows a change', async (t) => {
  const { app, origin } = await listen(t)
  await befriend(app, 'ada', ['bob'])
  const [one, two] = await Promise.all([1, 2].map(() => read(t, `${origin}/chat-updates?friends=true&user=ada`)))
  if (one === undefined || two === undefined) return t.fail()
  const { id = '' } = await one.next()
  one.close()
  await befriend(app, 'ada', ['bob', 'cleo'])
  const ids = [await say(app, 'bob', '1'), await say(app, 'dan', '2'), await say(app, 'cleo', '3')]
  t.same((await two.take(2)).map((event) => event.id), [ids[0], ids[2]])
  const back = await read(t, `${origin}/chat-updates?friends=true&user=ada`, { 'last-event-id': id })
  t.same((await back.take(2)).map((event) => event.id), [ids[0], ids[2]])
})

t.test('one\'s own messages pass also when one has been one\'s own friend', async (t) => {
  const { app, origin } = await listen(t)
  const stream = await read(t, `${origin}/chat-updates?friends=true&user=ada`)
  await befriend(app, 'ada', ['ada', 'bob'])
  await befriend(app, 'ada', ['cleo'])
  await say(app, 'bob', 'not a friend any more')
  await say(app, 'ada', 'my own')
  t.same((await stream.take(1)).map(({ data }) => JSON.parse(data).text), ['my own'])
})

t.test('friendship goes one way, and is each user\'s own', async (t) => {
  const { app, origin } = await listen(t)
  await befriend(app, 'ada', ['bob'])
  const stream = await read(t, `${origin}/chat-updates?friends=true&user=bob`)
  await say(app, 'ada', 'she likes him')
  await say(app, 'bob', 'he does not know')
  t.same((await stream.take(1)).map(({ data }) => JSON.parse(data).from), ['bob'])
})

t.test('a client that comes back misses nothing and gets nothing twice, by header or by query', async (t) => {
  const { app, origin } = await listen(t)
  const first = await read(t, `${origin}/chat-updates`)
  const ids = [await say(app, 'ada', '1'), await say(app, 'ada', '2'), await say(app, 'ada', '3')]
  await first.take(1)
  first.close()

  const byHeader = await read(t, `${origin}/chat-updates?lastEventId=${ids[2]}`, { 'last-event-id': ids[0] ?? '' })
  t.same((await byHeader.take(2)).map(({ id }) => id), ids.slice(1), 'the header is newer than the address')
  const byQuery = await read(t, `${origin}/chat-updates?format=detailed&lastEventId=${ids[1]}`)
  t.same((await byQuery.take(1)).map(({ id }) => id), ids.slice(2))
})

t.test('a first connect begins with what is new, or on request with what the feed still has', async (t) => {
  const { app, origin } = await listen(t)
  await say(app, 'ada', 'old')
  const [news, history] = await Promise.all([read(t, `${origin}/chat-updates`), read(t, `${origin}/chat-updates?history=true`)])
  await say(app, 'ada', 'new')
  t.same((await news.take(1)).map(({ data }) => JSON.parse(data).text), ['new'])
  t.same((await history.take(2)).map(({ data }) => JSON.parse(data).text), ['old', 'new'])
  await befriend(app, 'bob', ['cleo'])
  await say(app, 'cleo', 'of a friend')
  const friendly = await read(t, `${origin}/chat-updates?history=true&friends=true&user=bob`)
  t.same((await friendly.take(1)).map(({ data }) => JSON.parse(data).text), ['of a friend'])
})

t.test('a wrong or repeated query parameter is refused by name', async (t) => {
  const app = await openApp(t)
  const wrong = [
    'friends=perhaps', 'friends=', 'friends=true&friends=false', 'format=fancy', 'format=', 'format=simple&format=detailed',
    'user=', `user=${'x'.repeat(65)}`, 'user=ada&user=bob', 'history=2', 'stream=', `stream=${'x'.repeat(65)}`
  ]
  for (const query of wrong) {
    const response = await app.inject(`/chat-updates?${query}`)
    t.equal(response.statusCode, 400, query)
    t.match(response.json().message, new RegExp(`^querystring/${query.split('=')[0]} `))
  }
})

t.test('the longest user name is taken', async (t) => {
  const { app, origin } = await listen(t)
  const user = '\u{1F98A}'.repeat(64)
  const stream = await read(t, `${origin}/chat-updates?friends=true&user=${encodeURIComponent(user)}`)
  await say(app, user, 'my own')
  t.equal((await stream.take(1)).length, 1)
})

t.test('a wrong message is refused by the name of its field', async (t) => {
  const app = await openApp(t)
  const post = (body: unknown) => app.inject({ method: 'POST', url: '/chat/messages', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
  const wrong: Array<[field: string, body: unknown]> = [
    ['from', { text: 'hi' }], ['from', { from: '', text: 'hi' }], ['from', { from: 'x'.repeat(65), text: 'hi' }], ['from', { from: 5, text: 'hi' }], ['from', { from: null, text: 'hi' }],
    ['text', { from: 'ada' }], ['text', { from: 'ada', text: '' }], ['text', { from: 'ada', text: 'x'.repeat(4_001) }], ['text', { from: 'ada', text: ['hi'] }]
  ]
  for (const [field, body] of wrong) {
    const response = await post(body)
    t.equal(response.statusCode, 400, JSON.stringify(body).slice(0, 60))
    t.match(response.json().message, new RegExp(`^body.*${field}`))
  }
  for (const body of [[], 'hi', null]) t.match((await post(body)).json(), { statusCode: 400, message: /^body/ })

  const accepted = await post({ from: 'x'.repeat(64), text: 'x'.repeat(4_000), extra: 'is not kept' })
  t.equal(accepted.statusCode, 201)
  t.same(Object.keys(accepted.json()), ['id'])
})

t.test('a list of friends is replaced, and given back as it is', async (t) => {
  const app = await openApp(t)
  // Fastify before 5.5 has no option `routerOptions`, and refuses parameters of more than 100 bytes
  const longest = 'routerOptions' in app.initialConfig ? '\u{1F98A}'.repeat(64) : 'x'.repeat(64)
  const get = (user: string) => app.inject(`/chat/friends/${encodeURIComponent(user)}`)
  t.same((await get('ada')).json(), { friends: [] })
  for (const friends of [['bob', 'cleo'], ['\u{1F98A}'.repeat(64)], Array.from({ length: 1_000 }, (_, index) => `friend ${index}`), []]) {
    for (const user of ['ada', 'a/b ?&=ü', '__proto__', longest]) {
      const response = await befriend(app, user, friends)
      t.equal(response.statusCode, 200)
      t.same(response.json(), { friends })
      t.same((await get(user)).json(), { friends })
    }
  }
})

t.test('a wrong list of friends is refused by the name of its field', async (t) => {
  const app = await openApp(t)
  const wrong = [undefined, 'bob', null, 5, {}, [''], ['x'.repeat(65)], [5], [null], Array.from({ length: 1_001 }, (_, index) => String(index))]
  for (const friends of wrong) {
    const response = await befriend(app, 'ada', friends)
    t.equal(response.statusCode, 400, JSON.stringify(friends)?.slice(0, 40))
    t.match(response.json().message, /^body.*friends/)
  }
  for (const user of ['x'.repeat(65), '']) {
    const response = await befriend(app, user, [])
    t.equal(response.statusCode, 400)
    t.match(response.json().message, /^params\/user /)
  }
})

t.test('the longest text is taken however it is written, and a body longer than any message is refused', async (t) => {
  const app = await openApp(t)
  const headers = { 'content-type': 'application/json' }
  const post = (body: string) => app.inject({ method: 'POST', url: '/chat/messages', headers, body })
  t.equal((await post(`{"from":"ada","text":"${'\\ud83e\\udd8a'.repeat(4_000)}"}`)).statusCode, 201)
  t.equal((await post(JSON.stringify({ from: 'ada', text: 'hi', extra: 'x'.repeat(64 * 1024) }))).statusCode, 413)
})

t.test('one address may open 100 streams, and the next is refused', async (t) => {
  const app = await openApp(t)
  const leaving = new AbortController()
  setMaxListeners(Infinity, leaving.signal)
  const request = { url: '/chat-updates', headers: { accept: '*/*' }, payloadAsStream: true, signal: leaving.signal } as const
  const open = () => app.inject(request)
  for (let count = 1; count <= 100; count++) t.equal((await open()).statusCode, 200)
  t.equal((await open()).statusCode, 429)
  leaving.abort()
  await eventually(() => app.eventfeed.stats().connections === 0, 'all have left')
  t.equal((await app.inject({ method: 'HEAD', url: '/chat-updates' })).statusCode, 200)
})

t.test('when a user with 200 open streams has 1,000 other friends, that costs about as much as with one', async (t) => {
  const app = await openApp(t, { eventfeed: { maxConnectionsPerKey: Infinity } })
  const leaving = new AbortController()
  setMaxListeners(Infinity, leaving.signal)
  t.teardown(() => leaving.abort())
  let opened = 0
  const open = async (count: number) => {
    const request = { url: '/chat-updates?friends=true', payloadAsStream: true, signal: leaving.signal } as const
    for (; opened < count; opened++) await app.inject(request)
  }
  // the least CPU time of several rounds, because other programs run beside the tests
  const leastMs = async () => {
    let least = Infinity
    for (let round = 0; round < 5; round++) {
      const friends = Array.from({ length: 1_000 }, (_, index) => `${opened} ${round} ${index}`)
      const before = process.cpuUsage()
      t.equal((await befriend(app, 'ada', friends)).statusCode, 200)
      const { user, system } = process.cpuUsage(before)
      least = Math.min(least, (user + system) / 1000)
    }
    return least
  }
  await open(1)
  const one = await leastMs()
  await open(200)
  const many = await leastMs()
  t.ok(many < 10 * one + 50, `${one} ms with one, ${many} ms with 200`)
})

t.test('when all lists together are full, a longer one is refused and changes nothing', async (t) => {
  const app = await openApp(t)
  const friends = Array.from({ length: 1_000 }, (_, index) => String(index))
  for (let user = 0; user < 100; user++) t.equal((await befriend(app, `user ${user}`, friends)).statusCode, 200)
  const refused = await befriend(app, 'ada', ['bob'])
  t.equal(refused.statusCode, 409)
  t.match(refused.json().message, /body\/friends.*100000 names/)
  t.same((await app.inject('/chat/friends/ada')).json(), { friends: [] })
})
