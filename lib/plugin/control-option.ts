/** The option `control`: in which form a stream says what is no event of the application. */
import type { FastifyRequest } from 'fastify'
import { COMMENTS_FORM, CUT_EVENTS_FORM, EVENTS_FORM, NO_FORM, PLAIN_FORM, type ControlForm } from '../wire/control-form.ts'
import { FunctionForm, type ControlFunction } from '../wire/control-function.ts'
import { logError, routeOf } from './log.ts'
import { comesBackAfterEnds, readsControlEvents } from './negotiation.ts'

/** Forms that do not depend on the request. */
const FIXED = { comments: COMMENTS_FORM, none: NO_FORM } as const

/** What the option may be. */
export type ControlOption = 'auto' | 'events' | keyof typeof FIXED | ControlFunction

/** True for what the option may be. */
export function isControlOption (value: unknown): value is ControlOption {
  return typeof value === 'function' || value === 'auto' || value === 'events' || (typeof value === 'string' && Object.hasOwn(FIXED, value))
}

/** The form of the stream that answers a request. */
export function controlFormOf (control: ControlOption, request: FastifyRequest): ControlForm {
  if (typeof control !== 'function') {
    if (control !== 'auto' && control !== 'events') return FIXED[control]
    if (control === 'auto' && !readsControlEvents(request)) return PLAIN_FORM
    return comesBackAfterEnds(request) ? EVENTS_FORM : CUT_EVENTS_FORM
  }
  // an open stream holds neither its request nor its reply
  const { id, server: { log } } = request
  const route = routeOf(request)
  return new FunctionForm(control, (error, type) => {
    logError(log, error, `the option control failed at a control of type ${type} of an event stream of ${route}, so the form for clients that are no EventSource stands in its place`, id)
  })
}
