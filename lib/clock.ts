/**
 * The time, injectable: tests move it by hand instead of waiting.
 */

/** What the plugin needs of time. Pass another one as the option `clock` to move time by hand in a test. */
export interface Clock {
  /** The time now, in milliseconds since the Unix epoch. */
  now (): number
  /** Milliseconds since some fixed moment, never set back or forward: what deadlines are counted in. */
  elapsed (): number
  /**
   * Calls `run` once, `delayMs` milliseconds from now. Returns a function that cancels it; a second call of that does
   * nothing.
   */
  after (delayMs: number, run: () => void): () => void
}

/** Node runs a longer time-out at once; a timer that is further away is set again when this one fires. */
export const LONGEST_DELAY_MS = 2 ** 31 - 1

/** The machine's own clock. Its timers keep no process alive: an open socket does that. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after (delayMs, run) {
    const timer = setTimeout(run, Math.min(Math.max(delayMs, 0), LONGEST_DELAY_MS)).unref()
    return () => { clearTimeout(timer) }
  }
}

/**
 * A whole number of milliseconds between `ms` and `ms * (1 + share)`, both inclusive, so that clients do not act in
 * step.
 */
export function jittered (ms: number, share: number): number {
  return Math.round(ms * (1 + Math.random() * share))
}

/** Is fulfilled when a promise has settled, however that is, or after `timeoutMs`: what hangs is not awaited longer. */
export async function settledWithin (clock: Clock, timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  await new Promise<void>((resolve) => {
    const stopTimer = clock.after(timeoutMs, resolve)
    const settled = (): void => {
      stopTimer()
      resolve()
    }
    promise.then(settled, settled)
  })
}
