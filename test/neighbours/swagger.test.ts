/** Beside @fastify/swagger: a route that streams is in the document like any other. */
import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { Type } from 'typebox'
import { RawClient } from '../story/raw-client.ts'
import { ORDERS, serveBeside } from './serve-beside.ts'

const Said = Type.Object({ text: Type.String() })
const querystring = Type.Object({ room: Type.Optional(Type.String()) })

function answers (app: FastifyInstance): void {
  app.get('/json', { schema: { querystring, response: { 200: Said } } }, async () => ({ text: 'json' }))
}

function streams (app: FastifyInstance): void {
  app.addSchema({ $id: 'shared', type: 'object', properties: { text: { type: 'string' } } })
  app.get('/plain', (_request, reply) => reply.sse(['plain']))
  app.get('/typed', { schema: { summary: 'typed events', tags: ['streams'], operationId: 'typed', querystring, events: { said: Said } } }, (_request, reply) => reply.sse([{ event: 'said', data: { text: 'typed' } }]))
  app.get('/without-query', { schema: { events: { said: Said } } }, (_request, reply) => reply.sse([{ event: 'said', data: { text: 'typed' } }]))
  app.get('/shared', { schema: { events: { said: Type.Ref('shared') } } }, (_request, reply) => reply.sse([{ event: 'said', data: { text: 'typed' } }] as never))
  app.get('/described', {
    schema: { events: { said: Said }, response: { 200: { description: 'a stream', content: { 'text/event-stream': { schema: { type: 'string' } } } } } }
  }, (_request, reply) => reply.sse([{ event: 'said', data: { text: 'typed' } }]))
}

/** What is looked at of a document. */
interface Described { paths: Record<string, { get: { summary?: string, tags?: string[], parameters?: Array<{ name: string }>, responses: Record<string, object> }, head?: object }> }

const SETTINGS: ReadonlyArray<readonly [title: string, options: FastifyDynamicSwaggerOptions]> = [
  ['OpenAPI 3.0', { openapi: {} }],
  ['OpenAPI 3.1', { openapi: { openapi: '3.1.0' } }],
  ['Swagger 2', { swagger: {} }],
  ['HEAD routes exposed', { openapi: {}, exposeHeadRoutes: true }]
]

for (const order of ORDERS) {
  for (const [title, options] of SETTINGS) {
    t.test(`@fastify/swagger with ${title}, registered ${order} the plugin`, async (t) => {
      const register = async (app: FastifyInstance): Promise<void> => { await app.register(swagger, options) }
      const { app, port, url, closeQuietly } = await serveBeside(t, register, order, (app) => { answers(app); streams(app) })
      // by way of JSON, as a client sees it
      const document = JSON.parse(JSON.stringify(app.swagger())) as Described

      await t.test('the document has the routes that stream, with and without declared events', async (t) => {
        t.strictSame(Object.keys(document.paths).sort(), ['/described', '/json', '/plain', '/shared', '/typed', '/without-query'])
        t.match(document.paths['/typed']?.get, { summary: 'typed events', tags: ['streams'] })
        t.ok(app.swagger({ yaml: true }).includes('/typed'))
        t.equal(document.paths['/typed']?.head !== undefined, options.exposeHeadRoutes === true)
      })

      await t.test('the parameter for the last event ID stands beside the declared query of a stream, and nowhere else', async (t) => {
        const names = (path: string): string[] => (document.paths[path]?.get.parameters ?? []).map(({ name }) => name)
        t.strictSame(names('/typed'), ['room', 'lastEventId'])
        t.strictSame(names('/json'), ['room'])
        t.strictSame(names('/plain'), [])
        t.strictSame(names('/without-query'), [])
      })

      await t.test('what does not stream is described as without the plugin', async (t) => {
        const bare = await serveBeside(t, register, 'alone', answers)
        t.strictSame(document.paths['/json'], (JSON.parse(JSON.stringify(bare.app.swagger())) as Described).paths['/json'])
        await bare.closeQuietly()
      })

      await t.test('the streams flow after the document was made', async (t) => {
        const client = await RawClient.connect(t, port)
        for (const path of ['/plain', '/typed', '/typed?room=one&lastEventId=1', '/without-query', '/shared', '/described']) {
          client.forget()
          client.ask(path)
          await client.whole()
          t.equal(client.status, 200, path)
          t.match(client.body, path === '/plain' ? 'data: plain' : 'data: {"text":"typed"}', path)
        }
        t.strictSame(await (await fetch(`${url}/json`)).json(), { text: 'json' })
      })
      await closeQuietly()
    })
  }
}
