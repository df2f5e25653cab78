/** Waiting for something that knows no signal. */

/** Settles as `promise` does, or rejects with the signal's reason as soon as it is aborted. */
export function until<Value> (promise: PromiseLike<Value> | Value, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => { reject(signal.reason) }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    // a promise that is rejected after the end was handled here: it goes nowhere
    Promise.resolve(promise).then(resolve, reject).finally(() => { signal.removeEventListener('abort', onAbort) })
  })
}
