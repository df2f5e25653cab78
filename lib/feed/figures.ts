/** What a feed counts, and how far its readers are behind. */
import { guardedEach, type Report } from '../guarded.ts'
import type { Follower } from './follower.ts'
import type { KeyHistories } from './key-histories.ts'
import type { Window } from './window.ts'

/** Counted since the feed was defined. */
export class FeedFigures {
  /** Entries that came to stand in the log. */
  published = 0
  /** Events that were given to streams: each once for each stream. */
  delivered = 0
  /**
   * Entries that a filter (`where`) left out, each once for each stream. Entries of other keys cost nothing, and are
   * not counted.
   */
  filtered = 0
  /** Entries that a filter, a projection or a serializer threw at, each once for each stream that reported one. */
  failed = 0
  /** How often a reader fell behind the log, or behind `maxLagBytes` or `maxLagMs`. */
  lagged = 0
  /** How many gaps were told, or filled by a snapshot. */
  gaps = 0

  /** Counts what another has counted too. */
  add ({ published, delivered, filtered, failed, lagged, gaps }: FeedFigures): void {
    this.published += published
    this.delivered += delivered
    this.filtered += filtered
    this.failed += failed
    this.lagged += lagged
    this.gaps += gaps
  }
}

/** Of a set of numbers; all 0 where there are none. */
export interface Percentiles {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/** What a feed holds and has done. */
export interface FeedStats {
  /** Entries that are kept. */
  entries: number
  /** Their bytes, with cached forms of them and the states of snapshots that are being sent. */
  bytes: number
  /**
   * Entries that are kept by key (`retain.perKey`) though the log has dropped them: they are not among `entries`. Their
   * bytes, with what is known of all keys, are among `bytes`.
   */
  kept: { entries: number, bytes: number }
  /** The age of the oldest, in milliseconds; 0 where there is none. */
  ageMs: number
  /** Streams that follow the feed now, and loops over a subscription. */
  streams: number
  published: number
  delivered: number
  filtered: number
  failed: number
  lagged: number
  gaps: number
  /** How far the streams are behind the newest entry now. */
  lag: { entries: Percentiles, bytes: Percentiles }
}

/** How far a stream is behind the newest entry. */
export interface Lag {
  readonly entries: number
  readonly bytes: number
}

/** How far streams are behind. @param report is called with what a reader throws when it is looked at */
export function lagsOf (readers: Iterable<Pick<Follower, 'behind'>>, report: Report): Lag[] {
  const behind: Lag[] = []
  guardedEach(readers, (reader) => { behind.push(reader.behind()) }, report)
  return behind
}

/** What a feed holds and has done. @param behind how far its streams are behind */
export function statsOf (
  { window, histories }: { readonly window: Window, readonly histories: KeyHistories | undefined }, streams: number, figures: FeedFigures, behind: readonly Lag[]
): FeedStats {
  return {
    entries: window.size,
    bytes: window.bytes,
    kept: histories?.kept ?? { entries: 0, bytes: 0 },
    ageMs: Math.round(window.ageOf(window.oldest)),
    streams,
    ...figures,
    lag: { entries: percentilesOf(behind.map(({ entries }) => entries)), bytes: percentilesOf(behind.map(({ bytes }) => bytes)) }
  }
}

/** The percentiles of numbers, by nearest rank. */
export function percentilesOf (numbers: number[]): Percentiles {
  const sorted = Float64Array.from(numbers).sort()
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}
