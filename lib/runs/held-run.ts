/** A run that this process holds, running or kept: what is known of it, its feed, and how its streams end. */
import { RUN_FAILED, RunFailed, shown } from '../errors.ts'
import type { FeedParts } from '../feed/feed-parts.ts'
import type { Deadlines } from '../deadlines.ts'
import { LogFeed } from '../subscription/feed.ts'
import type { SourceEnd } from '../wire/frame-source.ts'
import type { RunsSettings } from './options.ts'
import type { Room } from './room.ts'
import type { RunLog } from './run-log.ts'
import type { FollowedOutput } from './run-plan.ts'
import type { Run, RunFacts } from './run.ts'

/** What all runs of a family share. */
export interface RunTools extends Pick<FeedParts, 'clock' | 'codec' | 'compile' | 'onMisheard'> {
  /** The name of the family: what its runs count stands under that. */
  readonly name: string
  readonly settings: RunsSettings
  readonly deadlines: Deadlines
  readonly room: Room
  /** Called when a run has ended, once for each. */
  readonly onEnded: (run: HeldRun) => void
  /** Called when nothing is left of a run. */
  readonly onFreed: (run: HeldRun) => void
  /** Tells the application's log what has failed. */
  readonly report: (error: unknown, what: string) => void
}

/** How streams of runs are too slow: they learn what they have missed, and go on. */
const LAG = { mode: 'skip', maxLagBytes: Infinity, maxLagMs: Infinity } as const

/** One run. */
export class HeldRun implements FollowedOutput {
  readonly facts: RunFacts
  readonly feed: LogFeed
  protected readonly tools: RunTools
  /** `undefined` where it ends with the process. */
  protected readonly log: RunLog | undefined
  #lastWord: SourceEnd = { kind: 'done' }

  /** `feed.open` comes next. */
  constructor (facts: RunFacts, log: RunLog | undefined, tools: RunTools) {
    const { name, settings, clock, codec, compile, onMisheard, room } = tools
    this.facts = facts
    this.log = log
    this.tools = tools
    this.feed = new LogFeed({
      name: facts.id,
      countedAs: name,
      log,
      retain: settings.retain,
      clock,
      deadlines: tools.deadlines,
      codec,
      compile,
      onMisheard,
      lag: LAG,
      output: { lastWord: () => this.#lastWord, makeRoom: (bytes) => { this.makeRoom(bytes) }, onHeld: room.hold },
      onEnd: () => {},
      onFreed: (error) => {
        if (error !== undefined) this.report(error, 'its log could not be freed')
        tools.onFreed(this)
      },
      onFault: (error, what) => { this.report(error, what) }
    })
  }

  get id (): string { return this.facts.id }

  get events (): number { return this.facts.events }

  /** Of a run that begins in this process, none. */
  get earlier (): number { return 0 }

  get isRunning (): boolean { return this.facts.state === 'running' }

  get beginning (): string { return this.log?.beginning ?? '' }

  positionAfter (events: number, after: string): string | Promise<string> {
    return this.log?.positionAfter(events, after) ?? after
  }

  /** Stops it. A run that has ended stays as it is. */
  stop (_reason: string | undefined, _how?: { isDrain: boolean, withinMs: number }): Promise<Run> {
    return Promise.resolve(this.facts)
  }

  /** It is not kept any more: who follows it still gets what remains. */
  free (): void {
    this.feed.letGo()
  }

  /** It is given up at once, as when the application closes: who follows it is to come back. */
  async close (): Promise<void> {
    await this.feed.close()
  }

  /** Throws where there is no room for an event. One that has ended gets none. */
  protected makeRoom (_bytes: number): void {}

  /**
   * From now on streams end so when they have read all. A stop is an end like any other, but for that by a drain.
   *
   * @param cause what it has failed with: for the application alone
   */
  protected setLastWord (isDrain: boolean, cause: unknown): void {
    const { state, reason } = this.facts
    if (state === 'failed' || isDrain) this.#lastWord = { kind: 'failed', error: new RunFailed(shown(this.id), { cause }), code: RUN_FAILED, isFinal: true }
    else if (reason !== undefined) this.#lastWord = { kind: 'done', reason }
  }

  protected report (error: unknown, what: string): void {
    this.tools.report(error, `the run ${shown(this.id)}: ${what}`)
  }
}
