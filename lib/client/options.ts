/** The options of `openFeed`, with their defaults. */
import type { EventSchemas } from '../schema/types.ts'
import { FIRST_DELAY_MS, LONGEST_DELAY_MS, MAX_LINE_LENGTH, SILENCE_MS } from './defaults.ts'
import { systemClock, thisPage, type ClientClock } from './environment.ts'
import { FeedError } from './errors.ts'
import type { LineOptions } from './line.ts'
import type { HeadersGiven } from './request.ts'
import type { FeedState } from './states.ts'

/** What a function of headers is told. */
export interface Attempt {
  /** 1 for the first after the line was last of use. */
  readonly attempt: number
  /** `''` where there is none. */
  readonly lastEventId: string
}

/** How the client comes back, and when it gives a line up. */
export interface RetryOptions {
  /** The bound of the random delay before the first retry, in milliseconds. 1,000 by default. */
  readonly firstDelayMs?: number | undefined
  /** The bound up to which that doubles, in milliseconds. 30,000 by default. */
  readonly longestDelayMs?: number | undefined
  /** How many attempts may fail in succession before the client gives up. `Infinity` by default. */
  readonly maxAttempts?: number | undefined
  /**
   * A line on which no byte arrives for so long is given up, in milliseconds; `Infinity`: never. 45,000 by default.
   * It must be longer than the server's `heartbeatIntervalMs`.
   */
  readonly silenceMs?: number | undefined
  /** The longest line and the longest event, in characters. 16,777,216 by default. */
  readonly maxLineLength?: number | undefined
  /** What sends requests, in place of the global `fetch`. */
  readonly fetch?: typeof fetch | undefined
  /** The time, to be moved by hand in tests. */
  readonly clock?: ClientClock | undefined
}

/** The options of `openFeed`. */
export interface OpenFeedOptions extends RetryOptions {
  /** The declared events, as the route has them: schemas by event type. Other events are skipped. */
  readonly events?: EventSchemas | undefined
  /** Reads the text of an event. By default it is JSON, and text where the schema in `events` is one of strings. */
  readonly parse?: ((text: string, event: string) => unknown) | undefined
  /** Checks the data of each event: where it returns `false` or throws, the event is skipped. */
  readonly check?: ((data: unknown, event: string) => unknown) | undefined
  /** `GET` by default, and `POST` with a body. It is sent again at each attempt. */
  readonly method?: string | undefined
  readonly body?: string | FormData | URLSearchParams | Blob | undefined
  /** Headers, or a function of them, which is called at each attempt: for tokens that expire. */
  readonly headers?: HeadersGiven | ((attempt: Attempt) => HeadersGiven | Promise<HeadersGiven>)
  /** As for `fetch`: `same-origin` by default. */
  readonly credentials?: 'omit' | 'same-origin' | 'include' | undefined
  /** As for `fetch`. `error` refuses redirects, for headers that no other server may see. `follow` by default. */
  readonly redirect?: 'follow' | 'error' | undefined
  /** Where to go on: the last event ID of an earlier visit. */
  readonly lastEventId?: string | undefined
  /** `query` where a header would need a CORS preflight. `header` by default. */
  readonly lastEventIdIn?: 'header' | 'query' | undefined
  /** Closes the feed; loops reject with its reason. */
  readonly signal?: AbortSignal | undefined
  /** What becomes of the line. It is called synchronously, in the order in which things happen. */
  readonly onState?: ((state: FeedState) => void) | undefined
}

/** @throws FeedError BAD_OPTION */
export function lineOptionsOf (given: RetryOptions, maxAttempts: number): LineOptions {
  return {
    clock: given.clock ?? systemClock,
    surroundings: thisPage,
    firstDelayMs: checked('firstDelayMs', given.firstDelayMs ?? FIRST_DELAY_MS),
    longestDelayMs: checked('longestDelayMs', given.longestDelayMs ?? LONGEST_DELAY_MS),
    silenceMs: checked('silenceMs', given.silenceMs ?? SILENCE_MS),
    maxLineLength: checked('maxLineLength', given.maxLineLength ?? MAX_LINE_LENGTH),
    maxAttempts: checked('maxAttempts', given.maxAttempts ?? maxAttempts)
  }
}

/** `Infinity`: 12 days, as many attempts or as many characters. Timers would run delays of twice that at once. */
const MOST = 1_073_741_824

function checked (name: string, value: number): number {
  if (value >= 0) return Math.min(value, MOST)
  throw new FeedError('BAD_OPTION', `${name} must be a number from 0, not ${value}`)
}
