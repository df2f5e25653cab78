/** How much of its history a log keeps: by count, bytes and age, whichever bites first. */
import { ENTRY_BYTES, RETAIN_AGE_MS, RETAIN_BYTES, RETAIN_ENTRIES } from '../defaults.ts'
import { BadOption, shown } from '../errors.ts'

/** The bounds of a log, all inclusive. */
export interface Retention {
  /** At most this many entries, 1 or more. Default: 10,000. */
  readonly entries: number
  /**
   * At most this many bytes of entries, with all cached forms of them. Default: 64 MiB. The newest entry stays, however
   * large it is, so that open streams get it.
   */
  readonly bytes: number
  /**
   * None older than this, in milliseconds. Default: no bound. Looked at when something is published or a stream
   * opens.
   */
  readonly ageMs: number
}

/** The option `retain`: those bounds that are not the default. */
export type RetainOptions = { readonly [Bound in keyof Retention]?: Retention[Bound] | undefined }

/** The option `retain` of a feed. */
export type FeedRetainOptions = RetainOptions & {
  /**
   * Of each key the newest entries are kept, this many of them, also when the log has dropped them: an integer of 1 or
   * more. They count toward `bytes`, of which they take at most half, and toward `ageMs`, not toward `entries`. If they
   * take more, the oldest leave first. Applies to feeds without a `log` of their own. Default: none are kept.
   */
  readonly perKey?: number | undefined
}

/** Divides the `retain` option of a feed: the bounds, and `perKey`. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function readFeedRetain (retain: FeedRetainOptions | undefined): { readonly bounds: RetainOptions | undefined, readonly perKey: number | undefined } {
  if (typeof retain !== 'object' || retain === null || !('perKey' in retain)) return { bounds: retain, perKey: undefined }
  const { perKey, ...bounds } = retain
  if (perKey !== undefined && (!Number.isSafeInteger(perKey) || perKey < 1)) {
    throw new BadOption(`retain.perKey must be an integer of 1 or more, not ${shown(perKey)}`)
  }
  return { bounds, perKey }
}

/** Completes the `retain` option. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function readRetention (retain: RetainOptions = {}): Retention {
  if (typeof retain !== 'object' || retain === null) throw new BadOption(`retain must be an object { entries, bytes, ageMs }, not ${shown(retain)}`)
  const bounds = { entries: RETAIN_ENTRIES, bytes: RETAIN_BYTES, ageMs: RETAIN_AGE_MS }
  for (const [name, value] of Object.entries(retain)) {
    if (!(name in bounds)) throw new BadOption(`retain.${name} is no bound: there are entries, bytes and ageMs`)
    if (value === undefined) continue
    const isBound = typeof value === 'number' && value >= 1 && (Number.isSafeInteger(value) || value === Infinity)
    if (!isBound || (name === 'entries' && value === Infinity)) {
      throw new BadOption(`retain.${name} must be ${name === 'entries' ? 'an integer of 1 or more' : 'an integer of 1 or more, or Infinity'}, not ${shown(value)}`)
    }
    bounds[name as keyof Retention] = value
  }
  return bounds
}

/** What an entry counts toward the bound in bytes, without cached forms of it. */
export function sizeOf ({ event, json, keys }: { readonly event: string, readonly json: string, readonly keys: readonly string[] }): number {
  let bytes = ENTRY_BYTES + Buffer.byteLength(json) + event.length
  for (const key of keys) bytes += key.length
  return bytes
}

/**
 * The bounds of what a feed holds of a log in memory: those that are given, or the defaults, none above the log's
 * own. Throws `FST_EVENTFEED_BAD_OPTION` where one of them is none.
 */
export function boundedBy (retain: RetainOptions | undefined, own: RetainOptions | undefined): Retention {
  const bounds = readRetention(retain)
  if (own === undefined) return bounds
  const { entries = Infinity, bytes = Infinity, ageMs = Infinity } = own
  readRetention({ bytes, ageMs, ...entries === Infinity ? {} : { entries } })
  return {
    entries: Math.min(bounds.entries, entries), bytes: Math.min(bounds.bytes, bytes), ageMs: Math.min(bounds.ageMs, ageMs)
  }
}
