/** How runs are found by their ids. */
import type { FollowedOutput } from './run-plan.ts'

/**
 * Finds a run. Throws, or rejects with, `FST_EVENTFEED_UNKNOWN_RUN` for an id that no run has; a promise only where a
 * log must be asked.
 */
export type Lookup = (id: string) => FollowedOutput | Promise<FollowedOutput>
