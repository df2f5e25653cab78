/** In whose `AsyncLocalStorage` context the functions of a subscription run, whoever publishes, reads or asks. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import t from 'tap'
import type { SubscribeOptions } from '../../lib/subscription/options.ts'
import type { EntryView } from '../../lib/feed/entry.ts'
import { ManualClock } from '../clock.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'
import { appOf, listen, Listener } from './listener.ts'
import { feedOf, OpenStream, turn, until, type FeedMade } from './open-stream.ts'

const users = new AsyncLocalStorage<string>()

/** Writes down who was seen. */
function watched (): { seen: Array<string | undefined>, where: (view: EntryView) => boolean } {
  const seen: Array<string | undefined> = []
  return { seen, where: () => { seen.push(users.getStore()); return true } }
}

const all = (seen: unknown[], user: string): boolean => seen.length > 0 && seen.every((one) => one === user)

const FEEDS: ReadonlyArray<[string, FeedMade, SubscribeOptions]> = [
  ['in a fan-out', {}, {}],
  ['with keys', {}, { keys: ['a'] }],
  ['where missed entries are conflated', { mode: 'latest', maxLagBytes: 1 }, {}],
  ['in pages from before the window', { log: new PagedLog(), retain: { entries: 1 } }, { from: 'earliest' }]
]

for (const [what, made, options] of FEEDS) {
  t.test(`a filter runs in the context in which its stream was opened, ${what}`, async (t) => {
    const feed = feedOf(made)
    const { seen, where } = watched()
    // made where there is no user: each stream is asked for by one
    const shared = feed.subscribe({ ...options, where })
    for (const user of ['ada', 'bob']) {
      seen.length = 0
      const stream = users.run(user, () => new OpenStream(shared))
      for (const isStalled of [false, true, false]) {
        stream.isStalled = isStalled
        await users.run('eve', async () => {
          for (const data of [1, 2, 3]) await feed.publish({ event: 'message', data, key: 'a' })
          await turn()
          if (isStalled) stream.resume()
        })
        await setImmediate()
      }
      await until(() => stream.data.at(-1) === 3, 'it gets them')
      t.ok(all(seen, user), `${user}: ${seen.join()}`)
      stream.close()
    }
  })
}

t.test('two users, one feed: each filter sees its own user, whoever publishes', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('chat')
  app.addHook('onRequest', (request, _reply, done) => { users.run(String(request.headers['x-user'] ?? new URL(request.url, 'http://a').searchParams.get('user')), done) })
  app.get('/', (_request, reply) => reply.sse(feed.subscribe({ where: ({ data }) => (data as { to: string }).to === users.getStore() })))
  app.post('/', async () => feed.publish({ event: 'message', data: { to: 'ada', by: users.getStore() } }))
  await listen(app)
  const ada = await (await Listener.open(t, app, '/?user=ada')).opening()
  const bob = await (await Listener.open(t, app, '/?user=bob')).opening()
  for (const user of ['bob', 'ada', 'eve']) await app.inject({ method: 'POST', url: '/', headers: { 'x-user': user } })
  await feed.publish({ event: 'message', data: { to: 'bob' } })
  t.strictSame((await ada.count(3)).data, ['bob', 'ada', 'eve'].map((by) => ({ to: 'ada', by })))
  t.strictSame((await bob.count(1)).data, [{ to: 'bob' }])
})

t.test('a projection runs in the context of the first stream that uses it: of the only one, where it is made for a user', async (t) => {
  const feed = feedOf()
  const as = () => ({ data: users.getStore() ?? 'nobody' })
  const own = ['ada', 'bob'].map((user) => users.run(user, () => new OpenStream(feed.subscribe({ as: () => as() }))))
  const shared = ['ada', 'bob'].map((user) => users.run(user, () => new OpenStream(feed.subscribe({ as }))))
  await users.run('eve', async () => {
    feed.publish({ event: 'message', data: 1 })
    await turn()
  })
  const made = (stream: OpenStream): string[] => stream.own.map(({ data }) => data)
  t.strictSame(own.map(made), [['ada'], ['bob']])
  t.strictSame(shared.map(made), [['ada'], ['ada']], 'what it makes is shared')
  for (const stream of [...own, ...shared]) stream.close()
})

t.test('a state in place of a gap is asked for in the context of its stream', async (t) => {
  const feed = feedOf({ mode: 'skip', retain: { entries: 2 } })
  const seen: unknown[] = []
  const snapshot = () => { seen.push(users.getStore()); return [] }
  const stream = users.run('ada', () => new OpenStream(feed.subscribe({ initial: snapshot, onGap: snapshot })))
  stream.stall()
  await users.run('eve', async () => {
    for (let data = 1; data <= 5; data++) feed.publish({ event: 'message', data })
    await turn()
    stream.resume()
    await until(() => seen.length === 2, 'it is asked')
  })
  t.strictSame(seen, ['ada', 'ada'])
  stream.close()
})

t.test('a filter of a loop runs in the context in which the loop began', async (t) => {
  const feed = feedOf()
  const { seen, where } = watched()
  const loop = users.run('ada', () => feed.subscribe({ where })[Symbol.asyncIterator]())
  const next = users.run('bob', () => loop.next())
  users.run('eve', () => { feed.publish({ event: 'message', data: 1 }) })
  t.match(await next, { value: { data: 1 } })
  t.strictSame(seen, ['ada'])
  await loop.return?.()
})

t.test('what a filter throws, and that it keeps its stream from an entry, is the same in any context', async (t) => {
  const feed = feedOf()
  const stream = users.run('ada', () => new OpenStream(feed.subscribe({ where: ({ data }) => { if (data === 2) throw new Error(users.getStore()); return data !== 3 } })))
  for (const data of [1, 2, 3, 4]) feed.publish({ event: 'message', data })
  await turn()
  t.match([stream.data, stream.gaps], [[1, 4], [{ reason: 'failed' }]])
  stream.close()
})

t.test('recheck runs in the context of its own request, though a timer asks', async (t) => {
  const clock = new ManualClock()
  const seen: unknown[] = []
  const userOf = (url: string): string => new URL(url, 'http://a').searchParams.get('user') ?? ''
  const { port } = await serve(t, (app) => {
    app.addHook('onRequest', (request, _reply, done) => { users.run(userOf(request.url), done) })
    const feed = app.feed('chat')
    app.get('/', (_request, reply) => reply.sse(feed.subscribe()))
  }, {
    clock,
    recheck: async (request) => {
      await setImmediate()
      seen.push([userOf(request.url), users.getStore()])
      return true
    }
  })
  for (const user of ['ada', 'bob']) await (await RawClient.get(t, port, `/?user=${user}`)).until('bookmark')
  for (let round = 1; round <= 2; round++) {
    users.run('eve', () => { clock.advance(60_000) })
    await eventually(() => seen.length === 2 * round, 'both are asked')
  }
  t.strictSame(seen.sort(), [['ada', 'ada'], ['ada', 'ada'], ['bob', 'bob'], ['bob', 'bob']])
})
