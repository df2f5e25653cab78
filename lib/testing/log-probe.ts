/**
 * What a claim holds of the logs under test: each hold on a log is opened, asked and closed here, so that every answer
 * comes in time and has its shape, and nothing is left open where a claim fails.
 */
import { setImmediate } from 'node:timers/promises'
import { LOG_QUIET_TURNS } from '../defaults.ts'
import type { EventLog } from '../log/contract.ts'
import type { Retention } from '../log/retention.ts'
import { Asker } from './asker.ts'
import { Hold } from './log-hold.ts'
import type { LogUnderTest, OfferedFunction } from './log-under-test.ts'
import { Told } from './told.ts'

/** What one run of a claim holds. */
export class Probe {
  readonly #under: LogUnderTest
  readonly #made: EventLog[] = []
  readonly #holds: Hold[] = []
  readonly #releases: Array<() => void> = []
  readonly #asker: Asker

  constructor (under: LogUnderTest) {
    this.#under = under
    this.#asker = new Asker(under)
  }

  /** A new log, empty and open. */
  async make (retain: Partial<Retention> = {}): Promise<Hold> {
    return await (await this.makeUnopened(retain)).open()
  }

  /** A new log, which `tail` has not opened. */
  async makeUnopened (retain: Partial<Retention> = {}): Promise<Hold> {
    const log = await this.ask('make()', () => this.#under.make(retain))
    this.#made.push(log)
    return this.hold(log)
  }

  /** A hold on a log that is not open yet. */
  hold (log: EventLog): Hold {
    const hold = new Hold(this.#asker, log)
    this.#holds.push(hold)
    return hold
  }

  /** Another hold on the history of a log that was closed or deleted; not open. */
  async reopened ({ log }: Hold): Promise<Hold> {
    return this.hold(await this.ask('reopen()', async () => await this.#offered('reopen')(log)))
  }

  /** Closes a log, and opens its history again. */
  async restarted (hold: Hold): Promise<Hold> {
    await hold.close()
    return await (await this.reopened(hold)).open()
  }

  /** Kills a log: what it still tells nobody hears. Answers the next hold; not open. */
  async killed (hold: Hold): Promise<Hold> {
    hold.die()
    return this.hold(await this.ask('kill()', async () => await this.#offered('kill')(hold.log)))
  }

  /** A hold as another process has it; not open. */
  async joined ({ log }: Hold): Promise<Hold> {
    return this.hold(await this.ask('join()', async () => await this.#offered('join')(log)))
  }

  /** A hold as another process wants it, and does not get it; not open. */
  async rivalOf ({ log }: Hold): Promise<Hold> {
    return this.hold(await this.ask('rival()', async () => await this.#offered('rival')(log)))
  }

  async failNext ({ log }: Hold): Promise<void> {
    await this.ask('failNext()', async () => await this.#offered('failNext')(log))
  }

  /** No append is committed until what it returns is called, which the end of the claim does at the latest. */
  holdCommits ({ log }: Hold): () => void {
    return this.#onceAtLeast(this.#offered('holdCommits')(log))
  }

  /** The tails are told nothing until what it returns is called, which the end of the claim does at the latest. */
  loseTail ({ log }: Hold): () => void {
    return this.#onceAtLeast(this.#offered('loseTail')(log))
  }

  ahead (position: string): string {
    return this.#offered('ahead')(position)
  }

  now (): number {
    return this.#asker.now()
  }

  advance (ms: number): void {
    const clock = this.#under.clock
    if (clock === undefined) throw new Error('there is no clock to move')
    clock.advance(ms)
  }

  /** A listener that writes down what it is told. */
  listener (): Told {
    return new Told(this.#asker.answerWithinMs)
  }

  /** Calls at once, and waits for the answer, within the bound. */
  async ask<Answer> (what: string, call: () => Answer | Promise<Answer>): Promise<Answer> {
    return await this.#asker.ask(what, call)
  }

  /** Lets what is late by a few turns of the event loop come. */
  async quiet (): Promise<void> {
    for (let turn = 0; turn < LOG_QUIET_TURNS; turn++) await setImmediate()
  }

  /** Throws what a tail did that no tail may do. */
  check (): void {
    for (const hold of this.#holds) hold.check()
  }

  /** Closes and removes all that was made. Answers what failed of that, in order. */
  async end (): Promise<unknown[]> {
    const failures: unknown[] = []
    const attempt = async (what: string, call: () => unknown): Promise<void> => {
      try {
        await this.ask(what, call)
      } catch (error) {
        failures.push(error)
      }
    }
    for (const release of this.#releases) await attempt('release', release)
    for (const { log, isDead } of this.#holds) if (!isDead) await attempt('close()', () => log.close())
    for (const log of this.#made) await attempt('discard()', async () => { await this.#under.discard?.(log) })
    return failures
  }

  #onceAtLeast (release: () => void): () => void {
    let isReleased = false
    const once = (): void => {
      if (isReleased) return
      isReleased = true
      release()
    }
    this.#releases.push(once)
    return once
  }

  /** What a log under test offers, as a method of it. The claims name what they need, so it is there. */
  #offered<Name extends OfferedFunction> (name: Name): NonNullable<LogUnderTest[Name]> {
    const ability = this.#under[name]
    if (ability === undefined) throw new Error(`the claim does not say that it needs ${name}`)
    // binding keeps the parameters of a method, which the type of `bind` does not say for a union of methods
    return ability.bind(this.#under) as NonNullable<LogUnderTest[Name]>
  }
}
