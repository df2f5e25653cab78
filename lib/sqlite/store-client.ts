/**
 * What all logs of one call of `sqliteLogs` share. The database is opened for the first of them, and closed after the
 * last one; where it is lost in between, it is opened again by the next call. It does not know what is in the logs.
 */
import type { Clock } from '../clock.ts'
import { SQLITE_ANSWER_MS, SQLITE_PAGES_ASKED, SQLITE_SWEEP_LEAST_MS, SQLITE_SWEEP_MOST_MS } from '../defaults.ts'
import { LogUnavailable, LogUnusable, shown } from '../errors.ts'
import type { Retention } from '../log/retention.ts'
import { failureOf } from './failures.ts'
import type { Done, Engine, Handle, Operation, Operations } from './operations.ts'
import { PendingWrites, type WrittenLog } from './pending-writes.ts'

/** A log that is open, or being opened. */
export interface ClientLog extends WrittenLog {
  /** Whether it was opened once: then it is opened again with the database. */
  readonly isOpen: boolean
  /** The database was opened again: `opened` says how it stands now. */
  reopened (opened: Operations['open']['answer']): void
}

/** Makes an engine; it calls `onLost` where the database must be opened again. May throw. */
export type StartEngine = (onLost: () => void) => Engine

/** The database, as its logs see it. */
export class StoreClient {
  readonly retain: Retention
  readonly clock: Clock
  readonly writes: PendingWrites
  readonly #start: StartEngine
  /** What the wall clock showed when the steady one began. */
  readonly #epoch: number
  readonly #logs = new Map<Handle, ClientLog>()
  readonly #names = new Set<string>()
  #engine: Engine | undefined
  /** Set while an engine is being stopped; nothing else may open the file. */
  #stopping: Promise<void> | undefined
  /** Logs and questions for which the database must be open. */
  #users = 0
  #handles = 0
  #pagesAsked = 0
  readonly #pagesWaiting: Array<() => void> = []
  #stopTimer: (() => void) | undefined
  #isSweeping = false

  constructor (start: StartEngine, retain: Retention, clock: Clock) {
    this.#start = start
    this.retain = retain
    this.clock = clock
    this.#epoch = clock.now() - clock.elapsed()
    this.writes = new PendingWrites((ask, done) => {
      this.ask('write', { ...ask, now: this.now() }, (error, written) => {
        done(error, written)
        if (written?.isSweepDue === true) this.#sweepIn(0)
      })
    })
  }

  /** The time in milliseconds since the Unix epoch, by a clock that nobody sets. */
  now (): number {
    return this.#epoch + this.clock.elapsed()
  }

  /** Since when an event counts as kept that was published `at` a time of the wall clock. */
  since (at: number): number {
    return this.now() - Math.max(0, this.clock.now() - at)
  }

  /**
   * A handle for a log that is opened next, by `ask('open')`. It must be removed in any case. Throws where one of
   * that name is open.
   */
  add<Log extends ClientLog> (log: (handle: Handle) => Log, name: string): Log {
    if (this.#names.has(name)) {
      throw new LogUnusable(`the log ${shown(name)} is open already: end its feed, or close its application, before you use it for another one`)
    }
    this.#names.add(name)
    const added = log(this.#handles++)
    this.#logs.set(added.handle, added)
    this.#users++
    return added
  }

  /** The log is not used any more. Resolves when the database has been closed, where nobody else uses it. */
  async remove (log: ClientLog): Promise<void> {
    if (!this.#logs.delete(log.handle)) return
    this.#names.delete(log.name)
    await this.#leave()
  }

  /** Asks the database, and opens it first where it is closed. Answers come in the order of the questions. */
  ask<Kind extends Operation> (kind: Kind, ask: Operations[Kind]['ask'], done: Done<Kind>): void {
    if (this.#stopping !== undefined) return this.#askAfter(this.#stopping, kind, ask, done)
    try {
      this.#engine ??= this.#open()
    } catch (error) {
      return done(failureOf(error, 'the database of feeds'), undefined)
    }
    this.#engine.ask(kind, ask, done)
  }

  /** Asks after the database was closed. That may take for ever where the system hangs. */
  #askAfter<Kind extends Operation> (stopped: Promise<void>, kind: Kind, ask: Operations[Kind]['ask'], done: Done<Kind>): void {
    let isOver = false
    const stopTimer = this.clock.after(SQLITE_ANSWER_MS, () => {
      isOver = true
      done(new LogUnavailable(`the database of feeds cannot be used now: it has not been closed for ${SQLITE_ANSWER_MS} ms`), undefined)
    })
    const go = (): void => {
      stopTimer()
      if (!isOver) this.ask(kind, ask, done)
    }
    stopped.then(go, go)
  }

  /** Asks only where the database is open; nobody waits for the answer. */
  askIfOpen<Kind extends Operation> (kind: Kind, ask: Operations[Kind]['ask']): void {
    this.#engine?.ask(kind, ask, () => {})
  }

  /** As `ask`, by a promise. */
  async answer<Kind extends Operation> (kind: Kind, ask: Operations[Kind]['ask']): Promise<Operations[Kind]['answer']> {
    return await new Promise((resolve, reject) => {
      this.ask(kind, ask, (error, answer) => {
        // an answer may be null or false
        if (answer === undefined) reject(error ?? new Error('no answer'))
        else resolve(answer)
      })
    })
  }

  /** As `answer`, where no log needs to be open. */
  async answerAlone<Kind extends Operation> (kind: Kind, ask: Operations[Kind]['ask']): Promise<Operations[Kind]['answer']> {
    this.#users++
    try {
      return await this.answer(kind, ask)
    } finally {
      await this.#leave()
    }
  }

  /** Asks for a page. Only few are under way, because each holds memory; the others wait for their turn. */
  page (ask: Operations['page']['ask'], done: Done<'page'>): void {
    if (this.#pagesAsked >= SQLITE_PAGES_ASKED) {
      this.#pagesWaiting.push(() => { this.page(ask, done) })
      return
    }
    this.#pagesAsked++
    this.ask('page', ask, (error, page) => {
      this.#pagesAsked--
      done(error, page)
      this.#pagesWaiting.shift()?.()
    })
  }

  /** Removes what is not kept any more from the file, in pieces, so that nobody waits long for one. */
  sweepSoon (): void {
    this.#sweepIn(0)
  }

  #open (): Engine {
    const engine = this.#start(() => {
      if (this.#engine === engine) this.#stopSoon(engine)
    })
    this.#engine = engine
    engine.ask('start', null, (error) => {
      if (error !== undefined && this.#engine === engine) this.#stopSoon(engine)
    })
    for (const log of this.#logs.values()) if (log.isOpen) this.#reopen(engine, log)
    this.#sweepLater()
    return engine
  }

  #reopen (engine: Engine, log: ClientLog): void {
    engine.ask('open', { handle: log.handle, name: log.name, now: this.now() }, (error, opened) => {
      if (opened !== undefined) log.reopened(opened)
      // without the log nothing of it can be answered: the next call tries again
      else if (error !== undefined && this.#engine === engine) this.#stopSoon(engine)
    })
  }

  async #leave (): Promise<void> {
    this.#users--
    if (this.#users === 0 && this.#engine !== undefined) await this.#stop(this.#engine)
    else if (this.#users === 0) await this.#stopping
  }

  /** Nobody waits for it: the next question does. */
  #stopSoon (engine: Engine): void {
    this.#stop(engine).catch(() => {})
  }

  async #stop (engine: Engine): Promise<void> {
    this.#engine = undefined
    this.#stopTimer?.()
    this.#stopTimer = undefined
    const stopping = engine.stop()
    this.#stopping = stopping
    await stopping
    if (this.#stopping === stopping) this.#stopping = undefined
  }

  /** By age, entries leave without any call. */
  #sweepLater (): void {
    const { ageMs } = this.retain
    if (ageMs === Infinity) return
    this.#sweepIn(Math.min(Math.max(ageMs / 10, SQLITE_SWEEP_LEAST_MS), SQLITE_SWEEP_MOST_MS))
  }

  #sweepIn (delayMs: number): void {
    if (this.#isSweeping) return
    this.#stopTimer?.()
    this.#stopTimer = this.clock.after(delayMs, () => { this.#sweep() })
  }

  #sweep (): void {
    this.#stopTimer = undefined
    if (this.#engine === undefined || this.#users === 0) return
    this.#isSweeping = true
    this.#engine.ask('sweep', { now: this.now() }, (error, isMoreLeft) => {
      this.#isSweeping = false
      if (this.#engine === undefined) return
      if (error === undefined && isMoreLeft === true) this.#sweepIn(0)
      // also where it failed: what is left takes room, and nothing else
      else this.#sweepLater()
    })
  }
}
