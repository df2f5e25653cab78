/**
 * Routes that declare events: `schema.events` is compiled when the application gets ready, or, for a route that was
 * declared before the plugin had loaded, at its first request. A client that has seen the end hears so before the
 * handler runs.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { BadSchema } from '../errors.ts'
import { compileEvents } from '../schema/events.ts'
import type { SerializerCompiler } from '../schema/serializer.ts'
import type { EventCodec } from '../wire/codec.ts'
import { answerDone, hasSeenEnd, passLastEventId, withLastEventId } from './last-event-id.ts'
import { routeOf } from './log.ts'
import type { MisheardTypes } from './misheard.ts'

/** What Fastify calls the schema of the query string. */
const QUERY_STRINGS = ['querystring', 'query'] as const

type Schema = NonNullable<RouteOptions['schema']>

/** A route that the plugin has seen declared, and the events that it declared then. */
interface SeenRoute { readonly route: RouteOptions, readonly instance: FastifyInstance, readonly events: unknown }

/** The codecs of all routes, by the schema object that Fastify keeps of each. */
export class RouteCodecs {
  readonly #validates: boolean
  /** Warned of event types that browsers misread. */
  readonly misheard: MisheardTypes
  readonly #seen = new WeakSet<object>()
  /** Or what a schema could not be compiled for: that is not tried again at each request. */
  readonly #codecs = new WeakMap<object, EventCodec | { readonly failure: unknown }>()

  constructor (validates: boolean, misheard: MisheardTypes) {
    this.#validates = validates
    this.misheard = misheard
  }

  /**
   * Compiles the events of a route that is seen, when all hooks have had their way with it. Throws what
   * `compileEvents` throws.
   */
  compile ({ route, instance, events }: SeenRoute): void {
    const where = `schema.events of ${String(route.method)} ${route.url}`
    const { schema } = route
    if (schema === undefined) throw new BadSchema('*', `a hook has taken the schema away from ${where}`)
    const serializer = (route.serializerCompiler ?? instance.serializerCompiler) as SerializerCompiler | undefined
    // a later hook may have put a copy in the schema's place, with the events or without
    this.#codecs.set(schema, compileEvents(schema.events ?? events, where, { shared: instance.getSchemas(), serializer, validates: this.#validates }))
    this.#seen.add(schema)
    // what Fastify adds for HEAD is no route of its own
    if (route.method !== 'HEAD') this.misheard.declared(`${String(route.method)} ${route.url}`, Object(schema.events ?? events))
  }

  /** True for a route that declares events, but was declared before the plugin had loaded. */
  isEarly (request: FastifyRequest): boolean {
    const { schema } = request.routeOptions
    return schema?.events !== undefined && !this.#seen.has(schema)
  }

  /**
   * The codec of a request's route; `undefined` if it declares no events. Throws what `compileEvents` throws: no data
   * goes out without its schema.
   */
  of (reply: FastifyReply): EventCodec | undefined {
    const { schema } = reply.request.routeOptions
    if (schema === undefined) return undefined
    const known = this.#codecs.get(schema) ?? (schema.events === undefined ? undefined : this.#compileNow(schema, reply))
    if (known !== undefined && 'failure' in known) throw known.failure
    return known
  }

  #compileNow (schema: Schema, reply: FastifyReply): EventCodec | { readonly failure: unknown } {
    let codec
    try {
      // the reply alone knows the compiler of its route
      const serializer = (({ schema, httpStatus }: { schema: Record<string, unknown>, httpStatus: string }) => reply.compileSerializationSchema(schema, httpStatus)) as SerializerCompiler // of any data, as all of them
      codec = compileEvents(schema.events, `schema.events of ${routeOf(reply.request)}`, { shared: reply.server.getSchemas(), serializer, validates: this.#validates })
    } catch (failure) {
      codec = { failure }
    }
    this.#codecs.set(schema, codec)
    this.misheard.declared(routeOf(reply.request), Object(schema.events))
    return codec
  }
}

/** Watches the routes of an instance and its children, those included that were declared before. */
export function watchRoutes (app: FastifyInstance, validates: boolean, misheard: MisheardTypes): RouteCodecs {
  const codecs = new RouteCodecs(validates, misheard)
  const due: SeenRoute[] = []
  app.addHook('onRoute', function (route) {
    if (route.schema?.events === undefined) return
    // a copy even where nothing is added: routes of instances with other shared schemas may have been given the same object
    route.schema = { ...route.schema }
    for (const name of QUERY_STRINGS) if (name in route.schema) Object.assign(route.schema, { [name]: withLastEventId(Reflect.get(route.schema, name)) })
    due.push({ route, instance: this, events: route.schema.events })
    // behind the hooks that authenticate, before the handler's side effects
    route.preHandler = [...[route.preHandler ?? []].flat(), stopDone]
  })
  app.addHook('onReady', async () => {
    for (const seen of due) codecs.compile(seen)
    due.length = 0
  })
  passLastEventId(app)
  // a route that was declared before this has no hook of its own for it
  app.addHook('preHandler', function (request, reply, done) {
    if (hasSeenEnd(request) && codecs.isEarly(request)) answerDone(reply)
    else done()
  })
  return codecs
}

async function stopDone (request: FastifyRequest, reply: FastifyReply): Promise<void> {
  if (hasSeenEnd(request)) await answerDone(reply)
}
