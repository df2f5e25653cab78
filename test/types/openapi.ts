/**
 * Type tests: nothing here runs. `tsc --noEmit` checks that what `openapi` returns fits @fastify/swagger, and that it
 * takes what fits there.
 */
import swagger, { type FastifyDynamicSwaggerOptions, type SwaggerTransform, type SwaggerTransformObject } from '@fastify/swagger'
import { fastify } from 'fastify'
import { openapi } from '../../lib/index.ts'

const app = fastify()
const ours: SwaggerTransform = ({ schema, url }) => ({ schema, url })
const whole: SwaggerTransformObject = (given) => 'openapiObject' in given ? given.openapiObject : given.swaggerObject

await app.register(swagger, { openapi: { openapi: '3.2.0' }, ...openapi() })
await app.register(swagger, { openapi: { openapi: '3.2.0' }, ...openapi({ transform: ours, transformObject: whole }) })
await app.register(swagger, openapi({ transform: ({ schema, url, route }) => ({ schema: { ...schema, summary: route.url }, url }) }))
await app.register(swagger, openapi({ transformObject: (given) => 'openapiObject' in given ? { ...given.openapiObject, tags: [] } : given.swaggerObject }))
const options: FastifyDynamicSwaggerOptions = { openapi: {}, ...openapi({}), hideUntagged: true }
await app.register(swagger, options)
// one route, by a function of its own
app.get('/', { config: { swaggerTransform: openapi({ transform: ours }).transform } }, async () => 'hi')
// @ts-expect-error a transform returns the url too
openapi({ transform: ({ schema }) => ({ schema }) })
// @ts-expect-error there is no such option
openapi({ transforms: ours })
