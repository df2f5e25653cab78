/** Why the signal of a run is aborted. */
import type { RunState } from './run.ts'

/**
 * What `signal.reason` of a source is when its run was stopped or has ended, and what `until()` rejects with. Its name
 * is `AbortError`, so that code that knows aborts treats it as one.
 */
export class RunEnded extends Error {
  override readonly name = 'AbortError'
  /** As Node's own abort errors have it. */
  readonly code = 'ABORT_ERR'
  /** How the run has ended, or is about to end. */
  readonly state: Exclude<RunState, 'running'>
  /** What the caller of `stop` gave as its reason; `drain` where the application closes. */
  readonly reason: string | undefined

  constructor (state: RunEnded['state'], reason?: string) {
    super(`the run has ended: ${state}${reason === undefined ? '' : ` (${reason})`}`)
    this.state = state
    this.reason = reason
  }
}
