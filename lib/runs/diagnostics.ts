/**
 * What runs tell on Node's diagnostics channels: that one was started, and that it has ended. A channel that nobody has
 * subscribed to costs one look. What subscribers do with it is not known here.
 */
import { channel } from 'node:diagnostics_channel'
import type { Run } from './run.ts'

/** The message on `fastify-eventfeed:run-started`: a run was accepted, and its source is about to begin. */
export interface RunStartedMessage {
  /** The name of the family. */
  readonly runs: string
  /** Read-only, and live. */
  readonly run: Run
}

/** The message on `fastify-eventfeed:run-ended`: a run that was started is over. Each is followed by one. */
export interface RunEndedMessage extends RunStartedMessage {
  /** From the call of `start` to the end, in milliseconds. */
  readonly durationMs: number
}

const started = channel('fastify-eventfeed:run-started')
const ended = channel('fastify-eventfeed:run-ended')

/** Tells that a run was started. */
export function runStarted (runs: string, run: Run): void {
  if (started.hasSubscribers) started.publish({ runs, run } satisfies RunStartedMessage)
}

/** Tells that a run has ended. */
export function runEnded (runs: string, run: Run): void {
  if (ended.hasSubscribers) ended.publish({ runs, run, durationMs: Math.max(0, (run.endedAt ?? run.startedAt) - run.startedAt) } satisfies RunEndedMessage)
}
