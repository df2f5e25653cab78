/** What a family of runs counts. */
import { FeedFigures } from '../feed/figures.ts'
import type { HeldRun } from './held-run.ts'
import type { RunState } from './run.ts'

/** What the runs of one family hold and have done. */
export interface RunsStats {
  /** How many are running. */
  running: number
  /** How many have ended and are kept. */
  kept: number
  /** How many were started since the family was defined. */
  started: number
  /** How many have ended since then, by how they ended. */
  ended: Record<Exclude<RunState, 'running'>, number>
  /** Streams and loops that follow one now. */
  streams: number
  /** Events that are kept, of all runs. */
  entries: number
  /** The bytes that are held: events, cached forms of them, and 16 KiB for each run. */
  bytes: number
  /** Events that runs have had, and how often one was given to a stream, since the family was defined. */
  events: number
  delivered: number
  filtered: number
  failed: number
  lagged: number
  gaps: number
}

/** What is counted of runs that are not kept any more, so that no figure decreases. */
export class RunsFigures {
  started = 0
  readonly ended = { done: 0, failed: 0, stopped: 0 }
  #events = 0
  readonly #past = new FeedFigures()

  /** A run leaves: what it has counted stays. */
  forget (run: HeldRun): void {
    this.#events += run.feed.figures.published
    this.#past.add(run.feed.figures)
  }

  /** The figures now. It walks over all runs that are held. */
  stats (runs: Iterable<HeldRun>, bytes: number): RunsStats {
    const sum = Object.assign(new FeedFigures(), this.#past)
    const stats = { running: 0, kept: 0, started: this.started, ended: { ...this.ended }, streams: 0, entries: 0, bytes, events: this.#events }
    for (const run of runs) {
      if (run.isRunning) stats.running++
      else stats.kept++
      stats.streams += run.feed.readers
      stats.entries += run.feed.window.size
      stats.events += run.feed.figures.published
      sum.add(run.feed.figures)
    }
    const { delivered, filtered, failed, lagged, gaps } = sum
    return { ...stats, delivered, filtered, failed, lagged, gaps }
  }
}
