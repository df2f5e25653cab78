/** What a document says of routes that stream, and that nothing else changes by it. */
import swagger from '@fastify/swagger'
import Fastify from 'fastify'
import t from 'tap'
import { Type } from 'typebox'
import eventfeed, { openapi } from '../../lib/index.ts'
import { at, documented, documentOf, typed, VERSIONS, type TypedApp } from './documented.ts'

const Said = Type.Object({ from: Type.String(), text: Type.String() })
const Joined = Type.Object({ who: Type.String() })
const events = { message: Said, joined: Joined }
const plain = (schema: object): unknown => JSON.parse(JSON.stringify(schema))

/** A route that streams, whatever its schema is. */
function chat (app: TypedApp, schema: object = {}, url = '/chat'): void {
  app.get(url, { schema: { events, ...schema } }, (_request, reply) => reply.sse([]))
}

const STREAM = ['responses', '200', 'content', 'text/event-stream']
const statuses = (document: object, path: string, method: string): string[] => Object.keys(at(document as never, 'paths', path, method, 'responses') ?? {})

for (const version of VERSIONS) {
  t.test(`OpenAPI ${version} has a route's stream, and each other status that it may answer`, async (t) => {
    const app = await documented(t, version, { exposeHeadRoutes: true })
    chat(app)
    app.post('/ask', { schema: { events } }, (_request, reply) => reply.sse([]))
    app.get('/plain', async () => 'no stream')
    const document = await documentOf(app)
    t.strictSame(statuses(document, '/chat', 'get'), ['200', '204', '400', '406', '429', '503'])
    t.strictSame(statuses(document, '/chat', 'head'), ['200', '204', '400', '406'], 'HEAD opens no stream')
    t.strictSame(statuses(document, '/ask', 'post'), ['200', '204', '400', '429', '503'], '406 is for GET and HEAD')
    t.strictSame(statuses(document, '/plain', 'get'), ['200'])
    t.equal(at(document, 'paths', '/chat', 'head', 'responses', '200', 'content'), undefined)
    for (const status of ['400', '406', '429', '503']) {
      t.match(at(document, 'paths', '/chat', 'get', 'responses', status), { content: { 'application/json': { schema: { required: ['statusCode', 'error', 'message'] } } } })
    }
    for (const status of ['429', '503']) t.ok(at(document, 'paths', '/chat', 'get', 'responses', status, 'headers', 'Retry-After'), status)
    t.match(at(document, 'paths', '/chat', 'get', 'responses', '200', 'description'), /`message`, `joined`.*`stream:gap`/)
    t.notMatch(JSON.stringify(document), /x-event/i, 'nothing is left of how the schemas came here')
    t.notOk(app.swagger({ yaml: true }).includes('EVENT-STREAM'))
  })
}

t.test('OpenAPI 3.2 has an item schema alone, with one member for each event type', async (t) => {
  const app = await documented(t, '3.2.0')
  chat(app)
  const id = { type: 'string', description: String }
  const retry = { type: 'integer', minimum: 0, description: String }
  const json = (contentSchema: object, description: string): object => ({ type: 'string', description, contentMediaType: 'application/json', contentSchema: plain(contentSchema) })
  const media = at(await documentOf(app), 'paths', '/chat', 'get', ...STREAM)
  t.strictSame(Object.keys(media as object), ['itemSchema'])
  t.match(media, {
    itemSchema: {
      oneOf: [
        // by the standard, an event without a type is a message
        { title: 'message', type: 'object', required: ['data'], properties: { event: { const: 'message' }, data: json(Said, 'JSON: `{ from, text }`'), id, retry } },
        { title: 'joined', type: 'object', required: ['event', 'data'], properties: { event: { const: 'joined' }, data: json(Joined, 'JSON: `{ who }`'), id, retry } }
      ]
    }
  })
})

for (const version of ['3.0.3', '3.1.0']) {
  t.test(`OpenAPI ${version} has the union of the data as the schema of the stream`, async (t) => {
    const app = await documented(t, version)
    chat(app)
    chat(app, { events: { message: Said, again: Said } }, '/one')
    const document = await documentOf(app)
    t.strictSame(at(document, 'paths', '/chat', 'get', ...STREAM), { schema: { anyOf: [plain(Said), plain(Joined)] } })
    t.strictSame(at(document, 'paths', '/one', 'get', ...STREAM), { schema: plain(Said) }, 'of one schema, no union')
  })
}

t.test('what a string is, is text; all else is JSON', async (t) => {
  const app = await documented(t, '3.2.0')
  app.addSchema({ $id: 'words', type: 'string', minLength: 1 })
  const schemas = {
    text: Type.String({ maxLength: 9 }),
    literal: Type.Literal('yes'),
    one: Type.Enum(['a', 'b']),
    two: Type.Union([Type.Literal('a'), Type.Literal('b')]),
    shared: Type.Ref('words'),
    number: Type.Number(),
    nothing: Type.Null(),
    mixed: Type.Union([Type.String(), Type.Number()]),
    anything: Type.Unknown()
  }
  chat(app, { events: schemas })
  const members = at(await documentOf(app), 'paths', '/chat', 'get', ...STREAM, 'itemSchema', 'oneOf') as Array<{ title: string, properties: { data: { contentSchema?: unknown, anyOf?: Array<{ contentSchema?: unknown, type: string }> } } }>
  const forms = members.map(({ title, properties: { data } }) => [title, data.contentSchema !== undefined ? 'JSON' : data.anyOf?.some(({ contentSchema }) => contentSchema !== undefined) ? 'either' : 'text'])
  t.strictSame(Object.fromEntries(forms), {
    text: 'text', literal: 'text', one: 'text', two: 'text', shared: 'text', number: 'JSON', nothing: 'JSON', mixed: 'either', anything: 'either'
  })
  t.strictSame(members[0]?.properties.data, { type: 'string', maxLength: 9 })
})

for (const version of VERSIONS) {
  t.test(`OpenAPI ${version} keeps the responses that a route declares itself`, async (t) => {
    const app = await documented(t, version)
    const Problem = Type.Object({ problem: Type.String() }, { description: 'ours' })
    chat(app, { response: { 200: Said, 404: Problem, 406: Problem } }, '/both')
    chat(app, { response: { 200: { description: 'a list, or a stream', content: { 'application/json': { schema: Said } } } } }, '/content')
    chat(app, { response: { 200: { description: 'theirs', content: { 'text/event-stream': { schema: { type: 'string' } } } } } }, '/stream')
    chat(app, { response: { '2xx': Said, '4xx': Problem, default: Joined } }, '/ranges')
    chat(app, { response: { '5xx': { type: 'null', description: 'no content' } } }, '/empty')
    const document = await documentOf(app)
    const responses = (path: string) => at(document, 'paths', path, 'get', 'responses') as Record<string, { description: string, content?: Record<string, object> }>

    t.strictSame(Object.keys(responses('/both')), ['200', '204', '400', '404', '406', '429', '503'])
    t.strictSame(Object.keys(responses('/both')['200']?.content ?? {}).toSorted(), ['application/json', 'text/event-stream'])
    t.strictSame(responses('/both')['200']?.content?.['application/json'], { schema: plain(Said) })
    for (const status of ['404', '406']) t.match(responses('/both')[status], { description: 'ours', content: { 'application/json': { schema: { required: ['problem'] } } } }, status)

    t.equal(responses('/content')['200']?.description, 'a list, or a stream')
    t.strictSame(Object.keys(responses('/content')['200']?.content ?? {}).toSorted(), ['application/json', 'text/event-stream'])
    t.match(responses('/stream')['200'], { description: 'theirs', content: { 'text/event-stream': { schema: { type: 'string' } } } })

    // what Fastify writes by the schema of a range is documented so
    t.strictSame(Object.keys(responses('/ranges')['200']?.content ?? {}).toSorted(), ['application/json', 'text/event-stream'])
    t.match(responses('/ranges')['406'], { content: { 'application/json': { schema: { required: ['problem'] } } } })
    t.match(responses('/ranges')['503'], { content: { 'application/json': { schema: { required: ['who'] } } } })
    t.equal(responses('/empty')['503']?.content, undefined)
  })
}

t.test('a response that a route declares is written by its schema, documented or not', async (t) => {
  const app = await documented(t, '3.2.0')
  const schema = { events, response: { 200: Said } }
  app.get('/chat', { schema }, async (request, reply) => {
    return request.acceptsEventStream ? reply.sse([{ event: 'joined', data: { who: 'ada' } }]) : { from: 'ada', text: 'hi', secret: 'it leaks' }
  })
  await documentOf(app)
  t.strictSame(schema, { events, response: { 200: Said } }, 'the schema of the route is as it was')
  t.equal((await app.inject({ url: '/chat', headers: { accept: 'application/json' } })).payload, '{"from":"ada","text":"hi"}')
  t.match((await app.inject({ url: '/chat', headers: { accept: 'text/event-stream' } })).payload, 'event: joined\ndata: {"who":"ada"}\n')
})

t.test('prefixes, parameters, hidden routes, several methods and links are documented as elsewhere', async (t) => {
  const app = await documented(t, '3.2.0')
  await app.register(async (child) => { chat(child as TypedApp, {}, '/rooms/:room') }, { prefix: '/v1' })
  chat(app, { hide: true }, '/hidden')
  app.route({ method: ['GET', 'PUT'], url: '/two', schema: { events }, handler: (_request, reply) => reply.sse([]) })
  app.get('/linked', { schema: { events }, links: { 200: { again: { operationId: 'chat' } } } }, (_request, reply) => reply.sse([]))
  app.addHttpMethod('SEARCH', { hasBody: true })
  app.route({ method: 'SEARCH', url: '/search', schema: { events }, handler: (_request, reply) => reply.sse([]) })
  const document = await documentOf(app)
  t.strictSame(Object.keys(document['paths'] ?? {}), ['/v1/rooms/{room}', '/two', '/linked', '/search'])
  t.ok(at(document, 'paths', '/v1/rooms/{room}', 'get', ...STREAM, 'itemSchema'))
  t.ok(statuses(document, '/two', 'get').includes('406'))
  t.notOk(statuses(document, '/two', 'put').includes('406'))
  t.ok(at(document, 'paths', '/linked', 'get', 'responses', '200', 'links', 'again'))
  t.ok(at(document, 'paths', '/linked', 'get', ...STREAM, 'itemSchema'))
  t.ok(at(document, 'paths', '/search', 'additionalOperations', 'SEARCH', ...STREAM, 'itemSchema'))
})

t.test('it does not matter which plugin is registered first, nor whether this one is registered at all', async (t) => {
  const register = {
    swagger: async (app: TypedApp) => { await app.register(swagger, { openapi: { openapi: '3.2.0' }, exposeHeadRoutes: true, ...openapi() }) },
    eventfeed: async (app: TypedApp) => { await app.register(eventfeed) }
  }
  const documents = []
  for (const order of [['swagger', 'eventfeed'], ['eventfeed', 'swagger'], ['swagger']] as const) {
    const app = typed(t)
    for (const name of order) await register[name](app)
    chat(app, { operationId: 'chat' })
    documents.push(await documentOf(app))
  }
  const [first, ...others] = documents
  t.ok(at(first ?? {}, 'paths', '/chat', 'get', ...STREAM, 'itemSchema'))
  t.equal(at(first ?? {}, 'paths', '/chat', 'head', 'operationId'), 'chat-head')
  for (const other of others) t.strictSame(other['paths'], first?.['paths'])
})

t.test('the functions of the caller are called too: transform first, transformObject last', async (t) => {
  const calls: string[] = []
  const app = await documented(t, '3.1.0', openapi({
    transform: ({ schema, url, route }) => {
      calls.push(`transform ${String(route.method)}`)
      // a schema is often built from what is known, and so without the events
      return { schema: { summary: 'theirs', hide: schema?.hide ?? false, response: { 202: Joined } }, url: `/api${url}` }
    },
    transformObject: (given) => {
      calls.push('transformObject')
      const document = 'openapiObject' in given ? given.openapiObject : given.swaggerObject
      t.ok(at(JSON.parse(JSON.stringify(document)), 'paths', '/api/chat', 'get', ...STREAM, 'schema'), 'the caller sees the whole document')
      return { ...document, info: { title: 'renamed', version: '2' } }
    }
  }))
  chat(app, { summary: 'ours' })
  chat(app, { hide: true }, '/hidden')
  const document = await documentOf(app)
  t.strictSame(calls, ['transform GET', 'transform GET', 'transformObject'])
  t.strictSame(Object.keys(document['paths'] ?? {}), ['/api/chat'])
  t.match(document, { info: { title: 'renamed' }, paths: { '/api/chat': { get: { summary: 'theirs', responses: { 202: {}, 406: {} } } } } })
})

t.test('events that the caller\'s transform returns are documented in place of the route\'s', async (t) => {
  const app = await documented(t, '3.1.0', openapi({ transform: ({ schema, url }) => ({ schema: { ...schema, events: { other: Joined } }, url }) }))
  chat(app)
  t.strictSame(at(await documentOf(app), 'paths', '/chat', 'get', ...STREAM), { schema: plain(Joined) })
})

t.test('a document of Swagger 2 is as it would be without this', async (t) => {
  const documents = []
  for (const own of [openapi(), {}]) {
    const app = typed(t)
    await app.register(eventfeed)
    await app.register(swagger, { swagger: { info: { title: 'a test', version: '1' } }, ...own })
    chat(app, { response: { 201: Said } })
    documents.push(await documentOf(app))
  }
  t.strictSame(documents[0], documents[1])
})

t.test('a document says the same each time, in JSON and in YAML', async (t) => {
  const app = await documented(t, '3.2.0')
  chat(app, { events: { self: Type.Object({ inner: Type.Optional(Type.Unsafe({ $ref: '#' })) }) } })
  await app.ready()
  const yaml = app.swagger({ yaml: true })
  const json = JSON.stringify(app.swagger())
  t.notMatch(yaml, /&a1/, 'without aliases, which few readers of documents know')
  t.match(yaml, /itemSchema:/)
  t.equal(JSON.stringify(app.swagger()), json)
})

t.test('the default type provider, and a route without a schema, are no obstacle', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  await app.register(swagger, { openapi: { openapi: '3.2.0' }, ...openapi() })
  app.get('/bare', (_request, reply) => reply.sse(['no events declared']))
  app.get('/empty', { schema: {} }, (_request, reply) => reply.sse(['no events declared']))
  const document = await documentOf(app)
  for (const path of ['/bare', '/empty']) t.strictSame(at(document, 'paths', path, 'get', 'responses'), { 200: { description: 'Default Response' } })
})
