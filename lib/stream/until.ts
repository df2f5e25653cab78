/** Waiting for something that knows no signal. */
import { onAbort } from '../abort.ts'

/** Settles as `promise` does, or rejects with the signal's reason as soon as it is aborted. */
export function until<Value> (promise: PromiseLike<Value> | Value, signal: AbortSignal): Promise<Value> {
  const settled = new Promise<Value>((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason)
      // that the stream has ended is no failure: if nobody waits for this, it must not end the process
      queueMicrotask(() => { settled.catch(() => {}) })
    }
    let leave = (): void => {}
    if (signal.aborted) abort()
    else leave = onAbort(signal, abort)
    // a promise that is rejected after the end was handled here: it goes nowhere
    Promise.resolve(promise).then(resolve, reject).finally(() => { leave() })
  })
  return settled
}
