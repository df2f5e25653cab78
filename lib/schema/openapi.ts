/**
 * Declared events in an OpenAPI document: the responses with which an operation that streams is documented, in
 * OpenAPI 3.0, 3.1 and 3.2. It knows schemas and versions; not Fastify, and not who writes the document.
 *
 * @see https://spec.openapis.org/oas/v3.2.0.html#media-type-object
 */
import { DEFAULT_EVENT_TYPE } from '../wire/event.ts'
import { CONTROL_PREFIX } from '../wire/protocol.ts'
import { shapeOf } from './shape.ts'
import { areSameSchema, isSchema, type JsonSchema } from './union.ts'

const EVENT_STREAM = 'text/event-stream'
/** What @fastify/swagger writes where nobody has described a response. */
const NO_DESCRIPTION = 'Default Response'
/** The first minor version of OpenAPI 3 in which a document describes the items of a stream. */
const FIRST_WITH_ITEMS = 2

/** A declared event, with the schema of its data as it stands in the document. */
export interface DocumentedEvent { readonly type: string, readonly data: JsonSchema }

/** An operation that streams. */
export interface StreamingOperation {
  /** The HTTP method, in any case. */
  readonly method: string
  /** The version of OpenAPI, such as `3.2.0`. */
  readonly version: string
  readonly events: readonly DocumentedEvent[]
  /** The responses that the route declares itself, by status: none of them is lost. */
  readonly responses: JsonSchema
  /** What a `$ref` of the document leads to; `undefined` where that is nothing. */
  find (ref: string): unknown
}

/** A status with which a stream is refused. */
interface Refusal {
  readonly status: string
  readonly description: string
  /** The methods that may get it, in lower case. Default: all. */
  readonly methods?: readonly string[]
  /** True where HEAD is never answered with it, because it opens no stream. */
  readonly isForStreams?: boolean
}

const REFUSALS: readonly Refusal[] = [
  { status: '400', description: 'The request is not valid.' },
  { status: '406', description: `The client does not accept \`${EVENT_STREAM}\`.`, methods: ['get', 'head'] },
  { status: '429', description: 'Too many streams of this client are open.', isForStreams: true },
  { status: '503', description: 'No stream can be opened now: too many are open, or the server is closing.', isForStreams: true }
]

/**
 * The responses of an operation that streams. To those that the route declares, it adds 200 with the content
 * `text/event-stream`, 204, and each status with which a stream may be refused. A status that the route declares stays
 * as it is; to its 200, the stream is added beside the other contents. Where the route declares a range, such as `4XX`,
 * or `default`, a refusal has that content, because Fastify writes it by that schema.
 */
export function documentedResponses ({ method, version, events, responses, find }: StreamingOperation): JsonSchema {
  const verb = method.toLowerCase()
  const isHead = verb === 'head'
  const refusals = REFUSALS.filter(({ methods, isForStreams }) => methods?.includes(verb) ?? !(isHead && isForStreams))
  return {
    204: { description: 'The client has seen the end of the stream.' },
    ...Object.fromEntries(refusals.map((refusal) => [refusal.status, refusalResponse(refusal, responses)])),
    ...responses,
    200: isHead ? { description: 'The headers of the stream.', ...described(responses) } : streamResponse(version, events, responses, find)
  }
}

function streamResponse (version: string, events: readonly DocumentedEvent[], responses: JsonSchema, find: (ref: string) => unknown): JsonSchema {
  const declared = described(responses)
  const others = contentOf(declared) ?? contentOf(responses['2XX'])
  const types = events.map(({ type }) => `\`${type}\``).join(', ')
  return {
    description: `A stream of server-sent events: ${types === '' ? 'none of the application' : types}. ` +
      `Event types that begin with \`${CONTROL_PREFIX}\` tell of the stream itself, such as \`${CONTROL_PREFIX}gap\` of events that are missing.`,
    ...declared,
    content: { [EVENT_STREAM]: hasItems(version) ? { itemSchema: itemSchema(events, find) } : { schema: dataSchema(events) }, ...others }
  }
}

/** The route's own 200, without a description that says nothing. */
function described ({ 200: declared }: JsonSchema): JsonSchema {
  if (!isSchema(declared)) return {}
  const { description, ...rest } = declared
  return description === NO_DESCRIPTION ? rest : declared
}

function refusalResponse ({ status, description, isForStreams = false }: Refusal, responses: JsonSchema): JsonSchema {
  const declared = responses[`${status[0]}XX`] ?? responses['default']
  const content = isSchema(declared) ? contentOf(declared) : { 'application/json': { schema: errorSchema() } }
  const headers = { 'Retry-After': { description: 'After how many seconds to try again.', schema: { type: 'integer' } } }
  return { description, ...isForStreams && { headers }, ...content !== undefined && { content } }
}

/** An ordinary error of Fastify. Made for each place, because YAML writes an object that stands in two as an alias. */
function errorSchema (): JsonSchema {
  return {
    type: 'object',
    required: ['statusCode', 'error', 'message'],
    properties: {
      statusCode: { type: 'integer' }, code: { type: 'string' }, error: { type: 'string' }, message: { type: 'string' }
    }
  }
}

function contentOf (response: unknown): JsonSchema | undefined {
  return isSchema(response) && isSchema(response['content']) ? response['content'] : undefined
}

function hasItems (version: string): boolean {
  return Number(/^3\.(\d+)/.exec(version)?.[1]) >= FIRST_WITH_ITEMS
}

/** The union of what the events carry: by that, generators of OpenAPI 3.0 and 3.1 type what their streams give. */
function dataSchema (events: readonly DocumentedEvent[]): JsonSchema {
  const schemas = events.map(({ data }) => data)
  const [first = NOTHING, ...others] = schemas.filter((schema, index) => !schemas.slice(0, index).some((earlier) => areSameSchema(earlier, schema)))
  return others.length === 0 ? first : { anyOf: [first, ...others] }
}

/** No value fits this. Where no event is declared, none is sent. */
const NOTHING: JsonSchema = { not: {} }

/** One member for each event type. */
function itemSchema (events: readonly DocumentedEvent[], find: (ref: string) => unknown): JsonSchema {
  if (events.length === 0) return NOTHING
  return { oneOf: events.map((event) => memberOf(event, find)) }
}

function memberOf ({ type, data }: DocumentedEvent, find: (ref: string) => unknown): JsonSchema {
  return {
    title: type,
    type: 'object',
    // by the standard, an event that does not name its type is of this one
    required: type === DEFAULT_EVENT_TYPE ? ['data'] : ['event', 'data'],
    properties: {
      event: { const: type },
      data: fieldOf(data, find),
      id: { type: 'string', description: 'The last event ID, by which a client goes on where its line was cut.' },
      retry: { type: 'integer', minimum: 0, description: 'The reconnection time, in milliseconds.' }
    }
  }
}

/** What stands in the field `data`: a string as it is, all else as JSON. */
function fieldOf (data: JsonSchema, find: (ref: string) => unknown): JsonSchema {
  // pages that show a document leave the schema of the content out
  const json = { type: 'string', description: `JSON: \`${shapeOf(data)}\``, contentMediaType: 'application/json', contentSchema: data }
  const kinds = kindsIn(data, find, new Set())
  if (!kinds.text) return json
  return kinds.other ? { anyOf: [json, { type: 'string', description: 'Text, as it is.' }] } : data
}

/** Whether a value of the schema may be a string, and whether it may be anything else. */
interface Kinds { readonly text: boolean, readonly other: boolean }

function kindsIn (schema: unknown, find: (ref: string) => unknown, passed: ReadonlySet<string>): Kinds {
  if (!isSchema(schema)) return { text: schema !== false, other: schema !== false }
  const { $ref: ref, type, anyOf, oneOf, allOf } = schema
  if (typeof ref === 'string') {
    // one that leads back to itself adds nothing
    return passed.has(ref) ? { text: false, other: false } : kindsIn(find(ref), find, new Set([...passed, ref]))
  }
  if ('const' in schema) return kindsOf([schema['const']], (value) => typeof value === 'string')
  if (Array.isArray(schema['enum'])) return kindsOf(schema['enum'], (value) => typeof value === 'string')
  const union: unknown = anyOf ?? oneOf
  if (Array.isArray(union)) {
    const members = union.map((member) => kindsIn(member, find, passed))
    return { text: members.some(({ text }) => text), other: members.some(({ other }) => other) }
  }
  if (Array.isArray(allOf)) {
    const parts = allOf.map((part) => kindsIn(part, find, passed))
    return { text: parts.every(({ text }) => text), other: parts.every(({ other }) => other) }
  }
  if (type === undefined) return { text: !('properties' in schema), other: true }
  return kindsOf([type].flat(), (name) => name === 'string')
}

function kindsOf (values: readonly unknown[], isText: (value: unknown) => boolean): Kinds {
  return { text: values.some(isText), other: !values.every(isText) }
}
