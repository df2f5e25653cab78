/**
 * The last event ID on its way in: read from the header or the query, carried past schemas that do not name it, and
 * answered by 204 where it says that the client has seen the end.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isSchema } from '../schema/union.ts'
import { readLastEventId } from '../wire/event-id.ts'
import { isDone, LAST_EVENT_ID_HEADER, LAST_EVENT_ID_PARAMETER } from '../wire/protocol.ts'

/** The last event ID that a request brought; `undefined` for none. */
export function lastEventIdOf ({ headers, raw }: FastifyRequest): string | undefined {
  return readLastEventId(headers[LAST_EVENT_ID_HEADER], raw.url ?? '')
}

/** True if the client has seen the end of its stream. */
export function hasSeenEnd (request: FastifyRequest): boolean {
  return isDone(lastEventIdOf(request) ?? '')
}

/** Answers 204 to a client that has seen the end of its stream: by the standard that stops it. */
export function answerDone (reply: FastifyReply): FastifyReply {
  return reply.code(204).send()
}

/**
 * Lets the query parameter pass the validation of routes that declare events, in an instance and its children: it is
 * hidden from a schema that would refuse or drop it, because clients that cannot set a header send it whatever the
 * schema says.
 */
export function passLastEventId (app: FastifyInstance): void {
  const hidden = new WeakMap<FastifyRequest, unknown>()
  app.addHook('preValidation', function (request, _reply, done) {
    const { query } = request
    if (holds(query) && request.routeOptions.schema?.events !== undefined && !passes(request, query)) {
      hidden.set(request, query[LAST_EVENT_ID_PARAMETER])
      delete query[LAST_EVENT_ID_PARAMETER]
    }
    done()
  })
  app.addHook('preHandler', function (request, _reply, done) {
    const { query } = request
    if (hidden.has(request) && typeof query === 'object' && query !== null) {
      Object.assign(query, { [LAST_EVENT_ID_PARAMETER]: hidden.get(request) })
    }
    done()
  })
}

/** A copy of the schema of a query string that also takes the last event ID: the caller's own stays as it is. */
export function withLastEventId (querystring: unknown): unknown {
  if (!isSchema(querystring)) return querystring
  const { properties } = querystring
  if (!isSchema(properties) || LAST_EVENT_ID_PARAMETER in properties) return querystring
  // with the properties that some schema builders hide in a schema
  const copy: object = Object.create(Object.getPrototypeOf(querystring), Object.getOwnPropertyDescriptors(querystring))
  const parameter = { type: 'string', description: 'the last event ID that the client has, where it cannot send the header' }
  return Object.assign(copy, { properties: { ...properties, [LAST_EVENT_ID_PARAMETER]: parameter } })
}

function holds (query: unknown): query is Record<string, unknown> {
  return typeof query === 'object' && query !== null && Object.hasOwn(query, LAST_EVENT_ID_PARAMETER)
}

/**
 * True if the schema of the query string takes the parameter, and leaves it. Tried on a copy: validators change what
 * they see.
 */
function passes (request: FastifyRequest, query: Record<string, unknown>): boolean {
  const validate: unknown = request.getValidationFunction('querystring')
  if (typeof validate !== 'function') return true
  const copy = { ...query }
  try {
    const result: unknown = validate(copy)
    // as compilers of applications answer: https://fastify.dev/docs/latest/Reference/Validation-and-Serialization/#validatorcompiler
    const isRefused = result === false || (typeof result === 'object' && result !== null && 'error' in result && Boolean(result.error))
    return !isRefused && holds(copy)
  } catch {
    return false
  }
}
