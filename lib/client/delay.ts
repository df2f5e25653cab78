/** When a client comes back. */
import { LONGEST_ASKED_MS } from './defaults.ts'

/** The bounds of the random part, in milliseconds. */
export interface DelayBounds { readonly firstDelayMs: number, readonly longestDelayMs: number }

/**
 * How long to wait, in milliseconds: what the server has asked for, and then a random time, whose bound doubles with
 * each attempt ("full jitter"). So clients never come too early, and never all together.
 *
 * @param attempt how many attempts there were since one succeeded, this one included: 1 or more
 * @param askedMs what the server has asked for; 0 where it has not
 */
export function delayBefore (attempt: number, askedMs: number, { firstDelayMs, longestDelayMs }: DelayBounds): number {
  return Math.min(askedMs, LONGEST_ASKED_MS) + Math.random() * Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1))
}

/**
 * What `Retry-After` asks for, in milliseconds: seconds, or a date. `undefined` where it is neither.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
 */
export function retryAfterMs (value: string | null, now: number): number | undefined {
  if (value === null) return undefined
  const ms = /^\s*\d+\s*$/.test(value) ? Number(value) * 1000 : Date.parse(value) - now
  return Number.isNaN(ms) ? undefined : Math.max(ms, 0)
}
