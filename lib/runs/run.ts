/** What is known of a run: what the application sees, and what of it may leave the server. */
import { RUN_FAILED } from '../errors.ts'

/** The `error.code` of a run whose process died. */
export const RUN_LOST = 'lost'

/** How a run stands. It begins with `running`, and never changes after it was something else. */
export type RunState = 'running' | 'done' | 'failed' | 'stopped'

/** What a run has failed with. For the application: the message may say what no client should know. */
export interface RunError {
  /** The `code` of what was thrown, where that has one; else `FST_EVENTFEED_RUN_FAILED`. `lost`: its process died. */
  readonly code: string
  readonly message: string
}

/** A run, as the application sees it. Read-only, and live: it changes as the run goes on. */
export interface Run {
  readonly id: string
  /** What `start` was given: whom the run belongs to. */
  readonly tag: unknown
  readonly state: RunState
  /** When it was started, in milliseconds since the Unix epoch. */
  readonly startedAt: number
  /** When it ended; `undefined` while it is running. */
  readonly endedAt: number | undefined
  /** How many events it has had, those included that are not kept any more. */
  readonly events: number
  /** What `stop` was given; `drain` where the application has closed. `undefined` where nobody has stopped it. */
  readonly reason: string | undefined
  /** What it has failed with; of a stopped run, what its clean-up has failed with. */
  readonly error: RunError | undefined
  /** What its generator has returned. */
  readonly value: unknown
  /** What may be sent to a client: all but the tag, and the message of an error. */
  toJSON (): object
}

/** How a run has ended. */
export interface RunOutcome {
  readonly state: Exclude<RunState, 'running'>
  readonly reason?: string | undefined
  readonly error?: RunError | undefined
  readonly value?: unknown
}

/** The codes that a client may see: those of this package, and `lost`. */
const PUBLIC_CODE = /^FST_EVENTFEED_/

/** What is known of one run. Its run changes it. */
export class RunFacts implements Run {
  readonly id: string
  readonly tag: unknown
  state: RunState = 'running'
  readonly startedAt: number
  endedAt: number | undefined = undefined
  events = 0
  reason: string | undefined = undefined
  error: RunError | undefined = undefined
  value: unknown = undefined

  constructor (id: string, tag: unknown, startedAt: number) {
    this.id = id
    this.tag = tag
    this.startedAt = startedAt
  }

  /** It has ended. */
  end ({ state, reason, error, value }: RunOutcome, at: number): void {
    this.state = state
    this.endedAt = at
    this.reason = reason
    this.error = error
    this.value = value
  }

  toJSON (): object {
    const { id, state, startedAt, endedAt, events, reason, error, value } = this
    return { id, state, startedAt, endedAt, events, reason, error: error && { code: publicCode(error.code) }, value }
  }
}

/** A code of somebody else's may say more than a client should know. */
function publicCode (code: string): string {
  return code === RUN_LOST || PUBLIC_CODE.test(code) ? code : RUN_FAILED
}

/** What was thrown, as an error of a run. Never throws, whatever it is. */
export function runErrorOf (error: Error): RunError {
  try {
    const { code } = error as { code?: unknown } // errors of Node and of Fastify have one
    return { code: typeof code === 'string' ? code : RUN_FAILED, message: String(error.message) }
  } catch {
    return { code: RUN_FAILED, message: 'it cannot be looked at' }
  }
}
