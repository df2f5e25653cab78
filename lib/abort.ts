/**
 * Hearing of the abort of a signal. However many wait for one signal, it has one listener: Node warns of a leak from
 * the eleventh on, and a stream may wait for a hundred things at once.
 */

const waiting = new WeakMap<AbortSignal, Set<() => void>>()

/**
 * Calls `run` when the signal is aborted; never for one that is aborted already. `run` throws nothing. Returns the
 * function that takes it back.
 */
export function onAbort (signal: AbortSignal, run: () => void): () => void {
  let runs = waiting.get(signal)
  if (runs === undefined) {
    runs = new Set()
    waiting.set(signal, runs)
    signal.addEventListener('abort', runAll)
  }
  // one that is given twice is called twice
  const own = (): void => { run() }
  runs.add(own)
  return () => {
    if (waiting.get(signal)?.delete(own) === true) drop(signal)
  }
}

function runAll (this: AbortSignal): void {
  const runs = waiting.get(this)
  for (const run of runs ?? []) {
    runs?.delete(run)
    run()
  }
  drop(this)
}

/** Nobody waits for the signal any more: it holds nothing of ours. */
function drop (signal: AbortSignal): void {
  if (waiting.get(signal)?.size !== 0) return
  waiting.delete(signal)
  signal.removeEventListener('abort', runAll)
}
