/**
 * Event streams in the documents of @fastify/swagger. That package must convert the schemas of events as it converts all
 * others, but refuses a response that describes only the items of a stream. So `transform` lets a response of its own
 * carry them through the conversion, and `transformObject` puts what a document says in its place.
 */
import type { FastifySchema, RouteOptions } from 'fastify'
import { documentedResponses, type DocumentedEvent } from '../schema/openapi.ts'
import { PortableSchemas } from '../schema/portable-schemas.ts'
import { atPointer, isSchema, type JsonSchema } from '../schema/union.ts'

/** The status of the response that carries the schemas. @fastify/swagger writes it in capitals. */
const CARRIER = 'X-EVENT-STREAM'
/** Where the carrier has the event types, in the order of their schemas. */
const TYPES = 'x-event-types'
/** A response without content, to which @fastify/swagger can attach the links of a route. */
const BARE = { type: 'null' }

/** What @fastify/swagger gives to `transform`, as far as it is looked at. */
export interface TransformedRoute {
  readonly schema: FastifySchema
  readonly url: string
  readonly route: RouteOptions
}

/** What @fastify/swagger gives to `transformObject`. */
export type TransformedDocument = { openapiObject: object } | { swaggerObject: object }

/** The document in what @fastify/swagger gives: another one of the same type is returned. */
type DocumentIn<Given> = Given extends { openapiObject: infer Document } | { swaggerObject: infer Document } ? Document : never

/**
 * Functions of the caller, for the options of @fastify/swagger with the same names. As methods, because that package
 * types more of what it gives than is looked at here.
 */
export interface OpenapiOptions {
  /** Called first. What it changes of a route's schema is documented, its events too. */
  transform? (given: TransformedRoute): { schema: FastifySchema, url: string }
  /** Called last, with the whole document. What it returns is the document. */
  transformObject? (given: TransformedDocument): object
}

/** Options of @fastify/swagger. */
export interface OpenapiTransforms {
  readonly transform: (given: TransformedRoute) => { schema: FastifySchema, url: string }
  readonly transformObject: <Given extends TransformedDocument>(given: Given) => DocumentIn<Given>
}

/**
 * Documents the event streams of routes with `schema.events` in OpenAPI 3.0, 3.1 and 3.2:
 *
 *     await app.register(swagger, { openapi: { openapi: '3.2.0' }, ...openapi() })
 *
 * Such a route is documented with 200 `text/event-stream`, and with the 204, 400, 406 (GET and HEAD), 429 and 503 that
 * it may answer. In OpenAPI 3.2 the stream has an `itemSchema` with one member for each event type; in 3.0 and 3.1 its
 * `schema` is the union of the data. What the route declares in `schema.response` is documented too, and stays as it
 * is. A document of Swagger 2 has no place for events, and is left alone.
 *
 * Both functions that it returns belong together. A route with a `config.swaggerTransform` of its own is documented only
 * if that calls `transform` too.
 */
export function openapi (own: OpenapiOptions = {}): OpenapiTransforms {
  const schemas = new PortableSchemas()
  return {
    transform (given) {
      const result = own.transform?.(given) ?? { schema: given.schema, url: given.url }
      const schema = result.schema ?? given.schema
      const events = schema?.events ?? given.schema?.events
      if (!isSchema(events) || 'swaggerObject' in given) return result
      const carry = (data: object, type: string): JsonSchema => schemas.of(data, type, versionOf(given))
      return { ...result, schema: withCarrier(schema, events, carry) }
    },
    transformObject<Given extends TransformedDocument> (given: Given): DocumentIn<Given> {
      const written = 'openapiObject' in given ? { ...given, openapiObject: withStreams(given.openapiObject as JsonSchema) } : given
      const document = 'openapiObject' in written ? written.openapiObject : written.swaggerObject
      // what the caller's function returns, @fastify/swagger takes for the document, whatever it is
      return (own.transformObject === undefined ? document : own.transformObject(written)) as DocumentIn<Given>
    }
  }
}

/** A copy of a route's schema with one more response, from which `eventsOf` reads the events when they are converted. */
function withCarrier (schema: FastifySchema, events: JsonSchema, carry: (data: object, type: string) => JsonSchema): FastifySchema {
  const declared = Object.entries(events).filter((entry): entry is [string, JsonSchema] => isSchema(entry[1]))
  const carrier = {
    type: 'object',
    [TYPES]: declared.map(([type]) => type),
    // by number: an event type may be a name that means something in a schema
    properties: Object.fromEntries(declared.map(([type, data], index) => [`${index}`, carry(data, type)]))
  }
  return { ...schema, response: { 200: BARE, ...isSchema(schema.response) ? schema.response : {}, [CARRIER]: carrier } }
}

/** A copy of a document in which carriers have become the responses of streams. */
function withStreams (document: JsonSchema): JsonSchema {
  const version = versionOf({ openapiObject: document })
  const find = (ref: string): unknown => atPointer(document, ref.slice(ref.indexOf('#') + 1))

  const operation = (method: string, documented: unknown): unknown => {
    if (!isSchema(documented) || !isSchema(documented['responses']) || !(CARRIER in documented['responses'])) return documented
    const { [CARRIER]: carrier, ...responses } = documented['responses']
    return { ...documented, responses: documentedResponses({ method, version, events: eventsOf(carrier), responses, find }) }
  }
  const pathItem = (item: unknown): unknown => !isSchema(item)
    ? item
    : mapped(item, (field, value) => {
      return field === 'additionalOperations' && isSchema(value) ? mapped(value, operation) : operation(field, value)
    })
  return isSchema(document['paths']) ? { ...document, paths: mapped(document['paths'], (_path, item) => pathItem(item)) } : document
}

/** The version of OpenAPI of the document that is made. */
function versionOf (given: object): string {
  return String(atPointer(given, '/openapiObject/openapi'))
}

/** The events that a carrier has brought through the conversion. */
function eventsOf (carrier: unknown): DocumentedEvent[] {
  const schema = Object.values(atPointer(carrier, '/content') ?? {}).map((media) => atPointer(media, '/schema'))[0]
  const [types, properties] = [atPointer(schema, `/${TYPES}`), atPointer(schema, '/properties')]
  if (!Array.isArray(types) || !isSchema(properties)) return []
  return types.map((type, index) => ({ type: String(type), data: properties[index] as JsonSchema })) // as `withCarrier` made it
}

function mapped (object: JsonSchema, change: (name: string, value: unknown) => unknown): JsonSchema {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(name, value)]))
}
