/** Waiting for something that knows no signal. */

/** Settles as `promise` does, or rejects with the signal's reason as soon as it is aborted. */
export function until<Value> (promise: PromiseLike<Value> | Value, signal: AbortSignal): Promise<Value> {
  const settled = new Promise<Value>((resolve, reject) => {
    const onAbort = (): void => {
      reject(signal.reason)
      // that the stream has ended is no failure: whoever does not wait for this is not to end the process
      queueMicrotask(() => { settled.catch(() => {}) })
    }
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
    // a promise that is rejected after the end was handled here: it goes nowhere
    Promise.resolve(promise).then(resolve, reject).finally(() => { signal.removeEventListener('abort', onAbort) })
  })
  return settled
}
