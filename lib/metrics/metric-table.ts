/**
 * Which metrics there are: by name, kind and labels, and how each is read off the figures of `app.eventfeed.stats()`.
 * Names follow https://prometheus.io/docs/practices/naming: the unit comes last, but for the `_total` of a counter.
 */
import type { FastifyInstance } from 'fastify'

/** What `app.eventfeed.stats()` gives. */
export type Figures = ReturnType<FastifyInstance['eventfeed']['stats']>

type FeedFigures = Figures['feeds'][string]
type RunsFigures = Figures['runs'][string]
type Label = 'route' | 'reason' | 'feed' | 'quantile' | 'runs' | 'state'

/** One value of a metric. */
export interface Sample {
  readonly labels: Readonly<Partial<Record<Label, string>>>
  readonly value: number
}

/** One metric. */
export interface MetricRow {
  /** Without the prefix. */
  readonly name: string
  readonly help: string
  readonly kind: 'gauge' | 'counter'
  readonly labels: readonly Label[]
  readonly samples: (figures: Figures) => Sample[]
}

type Percentile = 'p50' | 'p90' | 'p99' | 'max'

/** The percentiles of a lag, and what the label `quantile` calls them. */
const QUANTILES: ReadonlyArray<[percentile: Percentile, quantile: string]> = [['p50', '0.5'], ['p90', '0.9'], ['p99', '0.99'], ['max', '1']]

/** All metrics. */
export const METRICS: readonly MetricRow[] = [
  { name: 'connections', help: 'Event streams that are open.', kind: 'gauge', labels: ['route'], samples: ({ routes }) => labelled('route', routes) },
  { name: 'streams_opened_total', help: 'Event streams that were opened.', kind: 'counter', labels: [], samples: ({ opened }) => [{ labels: {}, value: opened }] },
  { name: 'streams_ended_total', help: 'Event streams that have ended, by reason.', kind: 'counter', labels: ['reason'], samples: ({ ended }) => labelled('reason', ended) },
  { name: 'streams_refused_total', help: 'Requests that got no event stream, by reason.', kind: 'counter', labels: ['reason'], samples: ({ refused }) => labelled('reason', refused) },
  { name: 'events_sent_total', help: 'Events that were handed to sockets.', kind: 'counter', labels: [], samples: ({ events }) => [{ labels: {}, value: events }] },
  { name: 'sent_bytes_total', help: 'Bytes of event streams that were handed to sockets.', kind: 'counter', labels: [], samples: ({ bytes }) => [{ labels: {}, value: bytes }] },

  ofFeeds('gauge', 'feed_streams', 'Streams that follow a feed.', ({ streams }) => streams),
  ofFeeds('gauge', 'feed_entries', 'Entries that a feed keeps.', ({ entries }) => entries),
  ofFeeds('gauge', 'feed_bytes', 'Bytes that a feed keeps, cached forms of its entries included.', ({ bytes }) => bytes),
  ofFeeds('gauge', 'feed_kept_entries', 'Entries that a feed keeps by key, though its log has dropped them.', ({ kept }) => kept.entries),
  ofFeeds('gauge', 'feed_kept_bytes', 'Bytes that a feed keeps for histories by key.', ({ kept }) => kept.bytes),
  ofFeeds('gauge', 'feed_age_seconds', 'Age of the oldest entry that a feed keeps.', ({ ageMs }) => ageMs / 1000),
  ofFeeds('counter', 'feed_published_total', 'Events that were published in a feed.', ({ published }) => published),
  ofFeeds('counter', 'feed_delivered_total', 'Events of a feed that were handed to its streams.', ({ delivered }) => delivered),
  ofFeeds('counter', 'feed_filtered_total', 'Entries of a feed that its streams left out.', ({ filtered }) => filtered),
  ofFeeds('counter', 'feed_failed_total', 'Entries of a feed that its streams could not filter or write.', ({ failed }) => failed),
  ofFeeds('counter', 'feed_lagged_total', 'Times that a stream fell too far behind its feed.', ({ lagged }) => lagged),
  ofFeeds('counter', 'feed_gaps_total', 'Gaps that streams of a feed were told of.', ({ gaps }) => gaps),
  lagOfFeeds('feed_lag_entries', 'Entries that the streams of a feed are behind its head.', ({ lag }) => lag.entries),
  lagOfFeeds('feed_lag_bytes', 'Bytes that the streams of a feed are behind its head.', ({ lag }) => lag.bytes),

  ofRooms('gauge', 'feed_rooms', 'Rooms of a family that are open.', ({ open }) => open),
  ofRooms('counter', 'feed_rooms_opened_total', 'Rooms of a family that were opened.', ({ opened }) => opened),
  ofRooms('counter', 'feed_rooms_freed_total', 'Rooms of a family that were freed because nobody came.', ({ freed }) => freed),
  ofRooms('counter', 'feed_rooms_ended_total', 'Rooms of a family that have ended.', ({ ended }) => ended),

  ofRuns('gauge', 'runs_running', 'Runs that are running.', ({ running }) => running),
  ofRuns('gauge', 'runs_kept', 'Runs that have ended and are kept.', ({ kept }) => kept),
  ofRuns('counter', 'runs_started_total', 'Runs that were started.', ({ started }) => started),
  {
    name: 'runs_ended_total',
    help: 'Runs that have ended, by how they ended.',
    kind: 'counter',
    labels: ['runs', 'state'],
    samples: ({ runs }) => Object.entries(runs).flatMap(([name, { ended }]) => Object.entries(ended).map(([state, value]) => ({ labels: { runs: name, state }, value })))
  },
  ofRuns('gauge', 'runs_streams', 'Streams that follow a run.', ({ streams }) => streams),
  ofRuns('gauge', 'runs_entries', 'Events of runs that are held in memory.', ({ entries }) => entries),
  ofRuns('gauge', 'runs_bytes', 'Bytes that runs hold in memory.', ({ bytes }) => bytes),
  ofRuns('counter', 'runs_events_total', 'Events that runs have had.', ({ events }) => events),
  ofRuns('counter', 'runs_delivered_total', 'Events of runs that were handed to streams.', ({ delivered }) => delivered),
  ofRuns('counter', 'runs_filtered_total', 'Events of runs that streams left out.', ({ filtered }) => filtered),
  ofRuns('counter', 'runs_failed_total', 'Events of runs that streams could not filter or write.', ({ failed }) => failed),
  ofRuns('counter', 'runs_lagged_total', 'Times that a stream fell too far behind its run.', ({ lagged }) => lagged),
  ofRuns('counter', 'runs_gaps_total', 'Gaps that streams of runs were told of.', ({ gaps }) => gaps)
]

function labelled (label: Label, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
}

/** A metric with one value for each feed. */
function ofFeeds (kind: MetricRow['kind'], name: string, help: string, read: (feed: FeedFigures) => number): MetricRow {
  return {
    name, help, kind, labels: ['feed'], samples: ({ feeds }) => Object.entries(feeds).map(([feed, figures]) => ({ labels: { feed }, value: read(figures) }))
  }
}

/** A metric with one value for each family of rooms: ids would make a series of each room. */
function ofRooms (kind: MetricRow['kind'], name: string, help: string, read: (rooms: NonNullable<FeedFigures['rooms']>) => number): MetricRow {
  const samplesOf = ([feed, { rooms }]: [string, FeedFigures]): Sample[] => rooms === undefined ? [] : [{ labels: { feed }, value: read(rooms) }]
  return { name, help, kind, labels: ['feed'], samples: ({ feeds }) => Object.entries(feeds).flatMap(samplesOf) }
}

/** A metric with one value for each family of runs: ids would make a series of each run. */
function ofRuns (kind: MetricRow['kind'], name: string, help: string, read: (runs: RunsFigures) => number): MetricRow {
  return {
    name, help, kind, labels: ['runs'], samples: ({ runs }) => Object.entries(runs).map(([family, figures]) => ({ labels: { runs: family }, value: read(figures) }))
  }
}

/** A metric with the percentiles for each feed. */
function lagOfFeeds (name: string, help: string, read: (feed: FeedFigures) => Readonly<Record<Percentile, number>>): MetricRow {
  const samplesOf = ([feed, figures]: [string, FeedFigures]): Sample[] => {
    const lag = read(figures)
    return QUANTILES.map(([percentile, quantile]) => ({ labels: { feed, quantile }, value: lag[percentile] }))
  }
  return { name, help, kind: 'gauge', labels: ['feed', 'quantile'], samples: ({ feeds }) => Object.entries(feeds).flatMap(samplesOf) }
}
