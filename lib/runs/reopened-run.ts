/** A run that its log has kept: it ended in this process or in another, or was lost with that. */
import type { EventLog } from '../log/contract.ts'
import { HeldRun, type RunTools } from './held-run.ts'
import { RunLog } from './run-log.ts'
import { RunFacts } from './run.ts'

/** A run that is over. */
export class ReopenedRun extends HeldRun {
  /**
   * Opens the log of a run. Rejects with `FST_EVENTFEED_UNKNOWN_RUN` where there is no history, and with what the log
   * fails with.
   */
  static async open (id: string, openLog: (id: string) => EventLog, tools: RunTools): Promise<ReopenedRun> {
    const { clock, settings: { retain } } = tools
    const log = new RunLog({ id, clock, open: () => openLog(id), record: () => ({ startedAt: 0 }) })
    const { record: { startedAt, tag, end }, events } = await log.reopen(retain)
    const facts = new RunFacts(id, tag, startedAt)
    facts.events = events
    facts.end(end, end.endedAt)
    const run = new ReopenedRun(facts, log, tools)
    run.setLastWord(end.isDrain === true, facts.error)
    run.feed.open()
    return run
  }

  override get earlier (): number { return this.events - (this.feed.window.next - 1) }
}
