/** For tests in which nothing is to throw: what does becomes an uncaught exception, which fails the test. */
export function rethrown (error: unknown): void {
  queueMicrotask(() => { throw error })
}
