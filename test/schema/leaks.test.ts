/** Leak traps: what a schema does not name never leaves the server. Each looks at all bytes of a stream from a real socket. */
import Fastify from 'fastify'
import t, { type Test } from 'tap'
import { Type, type TSchema } from 'typebox'
import eventfeed, { projection, type EntryView, type SubscribeOptions } from '../../lib/index.ts'
import { appOf, listen, Listener } from '../feed/listener.ts'

const Simple = Type.Object({ from: Type.String(), text: Type.String() })
const Detailed = Type.Object({ from: Type.String(), text: Type.String(), note: Type.String() })
const FULL = { from: 'ada', text: 'hi', note: 'detail', secret: 'SECRET', nested: { secret: 'SECRET' } }

/** Streams the one event FULL of a feed without a schema, through a route with this one. */
async function streamed (t: Test, message: TSchema, subscribe: SubscribeOptions = {}, feedSchema?: TSchema): Promise<Listener> {
  const app = await appOf(t)
  const feed = app.feed('chat', feedSchema === undefined ? {} : { events: { message: feedSchema } } as object)
  app.get('/', { schema: { events: { message } } }, async (_request, reply) => reply.sse(feed.subscribe(subscribe) as never))
  await listen(app)
  await feed.publish({ event: 'message', data: FULL })
  const listener = await Listener.open(t, app, '/', feed.stats().entries === 1 ? 'garbage' : undefined)
  return listener.status === 200 ? await listener.until((at) => at.own.length > 0 || poisoned(at).length > 0 || at.hasEnded) : await listener.ended()
}

/** The gaps that stand for entries that could not be written. */
function poisoned (listener: Listener): unknown[] {
  return listener.control('gap').filter(({ data }) => JSON.parse(data).reason === 'failed')
}

t.test('a generator: what the schema does not name stays', async (t) => {
  const app = await appOf(t)
  app.get('/', { schema: { events: { message: Simple } } }, (_request, reply) => reply.sse(function * () {
    yield { data: FULL }
    yield { event: 'message' as const, data: { ...FULL, text: 'again' } }
  }))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).ended()
  t.strictSame(listener.data, [{ from: 'ada', text: 'hi' }, { from: 'ada', text: 'again' }])
  t.notMatch(listener.text, /SECRET|note/)
})

t.test('a subscription: live and replayed, what the schema does not name stays', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('chat')
  app.get('/', { schema: { events: { message: Simple } } }, (_request, reply) => reply.sse(feed.subscribe() as never))
  await listen(app)
  const live = await (await Listener.open(t, app, '/')).opening()
  await feed.publish({ event: 'message', data: FULL })
  await live.count(1)
  const replayed = await (await Listener.open(t, app, '/', live.control('bookmark')[0]?.id)).count(1)
  for (const listener of [live, replayed]) {
    t.strictSame(listener.data, [{ from: 'ada', text: 'hi' }])
    t.notMatch(listener.text, /SECRET|note/)
  }
})

t.test('a feed: what its own schema does not name is not kept, so no filter sees it', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('chat', { events: { message: Simple } })
  const seen: unknown[] = []
  app.get('/', (_request, reply) => reply.sse(feed.subscribe({ where: ({ data }) => seen.push(data) })))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).opening()
  await feed.publish({ event: 'message', data: FULL })
  await listener.count(1)
  t.strictSame(seen, [{ from: 'ada', text: 'hi' }])
  t.notMatch(listener.text, /SECRET|note/)
})

t.test('two routes that share a projection, but not a schema, share no bytes', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('chat')
  const as = ({ data }: EntryView): { data: unknown } => ({ data })
  const schemas = { '/simple': Simple, '/detailed': Detailed }
  for (const [path, message] of Object.entries(schemas)) {
    app.get(path, { schema: { events: { message } } }, (_request, reply) => reply.sse(feed.subscribe({ as }) as never))
  }
  app.get('/bare', (_request, reply) => reply.sse(feed.subscribe({ as })))
  await listen(app)
  const open = async (path: string): Promise<Listener> => await (await Listener.open(t, app, path)).opening()
  // two of each, so that forms are cached, and the widest first
  const bare = [await open('/bare'), await open('/bare')]
  const detailed = [await open('/detailed'), await open('/detailed')]
  const simple = [await open('/simple'), await open('/simple')]
  await feed.publish({ event: 'message', data: FULL })
  for (const listener of bare) t.strictSame((await listener.count(1)).data, [FULL])
  for (const listener of detailed) t.strictSame((await listener.count(1)).data, [{ from: 'ada', text: 'hi', note: 'detail' }])
  for (const listener of simple) {
    t.strictSame((await listener.count(1)).data, [{ from: 'ada', text: 'hi' }])
    t.notMatch(listener.text, /SECRET|note/)
  }
})

t.test('a union: a projection says which member the data is, and neither more nor less leaves', async (t) => {
  for (const members of [[Simple, Detailed], [Detailed, Simple]]) {
    const Union = Type.Union(members)
    const detailed = await streamed(t, Union, { as: projection(Detailed, () => ({ data: FULL })) })
    t.strictSame(detailed.data, [{ from: 'ada', text: 'hi', note: 'detail' }], 'the first member does not drop what only the second names')
    const simple = await streamed(t, Union, { as: projection(Simple, () => ({ data: FULL })) })
    t.strictSame(simple.data, [{ from: 'ada', text: 'hi' }])
  }
})

t.test('a union that cannot tell its members apart is refused, with what to do, where nothing names a member', async (t) => {
  const Other = Type.Object({ from: Type.String() })
  const Union = Type.Union([Simple, Detailed])
  const stranger = await streamed(t, Union, { as: projection(Other, () => ({ data: FULL })) })
  t.strictSame([stranger.own, poisoned(stranger).length], [[], 1], 'the schema of the projection is no member: a gap stands for the event')
  t.notMatch(stranger.text, /SECRET|note/)
  for (const as of [undefined, () => ({ data: FULL })]) {
    const refused = await streamed(t, Union, { as })
    t.equal(refused.status, 500)
    const body = JSON.parse(refused.text) as { code: string, message: string }
    t.equal(body.code, 'FST_EVENTFEED_AMBIGUOUS_UNION')
    t.match(body.message, /"message".*projection\(Member, fn\)/)
  }
})

t.test('a union without a projection is written by the member that the feed declares', async (t) => {
  t.strictSame((await streamed(t, Type.Union([Simple, Detailed]), {}, Detailed)).data, [{ from: 'ada', text: 'hi', note: 'detail' }])
})

t.test('unions that tell their members apart need no projection, and drop nothing', async (t) => {
  const closed = Type.Union([Type.Object({ from: Type.String() }, { additionalProperties: false }), Type.Object({ from: Type.String(), text: Type.String() }, { additionalProperties: false })])
  const distinct = Type.Union([
    Type.Object({ kind: Type.Literal('a'), from: Type.String() }), Type.Object({ kind: Type.Literal('b'), from: Type.String(), text: Type.String() })
  ])
  const app = await appOf(t)
  app.get('/', { schema: { events: { closed, distinct, nullable: Type.Union([Simple, Type.Null()]) } } }, (_request, reply) => reply.sse(function * () {
    yield { event: 'closed' as const, data: { from: 'ada', text: 'hi' } }
    yield { event: 'distinct' as const, data: { kind: 'b' as const, from: 'ada', text: 'hi', secret: 'SECRET' } }
    yield { event: 'nullable' as const, data: FULL }
    yield { event: 'nullable' as const, data: null }
  }))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).ended()
  t.strictSame(listener.data, [{ from: 'ada', text: 'hi' }, { kind: 'b', from: 'ada', text: 'hi' }, { from: 'ada', text: 'hi' }, null])
})

/** Schemas that `compileEvents` must refuse, because their serializer would silently drop what only one member names. */
const ambiguous: Array<[title: string, schema: object, shared?: object]> = [
  ['in a property', Type.Object({ inner: Type.Union([Simple, Detailed]) })],
  ['in the items of an array', Type.Array(Type.Union([Simple, Detailed]))],
  ['behind a $ref', { type: 'object', properties: { inner: { $ref: 'Either#' } } }, { $id: 'Either', anyOf: [{ ...Simple }, { ...Detailed }] }],
  ['in a shared schema that a $ref names', { $ref: 'Either#' }, { $id: 'Either', anyOf: [{ ...Simple }, { ...Detailed }] }],
  ['behind a $ref within the schema', { type: 'object', properties: { inner: { $ref: '#/definitions/Either' } }, definitions: { Either: { anyOf: [{ ...Simple }, { ...Detailed }] } } }],
  ['whose closed members hold open ones', Type.Object({
    outer: Type.Union([
      Type.Object({ inner: Simple }, { additionalProperties: false }), Type.Object({ inner: Detailed }, { additionalProperties: false })
    ])
  })],
  ['of arrays', Type.Object({ list: Type.Union([Type.Array(Simple), Type.Array(Detailed)]) })]
]

for (const [title, message, shared] of ambiguous) {
  t.test(`a union ${title} never drops anything silently`, async (t) => {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(eventfeed)
    if (shared !== undefined) app.addSchema(shared)
    const feed = app.feed('chat')
    app.get('/', { schema: { events: { message: message as TSchema } } }, (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' }) as never))
    let code: string | undefined
    try {
      await app.ready()
      await feed.publish({ event: 'message', data: {} })
      const answer = app.inject('/')
      // where the schema was accepted the stream would stay open
      feed.end()
      code = (await answer).json<{ code: string }>().code
    } catch (error) {
      code = (error as { code: string }).code
    }
    t.match(code, /^FST_EVENTFEED_(BAD_SCHEMA|AMBIGUOUS_UNION)$/)
  })
}

t.test('string data where the schema is an object is refused: it would pass by the schema as ready JSON', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('chat', { events: { message: Simple } })
  t.throws(() => feed.publish({ event: 'message', data: JSON.stringify(FULL) as never }), { code: 'FST_EVENTFEED_INVALID_DATA' })
  app.get('/', { schema: { events: { message: Simple } } }, (_request, reply) => reply.sse([JSON.stringify(FULL)] as never))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).ended()
  t.equal((JSON.parse(listener.text) as { code: string }).code, 'FST_EVENTFEED_INVALID_DATA')
  t.notMatch(listener.text, /SECRET/)
})

t.test('an event that is not declared is refused, by a feed and by a route', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('chat', { events: { message: Simple } })
  for (const event of ['other', 'toString', '__proto__', 'constructor']) {
    t.throws(() => feed.publish({ event: event as 'message', data: FULL }), { code: 'FST_EVENTFEED_UNKNOWN_EVENT' }, event)
  }
  const open = app.feed('open')
  app.get('/', { schema: { events: { message: Simple } } }, (_request, reply) => reply.sse(open.subscribe() as never))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).opening()
  await open.publish({ event: 'other', data: FULL })
  await open.publish({ event: 'message', data: FULL })
  t.strictSame((await listener.count(1)).data, [{ from: 'ada', text: 'hi' }], 'a gap stands for the event, and the stream goes on')
  t.equal(poisoned(listener).length, 1)
  t.notMatch(listener.text, /SECRET/)
})

t.test('response[200] of a route that declares events still serializes its JSON answer', async (t) => {
  const app = await appOf(t)
  app.get('/', { schema: { events: { message: Simple }, response: { 200: Simple } } }, async (request, reply) => {
    if (!request.acceptsEventStream || request.headers.accept === 'application/json') return FULL
    return reply.sse([{ data: FULL }])
  })
  await app.ready()
  const json = await app.inject({ url: '/', headers: { accept: 'application/json' } })
  t.strictSame(json.json(), { from: 'ada', text: 'hi' })
  const stream = await app.inject({ url: '/', headers: { accept: 'text/event-stream' } })
  t.match(stream.body, 'data: {"from":"ada","text":"hi"}\n')
  t.notMatch(stream.body, /SECRET/)
})

t.test('a $ref to a shared schema leaves what that schema names, and no more', async (t) => {
  const app = await appOf(t)
  app.addSchema({ $id: 'Simple', ...Simple })
  app.get('/', { schema: { events: { message: Type.Ref('Simple#') } } }, (_request, reply) => reply.sse([{ data: FULL }] as never))
  app.get('/text', { schema: { events: { message: Type.Ref('Simple#') } } }, (_request, reply) => reply.sse([{ data: JSON.stringify(FULL) }] as never))
  await app.ready()
  t.match((await app.inject('/')).body, 'data: {"from":"ada","text":"hi"}\n')
  t.equal((await app.inject('/text')).statusCode, 500)
})

t.test('two instances that share declared events, but not the schemas that these refer to, do not share what is sent', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  const events = { message: Type.Unsafe<{ open: string, secret: string }>({ $ref: 'Shape#' }) }
  for (const [prefix, shape] of [['/all', { open: Type.String(), secret: Type.String() }], ['/some', { open: Type.String() }]] as const) {
    await app.register(async (child) => {
      child.addSchema({ ...Type.Object(shape), $id: 'Shape' })
      child.get('/', { schema: { events } }, (_request, reply) => reply.sse([{ data: { open: 'o', secret: 's' } }]))
    }, { prefix })
  }
  t.match((await app.inject('/all')).body, 'data: {"open":"o","secret":"s"}')
  t.match((await app.inject('/some')).body, 'data: {"open":"o"}\n')
})
