/** Declared events: what is refused when the application gets ready, validation, and the query parameter for the last event ID. */
import Fastify from 'fastify'
import t from 'tap'
import { Type, type TSchema } from 'typebox'
import eventfeed from '../../lib/index.ts'
import { appOf, listen, Listener } from '../feed/listener.ts'

const Count = Type.Object({ count: Type.Integer({ minimum: 1 }) })

t.test('a schema that cannot be used fails when the application gets ready', async (t) => {
  for (const schema of [{ $ref: 'Nowhere#' }, { type: 'strange' }, { type: 'object', properties: { a: { $ref: '#/definitions/none' } } }]) {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(eventfeed)
    app.get('/', { schema: { events: { message: schema as unknown as TSchema } } }, (_request, reply) => reply.sse([]))
    await t.rejects(Promise.resolve(app.ready()), { code: 'FST_EVENTFEED_BAD_SCHEMA', message: /"message"/ }, JSON.stringify(schema))
  }
})

t.test('events that are no object of schemas fail when the application gets ready, and say where', async (t) => {
  for (const events of [[], 'message', { message: 'string' }, { message: null }]) {
    const app = Fastify()
    t.teardown(() => app.close())
    await app.register(eventfeed)
    app.get('/here', { schema: { events: events as never } }, (_request, reply) => reply.sse([] as never))
    await t.rejects(Promise.resolve(app.ready()), { code: 'FST_EVENTFEED_BAD_OPTION', message: /GET \/here/ }, JSON.stringify(events))
  }
})

t.test('a feed refuses a schema that cannot be used, and its name stays free', async (t) => {
  const app = await appOf(t)
  t.throws(() => app.feed('chat', { events: { message: { $ref: 'Nowhere#' } as unknown as TSchema } }), { code: 'FST_EVENTFEED_BAD_SCHEMA' })
  t.equal(app.feed('chat').name, 'chat')
})

t.test('validateEvents refuses data that does not fit, and says where', async (t) => {
  const app = await appOf(t, { validateEvents: true })
  const feed = app.feed('counts', { events: { message: Count } })
  t.throws(() => feed.publish({ event: 'message', data: { count: 0 } }), { code: 'FST_EVENTFEED_INVALID_DATA', message: /\/count/ })
  t.throws(() => feed.publish({ event: 'message', data: { count: '1' as never } }), { code: 'FST_EVENTFEED_INVALID_DATA' }, 'nothing is coerced')
  t.throws(() => feed.publish({ event: 'message', data: {} as never }), { code: 'FST_EVENTFEED_INVALID_DATA' })
  t.equal(feed.stats().entries, 0)
  const data = { count: 1, more: true }
  await feed.publish({ event: 'message', data })
  t.strictSame(data, { count: 1, more: true }, 'and nothing of the caller\'s is changed')
})

t.test('without validateEvents only the serializer looks', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('counts', { events: { message: Count } })
  await feed.publish({ event: 'message', data: { count: 0 } })
  t.throws(() => feed.publish({ event: 'message', data: {} as never }), { code: 'FST_EVENTFEED_INVALID_DATA' }, 'a required property is missing')
  t.equal(feed.stats().entries, 1)
})

t.test('a closed query string still takes the last event ID, and the caller\'s schema stays as it is', async (t) => {
  const app = await appOf(t, {}, { ajv: { customOptions: { removeAdditional: false } } })
  const feed = app.feed('chat')
  const querystring = Type.Object({ user: Type.String() }, { additionalProperties: false })
  const schema = { querystring, events: { message: Type.Number() } }
  const before = JSON.stringify(schema)
  app.get('/', { schema }, (_request, reply) => reply.sse(feed.subscribe() as never))
  await listen(app)
  t.equal(JSON.stringify(schema), before)
  t.ok(Type.Object({}) !== undefined && schema.querystring === querystring)
  const [first] = [await feed.publish({ event: 'message', data: 1 }), await feed.publish({ event: 'message', data: 2 })]
  const listener = await (await Listener.open(t, app, `/?user=ada&lastEventId=${first}`)).count(1)
  t.strictSame(listener.data, [2])
  t.equal((await Listener.open(t, app, '/?user=ada&more=1')).status, 400, 'and nothing else')
})
