/**
 * Routes that declare events: `schema.events` is compiled when the application gets ready, a client that has seen the end is
 * told so before the handler runs, and the query parameter for the last event ID passes validation.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { compileEvents } from '../schema/events.ts'
import type { SerializerCompiler } from '../schema/serializer.ts'
import { isSchema } from '../schema/union.ts'
import type { EventCodec } from '../wire/codec.ts'
import { isDone } from '../wire/control-event.ts'
import { LAST_EVENT_ID_PARAMETER, readLastEventId } from '../wire/event-id.ts'

/** The codecs of the routes, by the schema object that each route has of its own. */
export type RouteCodecs = WeakMap<object, EventCodec>

/** What Fastify calls the schema of the query string. */
const QUERY_STRINGS = ['querystring', 'query'] as const

type Schema = NonNullable<RouteOptions['schema']>

/** Watches the routes of an instance and its children. */
export function watchRoutes (app: FastifyInstance, validates: boolean): RouteCodecs {
  const codecs: RouteCodecs = new WeakMap()
  const due: Array<{ schema: Schema, route: RouteOptions, instance: FastifyInstance }> = []
  app.addHook('onRoute', function (route) {
    if (route.schema?.events === undefined) return
    // a copy even where nothing is added: routes of instances with other shared schemas may have been given the same object
    route.schema = { ...route.schema }
    for (const name of QUERY_STRINGS) if (name in route.schema) Object.assign(route.schema, { [name]: withParameter(Reflect.get(route.schema, name)) })
    due.push({ schema: route.schema, route, instance: this })
    // behind the hooks that authenticate, before the handler's side effects
    route.preHandler = [...[route.preHandler ?? []].flat(), stopDone]
  })
  app.addHook('onReady', async () => {
    for (const { schema, route, instance } of due) {
      const serializer = (route.serializerCompiler ?? instance.serializerCompiler) as SerializerCompiler | undefined
      codecs.set(schema, compileEvents(schema.events, `schema.events of ${String(route.method)} ${route.url}`, { shared: instance.getSchemas(), serializer, validates }))
    }
    due.length = 0
  })
  return codecs
}

/** The codec of a request's route; `undefined` where it declares no events. */
export function codecOf ({ routeOptions: { schema } }: FastifyRequest, codecs: RouteCodecs): EventCodec | undefined {
  return schema === undefined ? undefined : codecs.get(schema)
}

/** The last event ID that a request brought. */
export function lastEventIdOf ({ headers, raw }: FastifyRequest): string | undefined {
  return readLastEventId(headers['last-event-id'], raw.url ?? '')
}

/** Answers 204 to a client that has seen the end of its stream: by the standard that stops it. */
export function answerDone (reply: FastifyReply): FastifyReply {
  return reply.code(204).send()
}

async function stopDone (request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (isDone(lastEventIdOf(request) ?? '')) await answerDone(reply)
}

/** A copy of the schema of a query string that also takes the last event ID: the caller's own stays as it is. */
function withParameter (querystring: unknown): unknown {
  if (!isSchema(querystring)) return querystring
  const { properties } = querystring
  if (!isSchema(properties) || LAST_EVENT_ID_PARAMETER in properties) return querystring
  // with what some schema builders hang on a schema out of sight
  const copy: object = Object.create(Object.getPrototypeOf(querystring), Object.getOwnPropertyDescriptors(querystring))
  return Object.assign(copy, { properties: { ...properties, [LAST_EVENT_ID_PARAMETER]: { type: 'string' } } })
}
