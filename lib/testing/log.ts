/**
 * `fastify-eventfeed/testing/log`: the contract of a log as a list of claims, to run by any test framework or none.
 * `docs/guides/logs.md` shows how.
 */
import { appendClaims } from './claims/appends.ts'
import { closeClaims } from './claims/close.ts'
import { dedupeClaims } from './claims/dedupe.ts'
import { endClaims } from './claims/end.ts'
import { failureClaims } from './claims/failures.ts'
import { killClaims } from './claims/kills.ts'
import { locateClaims } from './claims/locate.ts'
import { pageClaims } from './claims/pages.ts'
import { positionClaims } from './claims/positions.ts'
import { processClaims } from './claims/processes.ts'
import { retentionClaims } from './claims/retention.ts'
import { tailClaims } from './claims/tails.ts'
import type { LogClaim } from './log-claim.ts'

export type { LogClaim } from './log-claim.ts'
export type { LogAbility, LogBound, LogUnderTest, MovableClock } from './log-under-test.ts'

/** Every claim that can be made about a log, in the order of the contract. */
export const logClaims: readonly LogClaim[] = [
  ...positionClaims, ...tailClaims, ...appendClaims, ...dedupeClaims, ...failureClaims, ...locateClaims, ...pageClaims,
  ...retentionClaims, ...endClaims, ...closeClaims, ...processClaims, ...killClaims
]
