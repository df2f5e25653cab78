/**
 * The asynchronous context (`AsyncLocalStorage`) in which functions of the application run. A filter is called in the
 * tick of whoever publishes, and `recheck` by a timer: without this they would see another request's user, or none.
 */
import { AsyncResource } from 'node:async_hooks'

/** A context that is kept. */
export type OwnContext = Pick<AsyncResource, 'runInAsyncScope'>

/** The context of the caller. Holds what its `AsyncLocalStorage`s hold. */
export function ownContext (): OwnContext {
  return new AsyncResource('fastify-eventfeed')
}

/** The same function, in a context: that of the caller, unless one is given. A call takes 14 to 23 ns longer. */
export function inContext<Value, Result> (run: (value: Value) => Result, context = ownContext()): (value: Value) => Result {
  return (value) => context.runInAsyncScope(run, undefined, value)
}
