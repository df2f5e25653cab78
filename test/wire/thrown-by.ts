/** What a call throws, as an error whose code and cause can be looked at. */
export function thrownBy (call: () => unknown): Error & { code?: unknown } {
  try {
    call()
  } catch (error) {
    if (error instanceof Error) return error
    throw new TypeError('what was thrown is no error', { cause: error })
  }
  throw new Error('nothing was thrown')
}
