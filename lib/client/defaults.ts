/** The bounds and defaults of the client, each with its unit and the reason for it. */

/**
 * A line on which no byte arrives for this many milliseconds is given up: three heartbeats of the server's default of
 * 15,000. It holds for the answer to a request too.
 */
export const SILENCE_MS = 45_000

/** The upper bound of the first random delay, in milliseconds: a short cut is hardly noticed. */
export const FIRST_DELAY_MS = 1_000

/** The upper bound of the random delay doubles up to this many milliseconds: a server that is back is found soon. */
export const LONGEST_DELAY_MS = 30_000

/**
 * The longest time that a server may ask for by `retry:` or `Retry-After`, in milliseconds: an hour. A mistake in it
 * would stop a page for good.
 */
export const LONGEST_ASKED_MS = 3_600_000

/**
 * A timer that fires this many milliseconds late says that the page or the machine was asleep, so that nothing could
 * arrive. Ordinary timers are less late, also on a busy machine.
 */
export const ASLEEP_MS = 2_000

/** After a sleep, bytes that waited in a socket have this many milliseconds to arrive. */
export const WAKING_MS = 3_000

/**
 * The longest line and the longest event, in characters (UTF-16 units): 32 MB of memory at most. More than an event
 * for a page ever has.
 */
export const MAX_LINE_LENGTH = 16_777_216

/** How often in succession a resuming `fetch` asks in vain: about two minutes with the delays above. */
export const RESUMING_ATTEMPTS = 10
