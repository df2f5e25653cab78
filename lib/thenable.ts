/**
 * What is awaited like a promise: promises of other realms and libraries, and query builders, are no instances of
 * `Promise`.
 */

/** True for an object or a function with a method `then`. Throws what reading that property throws. */
export function isThenable<Value> (value: unknown): value is PromiseLike<Value> {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return false
  return 'then' in value && typeof value.then === 'function'
}
