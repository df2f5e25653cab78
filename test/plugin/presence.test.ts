/** Who is online, by `app.eventfeed.streams()`, and who is to leave, by `app.eventfeed.kick()` with a function. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import type { EventfeedOptions, StreamView } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve, type Served } from '../story/serve.ts'

const never = (): Promise<never> => new Promise(() => {})

/** Who opens a stream: the key is the user, the tag what the handler attaches. */
interface User { readonly name: string }

/** Streams of users in rooms: `/rooms/:room`, and `/plain` without a tag. */
function addRooms (app: FastifyInstance): void {
  app.get<{ Params: { room: string } }>('/rooms/:room', ({ headers, params: { room } }, reply) => {
    const tag = { user: { name: String(headers['x-user']) } satisfies User, room }
    return reply.sse(async function * ({ until }) { yield room; await until(never()) }, { tag })
  })
  app.get('/plain', (_request, reply) => reply.sse(async function * ({ until }) { yield 'plain'; await until(never()) }))
}

async function serveRooms (t: Test, options: EventfeedOptions = {}): Promise<Served & { open: (user: string, path: string) => Promise<RawClient> }> {
  const served = await serve(t, addRooms, { connectionKey: ({ headers }) => String(headers['x-user']), ...options })
  const open = async (user: string, path: string): Promise<RawClient> => {
    const client = await RawClient.get(t, served.port, path, { 'x-user': user })
    await client.until('data: ')
    return client
  }
  return { ...served, open }
}

const inRoom = (room: string) => ({ tag }: StreamView): boolean => (tag as { room?: string } | undefined)?.room === room

t.test('streams() gives a frozen view of each open stream, with the very tag of its handler', async (t) => {
  const clock = new ManualClock()
  const { app, open, log, empty } = await serveRooms(t, { clock })
  t.strictSame(app.eventfeed.streams(), [])
  const openedAt = clock.now()
  const ada = await open('ada', '/rooms/tea')
  clock.advance(500)
  const bob = await open('bob', '/plain')
  const views = [...app.eventfeed.streams()].sort((a, b) => a.openedAt - b.openedAt)
  const ids = log.filter(({ msg }) => msg === 'incoming request').map(({ reqId }) => reqId)
  t.strictSame(views, [
    { key: 'ada', route: 'GET /rooms/:room', tag: { user: { name: 'ada' }, room: 'tea' }, requestId: ids[0], openedAt, events: 1, bytes: Buffer.byteLength(ada.body) },
    { key: 'bob', route: 'GET /plain', tag: undefined, requestId: ids[1], openedAt: openedAt + 500, events: 1, bytes: Buffer.byteLength(bob.body) }
  ])
  t.ok(views.every((view) => Object.isFrozen(view)))
  t.notOk(Object.isFrozen(views[0]?.tag), 'the tag is the application\'s own')
  t.equal(app.eventfeed.streams(({ key }) => key === 'ada')[0]?.tag, views[0]?.tag)
  t.strictSame(app.eventfeed.streams(inRoom('tea')).map(({ key }) => key), ['ada'])
  t.strictSame(app.eventfeed.streams(() => false), [])

  ada.destroy()
  await eventually(() => app.eventfeed.streams().length === 1, 'she is not online any more')
  t.equal(views.length, 2, 'what was given stays as it is')
  bob.destroy()
  await empty()
  t.notMatch(JSON.stringify(log), '"room"', 'the tag is not in the log')
})

t.test('streams are kicked by what their handler has attached, with a reason for the log alone', async (t) => {
  const { app, open, log, ends } = await serveRooms(t)
  const ada = await open('ada', '/rooms/tea')
  const eve = await open('eve', '/rooms/tea')
  const bob = await open('bob', '/rooms/coffee')
  t.equal(app.eventfeed.kick(inRoom('milk')), 0)
  t.equal(app.eventfeed.kick(inRoom('tea'), 'the room is closed'), 2)
  for (const client of [ada, eve]) {
    await client.whole()
    t.notMatch(client.text, 'the room is closed')
  }
  t.strictSame(await ends(2), ['kick', 'kick'])
  t.equal(log.filter(({ stream }) => stream?.detail === 'the room is closed').length, 2)
  t.equal(app.eventfeed.kick(({ route }) => route === 'GET /rooms/:room'), 1, 'by route')
  await bob.whole()
})

t.test('the reason of a kick reaches a control function, and no other form', async (t) => {
  const { app, port } = await serve(t, (app) => {
    const controls = { '/worded': (control: object) => ({ data: control }), '/events': 'events', '/comments': 'comments' } as const
    for (const [path, control] of Object.entries(controls)) {
      app.get(path, (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }, { control, tag: path }))
    }
  })
  for (const path of ['/worded', '/events', '/comments']) {
    const client = await RawClient.get(t, port, path)
    await client.until('data: begun')
    t.equal(app.eventfeed.kick(({ tag }) => tag === path, 'spam'), 1)
    await (path === '/comments' ? client.closed() : client.whole())
    if (path === '/worded') t.match(client.body, 'data: {"type":"error","reason":"kick","detail":"spam"}\n')
    else t.notMatch(client.body, 'spam', path)
    client.destroy()
  }
})

t.test('a function that throws, or returns a promise, kicks nobody and ends nothing', async (t) => {
  const { app, open } = await serveRooms(t)
  const clients = [await open('ada', '/plain'), await open('bob', '/plain')]
  let asked = 0
  const secondThrows = (): boolean => {
    if (++asked === 2) throw new Error('no table of users')
    return true
  }
  for (const name of ['kick', 'streams'] as const) {
    asked = 0
    t.throws(() => app.eventfeed[name](secondThrows), { message: 'no table of users' }, name)
    const promises: Record<string, () => unknown> = {
      'a promise': async () => false,
      'one that is rejected': async () => { throw new Error('nobody hears this') },
      'a thenable': () => ({ then: (resolve: (value: boolean) => void) => { resolve(false) } })
    }
    for (const [kind, answer] of Object.entries(promises)) {
      t.throws(() => app.eventfeed[name](answer as () => boolean), {
        code: 'FST_EVENTFEED_NOT_SYNCHRONOUS', message: new RegExp(`app\\.eventfeed\\.${name}\\(\\) returned a promise, which would count as true whatever it says`)
      }, `${name}: ${kind}`)
    }
    for (const wrong of [null, 7, {}, ['ada'], Promise.resolve('ada')]) {
      t.throws(() => app.eventfeed[name](wrong as never), { code: 'FST_EVENTFEED_BAD_OPTION', message: `app.eventfeed.${name}() takes` }, name)
    }
  }
  // a user's id that is missing must not pass for nobody, nor for everybody
  t.throws(() => app.eventfeed.kick(undefined as never), { code: 'FST_EVENTFEED_BAD_OPTION', message: /a connection key, which is a string, or a function of a stream, not undefined$/ })
  t.throws(() => app.eventfeed.kick('ada', new Error('no') as never), { code: 'FST_EVENTFEED_BAD_OPTION', message: /the reason must be a string, not an instance of Error$/ })
  t.equal(app.eventfeed.streams().length, 2)
  t.notOk(clients.some(({ isClosed }) => isClosed))
})

t.test('a function may kick, and list, from within: each stream ends once, and counts once', async (t) => {
  const { app, open, ends } = await serveRooms(t)
  for (const user of ['ada', 'bob', 'eve']) await open(user, '/plain')
  let inner = 0
  const outer = app.eventfeed.kick(({ key }) => {
    if (key === 'bob') inner += app.eventfeed.kick('ada', 'from within')
    t.ok(app.eventfeed.streams(({ key }) => key === 'eve').length <= 1)
    return true
  })
  t.same((await ends(3)).sort(), ['kick', 'kick', 'kick'])
  t.equal(inner, 1)
  // who was kicked from within may still be sending its last bytes
  t.ok(outer === 2 || outer === 3, `${outer}`)
  await eventually(() => app.eventfeed.stats().connections === 0, 'all are over')
  t.equal(app.eventfeed.stats().ended.kick, 3)
})

t.test('a handler that asks who is online is among them, and a pipelined stream that waits is kicked by its tag', async (t) => {
  const { app, port } = await serve(t, (app) => {
    addRooms(app)
    app.get('/self', (_request, reply) => reply.sse(() => [{ data: app.eventfeed.streams(({ tag }) => tag === 'self').length }], { tag: 'self' }))
  })
  t.match((await app.inject('/self')).body, 'data: 1\n')
  const client = await RawClient.get(t, port, '/plain', { accept: 'text/event-stream', 'cache-control': 'no-cache' })
  await client.until('data: plain')
  client.ask('/rooms/tea', { accept: 'text/event-stream', 'cache-control': 'no-cache' })
  let asked: StreamView | undefined
  await eventually(() => {
    app.eventfeed.kick((stream) => { if (inRoom('tea')(stream)) asked = stream; return false })
    return asked !== undefined
  }, 'the function is asked about who waits')
  t.match(asked, { route: 'GET /rooms/:room', events: 0, bytes: 0 })
  t.equal(app.eventfeed.streams().length, 1, 'who waits is not online')
  t.equal(app.eventfeed.kick(inRoom('tea')), 0, 'nor was it open')
  app.eventfeed.kick(({ route }) => route === 'GET /plain')
  await client.until(': this stream could not begin: come back later\nretry: ')
  t.equal(app.eventfeed.stats().refused['not-begun'], 1)
  t.equal(app.eventfeed.stats().opened, 2)
})

t.test('nobody looks into a tag: what it holds may throw', async (t) => {
  const unbearable = new Proxy({}, { get () { throw new Error('a getter') }, ownKeys () { throw new Error('the keys') }, has () { throw new Error('has') } })
  const { app, port, ends } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }) { yield 'begun'; await until(never()) }, { tag: unbearable }))
    app.get('/getter', (_request, reply) => reply.sse(['no'], { get tag () { throw new Error('no tag') } }))
  })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: begun')
  t.equal(app.eventfeed.streams()[0]?.tag, unbearable)
  t.throws(() => app.eventfeed.kick(({ tag }) => (tag as { name: string }).name === 'ada'), { message: 'a getter' })
  t.equal(app.eventfeed.kick(({ tag }) => tag === unbearable), 1)
  t.strictSame(await ends(1), ['kick'])
  const response = await app.inject('/getter')
  t.equal(response.statusCode, 500)
  t.equal(response.json<{ message: string }>().message, 'no tag')
  t.equal(app.eventfeed.stats().opened, 1)
})

t.test('a tag is an option of one stream, and none of the plugin', async (t) => {
  await t.rejects(serve(t, () => {}, { tag: 'all' } as EventfeedOptions), { code: 'FST_EVENTFEED_BAD_OPTION', message: /no option "tag"/ })
})
