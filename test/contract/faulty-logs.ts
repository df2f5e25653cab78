/** Logs with one fault each, and the claims that must find it. All are the reference logs, with one thing changed. */
import type { LogUnderTest } from '../../lib/testing/log.ts'
import { faultyHistories } from './faulty-histories.ts'
import { faultySharedLogs } from './faulty-shared-logs.ts'
import { faultyStoredLogs } from './faulty-stored-logs.ts'
import { faultySynchronousLogs } from './faulty-synchronous-logs.ts'
import { sharedLogs, storedLogs, synchronousLogs } from './references.ts'

/** A log that breaks its contract in one way. */
export interface FaultyLog {
  /** What it does, as the end of a sentence that begins with `a log that`. */
  readonly fault: string
  /** The claims that must fail: those that name the fault. */
  readonly claims: readonly string[]
  readonly under: LogUnderTest
}

export const faultyLogs: readonly FaultyLog[] = [
  ...faultyHistories.map(([fault, claims, history]) => ({ fault, claims, under: synchronousLogs({ history }) })),
  ...faultySynchronousLogs.map(([fault, claims, log]) => ({ fault, claims, under: synchronousLogs({ log }) })),
  ...faultyStoredLogs.map(([fault, claims, log, history]) => ({ fault, claims, under: storedLogs({ log, history }) })),
  ...faultySharedLogs.map(([fault, claims, log]) => ({ fault, claims, under: sharedLogs({ log }) }))
]
