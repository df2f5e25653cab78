/**
 * What the routes do, for readers and for programs: an OpenAPI document, and a page that shows it. Its schemas are
 * those of the routes, event streams included, so nothing is written twice.
 *
 * - `/docs/json`: OpenAPI 3.2, which describes each event type of a stream.
 * - `/docs/json/3.1`: OpenAPI 3.1, which generators of clients read. There a stream is the union of what its events
 *   carry.
 * - `/docs/`: the page.
 */
import swagger, { type FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import scalar from '@scalar/fastify-api-reference'
import type { FastifyInstance } from 'fastify'
import { openapi } from 'fastify-eventfeed'

/** Scalar starts by inline code, and sets styles so; but nothing can be loaded from elsewhere, nor sent there. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self' 'unsafe-inline'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data: blob:",
  "font-src 'self' data:", "connect-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"
].join('; ')

const info = {
  title: 'The example app of fastify-eventfeed',
  version: '1.0.0',
  description: 'Event streams that can be read with any client, and the requests that feed them.'
}
const tags = [
  { name: 'clock', description: 'A generator: each client has a stream of its own.' },
  { name: 'chat', description: 'A feed: all clients read one log, each through its own filter and in its own shape.' },
  { name: 'ticker', description: 'A feed that conflates: a slow reader gets the newest price of each share.' },
  { name: 'report', description: 'A stream that ends, as HTML for htmx.' },
  { name: 'tasks', description: 'Runs: work that goes on when its page is closed.' },
  { name: 'line', description: 'A toy: cuts a stream, to show that it comes back.' }
]

/** A document in that version. Schemas have the names that their `$id`s say. */
function documented (version: string): FastifyDynamicSwaggerOptions {
  return {
    openapi: { openapi: version, info, tags },
    refResolver: { buildLocalReference: ({ $id }, _base, _fragment, number) => typeof $id === 'string' ? $id : `schema-${number}` },
    ...openapi()
  }
}

/** Documents the routes that are declared after this. */
export async function documentRoutes (app: FastifyInstance): Promise<void> {
  await app.register(swagger, documented('3.2.0'))
  await app.register(swagger, { ...documented('3.1.0'), decorator: 'swaggerForGenerators' })
  app.get('/docs/json', { schema: { hide: true } }, async () => app.swagger())
  app.get('/docs/json/3.1', { schema: { hide: true } }, async () => app.getDecorator<typeof app.swagger>('swaggerForGenerators')())

  await app.register(scalar, {
    routePrefix: '/docs',
    configuration: {
      url: '/docs/json',
      pageTitle: 'API of the example app',
      favicon: '/favicon.svg',
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      mcp: { disabled: true },
      hideClientButton: true,
      showDeveloperTools: 'never'
    },
    hooks: {
      onRequest (_request, reply, done) {
        reply.header('content-security-policy', CONTENT_SECURITY_POLICY)
        done()
      }
    }
  })
}
