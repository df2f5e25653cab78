/** What a feed is made of: its log, its options, and who hears of what becomes of it. */
import type { Clock } from '../clock.ts'
import type { Deadlines } from '../deadlines.ts'
import type { EventLog } from '../log/contract.ts'
import type { FeedRetainOptions } from '../log/retention.ts'
import type { EventCodec } from '../wire/codec.ts'
import type { DataText } from '../wire/event.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import type { LagPolicy } from './lag-policy.ts'
import type { Snapshot } from './snapshot.ts'
import type { OnHeld } from './forms.ts'

/** What a feed is made of. */
export interface FeedParts {
  readonly name: string
  /** The name that its figures stand under, where that is not its own: one for all of a family. */
  readonly countedAs?: string | undefined
  /** Default: one in memory, which keeps what `retain` says. */
  readonly log?: EventLog | undefined
  /** How much of the log is held in memory, not more than the log keeps; and how many entries of each key. */
  readonly retain?: FeedRetainOptions | undefined
  readonly clock: Clock
  /** Those of the application, which all of its feeds share. Default: its own. */
  readonly deadlines?: Deadlines | undefined
  readonly codec: EventCodec | undefined
  /** Writes data by a schema that a projection carries. */
  readonly compile: (event: string, schema: object) => DataText
  /** Hears of undeclared event types that an `EventSource` takes for news of its connection. May come often. */
  readonly onMisheard?: ((type: string) => void) | undefined
  readonly lag: LagPolicy
  readonly initial?: Snapshot<unknown> | undefined
  readonly onGap?: Snapshot<unknown> | undefined
  /** What a feed does otherwise that is the output of a run. Default: nothing. */
  readonly output?: OutputParts | undefined
  /** Called when the feed ends: the name is free for another. @param isKept true where its history is kept for a while */
  readonly onEnd: (isKept: boolean) => void
  /** Called when the history is not kept any more for those who come later. Not called where it never was. */
  readonly onLetGo?: (() => void) | undefined
  /** Called when the log of a feed that has ended is freed; with the error where that failed. */
  readonly onFreed: (error?: unknown) => void
  /** Called with what failed and has nobody else to report it: it belongs into the application's log. */
  readonly onFault: (error: unknown, what: string) => void
}

/** What differs in a feed that is the output of a run: it is kept after its end, and shares a bound with others. */
export interface OutputParts {
  /** How streams end that have read all of a feed that has ended. */
  readonly lastWord: () => SourceEnd
  /** Called with what an event counts toward the bounds, before it is added. Throws where there is no room for it. */
  readonly makeRoom: (bytes: number) => void
  /** Hears of what the feed holds in memory. */
  readonly onHeld: OnHeld
}
