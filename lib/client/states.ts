/** What a client says of its line, beside events: to `onState`. */
import type { Gap } from '../wire/protocol.ts'
import type { FeedError } from './errors.ts'

/** A stream is open. */
export interface OpenState { readonly state: 'open' }

/** The line is cut, or could not be opened. The client comes back. */
export interface RetryingState {
  readonly state: 'retrying'
  /** Which attempt is next, counted since the line was last of use: 1 or more. */
  readonly attempt: number
  /** How long the client waits, in milliseconds; `Infinity` while the page is kept aside (bfcache). */
  readonly delayMs: number
  /** Why: its `code` says it. */
  readonly error: FeedError
}

/** Events are missing: `requested` … `reason` are as in `stream:gap`. */
export interface GapState extends Readonly<Gap> {
  readonly state: 'gap'
  /** The event ID just before what follows. */
  readonly id: string
}

/** An event was left out: it is not declared, does not parse, or does not pass the check. */
export interface SkippedState {
  readonly state: 'skipped'
  readonly event: string
  /** Its data, as it came. */
  readonly text: string
  readonly error: FeedError
}

/** Nothing more will come. It is the last state. */
export interface ClosedState {
  readonly state: 'closed'
  /** Why the server has stopped the source, where it says so. */
  readonly reason?: string | undefined
  /** What the feed has failed with: a `FeedError`, or the reason of the `signal`. Absent after a quiet end. */
  readonly error?: unknown
}

/** All of them, told apart by `state`. */
export type FeedState = OpenState | RetryingState | GapState | SkippedState | ClosedState
