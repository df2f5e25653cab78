/**
 * What feeds tell on Node's diagnostics channels: that a client was told of a gap, and that a reader has fallen
 * behind. A channel that nobody has subscribed to costs one look. What subscribers do with it is not known here.
 */
import { channel } from 'node:diagnostics_channel'
import type { Gap } from '../wire/protocol.ts'
import type { FeedFigures } from './figures.ts'
import type { LagPolicy, SlowConsumer } from './lag-policy.ts'

/** The message on `fastify-eventfeed:gap`: a stream was told that events are missing. */
export interface GapMessage extends Readonly<Gap> {
  /** The name of the feed. */
  readonly feed: string
}

/** The message on `fastify-eventfeed:lagged`: a stream has fallen too far behind its feed. */
export interface LaggedMessage {
  /** The name of the feed. */
  readonly feed: string
  /** What becomes of it, as the feed has it. */
  readonly mode: SlowConsumer
  /** How many entries it was behind. */
  readonly entries: number
  /** How many bytes it was behind, as far as the log still has them. */
  readonly bytes: number
}

/** What is needed of the feed. */
interface CountedFeed {
  /** The name that its figures stand under. */
  readonly countedAs: string
  readonly figures: FeedFigures
  readonly lag: LagPolicy
}

const gap = channel('fastify-eventfeed:gap')
const lagged = channel('fastify-eventfeed:lagged')

/** Tells that a stream was told of a gap. */
export function gapTold ({ feed, requested, oldest, reason }: GapMessage): void {
  if (gap.hasSubscribers) gap.publish({ feed, requested, oldest, reason } satisfies GapMessage)
}

/** Counts a gap of which a stream was told, and tells it. */
export function countGap ({ countedAs, figures }: Pick<CountedFeed, 'countedAs' | 'figures'>, gap: Gap): void {
  figures.gaps++
  if (gap.reason === 'failed') figures.failed++
  gapTold({ ...gap, feed: countedAs })
}

/** Tells that a reader has fallen too far behind. */
export function readerLagged ({ feed, mode, entries, bytes }: LaggedMessage): void {
  if (lagged.hasSubscribers) lagged.publish({ feed, mode, entries, bytes } satisfies LaggedMessage)
}

/** Counts a reader that has fallen too far behind, and tells of it. @param behind how far */
export function countLag ({ countedAs, figures, lag: { mode } }: CountedFeed, behind: { entries: number, bytes: number }): void {
  figures.lagged++
  readerLagged({ feed: countedAs, mode, ...behind })
}
