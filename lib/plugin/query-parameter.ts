/**
 * The last event ID in the query, past schemas that do not name it: it is hidden from a validation that would refuse or drop it.
 * Clients that cannot set a header send it so, whatever the schema of the route says.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { LAST_EVENT_ID_PARAMETER } from '../wire/event-id.ts'

/** Lets the parameter pass the validation of routes that declare events, in an instance and its children. */
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
    if (hidden.has(request) && typeof query === 'object' && query !== null) Object.assign(query, { [LAST_EVENT_ID_PARAMETER]: hidden.get(request) })
    done()
  })
}

function holds (query: unknown): query is Record<string, unknown> {
  return typeof query === 'object' && query !== null && Object.hasOwn(query, LAST_EVENT_ID_PARAMETER)
}

/** True if the schema of the query string takes the parameter, and leaves it. Tried on a copy: validators change what they see. */
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
