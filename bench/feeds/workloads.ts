/** The workloads of feeds: what only ours is measured at, against targets of its own. */
import { fairness } from './fairness.ts'
import type { Finding } from './finding.ts'
import { history } from './history.ts'
import { keyed } from './keyed.ts'
import { projections } from './projections.ts'
import { replay } from './replay.ts'
import { responsive } from './responsive.ts'
import { rooms } from './rooms.ts'
import type { Effort, Stage } from './stage.ts'
import { stalled } from './stalled.ts'
import { storm } from './storm.ts'
import { where } from './where.ts'

export interface FeedWorkload {
  readonly name: string
  readonly title: string
  readonly reason: string
  /** How many connections, unless `--connections` says otherwise; `undefined` where that is the workload's own. */
  readonly connections: number | undefined
  readonly quickConnections: number
  /** At most so many rounds. */
  readonly mostRounds: number
  /** True where the load client in Node will not do. */
  readonly needsC?: boolean
  readonly play: (stage: Stage, effort: Effort) => Promise<Finding[]>
}

export const FEED_WORKLOADS: readonly FeedWorkload[] = [
  {
    name: 'keyed',
    title: 'subscriptions with 50 keys of 5,000 each; an entry has one taker in a hundred',
    reason: 'a chat of friends: publishing is to cost as much as an entry has takers, not subscribers',
    connections: 10_000,
    quickConnections: 1_000,
    mostRounds: 5,
    play: keyed
  },
  {
    name: 'where',
    title: 'predicates that all refuse',
    reason: 'a filter that fits no key: what the feed puts on top of calling it',
    connections: 10_000,
    quickConnections: 1_000,
    mostRounds: 5,
    play: where
  },
  {
    name: 'history',
    title: 'the newest 20 entries of each of 10,000 keys are kept',
    reason: 'a quiet key beside loud ones: to keep what is its own is to cost publishing little',
    connections: undefined,
    quickConnections: 0,
    mostRounds: 5,
    play: history
  },
  {
    name: 'projections',
    title: 'two projections, shared by all streams',
    reason: 'a shape is made once for each entry, not once for each stream',
    connections: 1_000,
    quickConnections: 100,
    mostRounds: 5,
    play: projections
  },
  {
    name: 'stalled-feed',
    title: 'one in ten stops reading while 20 MB are published for each, and then reads on',
    reason: 'tunnels and sleeping laptops: they may cost a cursor, delay nobody, and lose nothing in silence',
    connections: 1_000,
    quickConnections: 100,
    mostRounds: 3,
    needsC: true,
    play: stalled
  },
  {
    name: 'replay',
    title: 'a history of 10,000 entries to all at once',
    reason: 'a crowd that comes back, such as after a proxy was restarted',
    connections: 1_000,
    quickConnections: 100,
    mostRounds: 3,
    play: replay
  },
  {
    name: 'storm',
    title: 'all are cut at once, and come back as pages do',
    reason: 'nobody may be left behind, and the server is not to be knocked over again: the retries are spread',
    connections: 5_000,
    quickConnections: 500,
    mostRounds: 2,
    play: storm
  },
  {
    name: 'fairness',
    title: 'delay of the event loop while a feed is fanned out',
    reason: 'other routes, timers and heartbeats are to run meanwhile',
    connections: 10_000,
    quickConnections: 1_000,
    mostRounds: 5,
    play: fairness
  },
  {
    name: 'responsive',
    title: 'an ordinary route beside generators as fast as they go',
    reason: 'a source that never waits is not to starve the application',
    connections: undefined,
    quickConnections: 10,
    mostRounds: 3,
    play: responsive
  },
  {
    name: 'rooms',
    title: 'a room for each stream, and a million rooms that nobody follows',
    reason: 'documents, games, support cases: very many feeds with a reader each may cost little more than the readers, and leave nothing',
    connections: 10_000,
    quickConnections: 500,
    mostRounds: 3,
    play: rooms
  }
]
