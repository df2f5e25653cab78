/** `schema.events` holds for every route that declares it, wherever and whenever it was declared, and whatever other plugins do to its schema. */
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import t, { type Test } from 'tap'
import { Type, type TSchema } from 'typebox'
import eventfeed, { type EventfeedOptions } from '../../lib/index.ts'

const Said = Type.Object({ text: Type.String() })
const events = { said: Said }
const FULL = { text: 'hi', secret: 'SECRET' }
const strict = Type.Object({ room: Type.Optional(Type.String()) }, { additionalProperties: false })

interface World { app: FastifyInstance, handled: () => number }

type Declare = (app: FastifyInstance, handler: (request: unknown, reply: { sse: (source: unknown) => unknown }) => unknown) => void

/** Places and times of a route, which is `GET /`. */
const PLACES: Record<string, Declare> = {
  'before the plugin has loaded': (app, handler) => {
    app.register(eventfeed)
    app.get('/', { schema: { events, querystring: strict } }, handler as never)
  },
  'before the plugin is registered': (app, handler) => {
    app.get('/', { schema: { events, querystring: strict } }, handler as never)
    app.register(eventfeed)
  },
  'in a child that is registered before the plugin': (app, handler) => {
    app.register(async (child) => { child.route({ method: 'GET', url: '/', schema: { events, querystring: strict }, handler: handler as never }) })
    app.register(eventfeed)
  },
  'in a child that is registered after the plugin': (app, handler) => {
    app.register(eventfeed)
    app.register(async (child) => { child.route({ method: 'GET', url: '/', schema: { events, querystring: strict }, handler: handler as never }) })
  },
  'with a later onRoute hook that copies the schema': (app, handler) => {
    app.register(eventfeed)
    app.register(async (child) => {
      child.addHook('onRoute', (route) => { if (route.schema !== undefined) route.schema = { ...route.schema } })
      child.get('/', { schema: { events, querystring: strict } }, handler as never)
    })
  },
  'with a later onRoute hook that keeps of the schema only what it knows': (app, handler) => {
    app.register(eventfeed)
    app.register(async (child) => {
      child.addHook('onRoute', (route) => { if (route.schema !== undefined) route.schema = { querystring: route.schema.querystring } })
      child.get('/', { schema: { events, querystring: strict } }, handler as never)
    })
  },
  'with an onRoute hook that copies the schema of an early route': (app, handler) => {
    app.addHook('onRoute', (route) => { if (route.schema !== undefined) route.schema = { ...route.schema } })
    app.register(eventfeed)
    app.get('/', { schema: { events, querystring: strict } }, handler as never)
  },
  'early, with a constraint': (app, handler) => {
    app.register(eventfeed)
    app.get('/', { schema: { events, querystring: strict }, constraints: { host: 'localhost:80' } }, handler as never)
  },
  'early, with shared schemas': (app, handler) => {
    app.addSchema({ $id: 'said', ...Said })
    app.addSchema({ $id: 'strict', ...strict })
    app.register(eventfeed)
    app.get('/', { schema: { events: { said: { $ref: 'said#' } as unknown as TSchema }, querystring: { $ref: 'strict#' } } }, handler as never)
  },
  'late, with shared schemas': (app, handler) => {
    app.addSchema({ $id: 'said', ...Said })
    app.addSchema({ $id: 'strict', ...strict })
    app.register(eventfeed)
    app.register(async (child) => {
      child.get('/', { schema: { events: { said: { $ref: 'said#' } as unknown as TSchema }, querystring: { $ref: 'strict#' } } }, handler as never)
    })
  }
}

async function worldOf (t: Test, declare: Declare, server: FastifyServerOptions = {}): Promise<World> {
  const app = Fastify({ ajv: { customOptions: { removeAdditional: false } }, exposeHeadRoutes: true, ...server } as object) as unknown as FastifyInstance
  t.teardown(() => app.close())
  let handled = 0
  declare(app, (_request, reply) => {
    handled++
    return reply.sse([{ event: 'said', data: FULL }])
  })
  await app.ready()
  return { app, handled: () => handled }
}

for (const [place, declare] of Object.entries(PLACES)) {
  t.test(`a route ${place}`, async (t) => {
    const { app, handled } = await worldOf(t, declare)
    const response = await app.inject('/')
    t.equal(response.statusCode, 200)
    t.match(response.body, 'event: said\ndata: {"text":"hi"}\n', 'is serialized by its schema')
    t.notMatch(response.body, 'SECRET')
    t.equal(handled(), 1)
    t.equal((await app.inject({ url: '/', headers: { 'last-event-id': '~done.' } })).statusCode, 204)
    t.equal((await app.inject('/?lastEventId=~done.')).statusCode, 204)
    t.equal(handled(), 1, 'a client that has seen the end is answered before the handler runs')
    t.equal((await app.inject('/?lastEventId=7&room=one')).statusCode, 200, 'a strict query schema lets the last event ID pass')
    t.equal((await app.inject('/?more=7')).statusCode, 400, 'and nothing else')
    const head = await app.inject({ method: 'HEAD', url: '/' })
    t.equal(head.statusCode, 200)
    t.equal(head.headers['content-type'], 'text/event-stream; charset=utf-8')
  })
}

t.test('both twins of a route with a prefix', async (t) => {
  for (const isEarly of [true, false]) {
    const { app } = await worldOf(t, (app, handler) => {
      const routes = async (child: FastifyInstance): Promise<void> => { child.get('/', { schema: { events } }, handler as never) }
      if (isEarly) app.register(routes, { prefix: '/twins' })
      app.register(eventfeed)
      if (!isEarly) app.register(routes, { prefix: '/twins' })
    })
    for (const url of ['/twins', '/twins/']) {
      const { body } = await app.inject(url)
      t.match(body, 'data: {"text":"hi"}\n', url)
      t.notMatch(body, 'SECRET', url)
    }
  }
})

t.test('the handler of an early route sees the last event ID in its query, as that of any other', async (t) => {
  const seen: unknown[] = []
  const app = Fastify()
  t.teardown(() => app.close())
  app.register(eventfeed)
  for (const [url, querystring] of Object.entries({ '/open': Type.Object({}), '/strict': strict, '/without': undefined, '/own': Type.Object({ lastEventId: Type.Integer() }) })) {
    app.get(url, { schema: { events, ...(querystring === undefined ? {} : { querystring }) } }, (request, reply) => { seen.push(request.query); return reply.sse([{ event: 'said', data: { text: '' } }]) })
  }
  for (const url of ['/open', '/strict', '/without', '/own']) t.equal((await app.inject(`${url}?lastEventId=7`)).statusCode, 200, url)
  t.strictSame(seen.map((query) => ({ ...query as object })), [{ lastEventId: '7' }, { lastEventId: '7' }, { lastEventId: '7' }, { lastEventId: 7 }])
})

t.test('an early route whose schema cannot be used answers 500, each time, and sends no data', async (t) => {
  for (const said of [{ $ref: 'Nowhere#' }, { type: 'strange' }, 'string', null]) {
    const { app } = await worldOf(t, (app, handler) => {
      app.register(eventfeed)
      app.get('/', { schema: { events: { said } } as never }, handler as never)
    })
    for (let times = 0; times < 2; times++) {
      const response = await app.inject('/')
      t.equal(response.statusCode, 500)
      t.match(response.json(), { code: /^FST_EVENTFEED_BAD_(SCHEMA|OPTION)$/ })
      t.notMatch(response.body, 'SECRET')
    }
    t.equal(app.eventfeed.stats().connections, 0)
  }
})

t.test('an early route uses the compilers of its own: those of the route, of its instance, of Fastify', async (t) => {
  const marks = (mark: string) => () => () => JSON.stringify(mark)
  const { app } = await worldOf(t, (app, handler) => {
    app.register(eventfeed)
    app.get('/', { schema: { events }, serializerCompiler: marks('route') } as never, handler as never)
    app.register(async (child) => {
      child.setSerializerCompiler(marks('child') as never)
      child.get('/child', { schema: { events } }, handler as never)
    })
  })
  t.match((await app.inject('/')).body, 'data: "route"\n')
  t.match((await app.inject('/child')).body, 'data: "child"\n')
})

t.test('validateEvents holds for an early route', async (t) => {
  const { app } = await worldOf(t, (app, handler) => {
    app.register(eventfeed, { validateEvents: true } satisfies EventfeedOptions)
    app.get('/', { schema: { events: { said: Type.Object({ text: Type.Integer() }) } } }, handler as never)
  })
  t.match((await app.inject('/')).json(), { code: 'FST_EVENTFEED_INVALID_DATA' })
})
