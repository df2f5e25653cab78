/**
 * The hold of a feed on its log: it is opened, written to, ended and given up. What comes before it has opened waits,
 * and what waits is bounded. It does not know who reads.
 */
import { PENDING_APPENDS, PENDING_BYTES } from '../defaults.ts'
import { asError, LogBusy, LogClosed, LogFailed, shown } from '../errors.ts'
import { guardedEach } from '../guarded.ts'
import { appended, begun } from '../log/answers.ts'
import type { EventLog, LogDraft, Tail, TailListener } from '../log/contract.ts'
import { sizeOf } from '../log/retention.ts'
import { isThenable } from '../thenable.ts'

/** Somebody who waits until the log has opened. */
interface Waiter {
  opened (): void
  failed (error: unknown): void
}

/** Who hears what the log tells. */
export interface HeldLogListener extends TailListener {
  /** The log has opened, and `before` is the position before what it has told; nobody who waits was told so far. */
  open (before: string): void
  /** It could not be opened: what it has told meanwhile does not count. */
  failed (): void
}

/** Whose log is held. There are very many feeds, so each is this itself, and no object is made for it. */
export interface LogOwner {
  /** The name of the feed. */
  readonly name: string
  readonly log: EventLog
  /** True for the log in memory that the feed has made: what that answers need not be looked at. */
  readonly isOwnLog: boolean
  /** How much of the history the listener gets first. */
  readonly window: { readonly retention: { readonly entries: number, readonly bytes: number } }
  /** An event that was on its way has arrived, or failed. */
  onSettled (): void
  /** Called with what failed and has nobody else to report it. */
  fault (error: unknown, what: string): void
}

/** A log, as one feed holds it. */
export class HeldLog {
  readonly #owner: LogOwner
  readonly #listener: HeldLogListener
  #state: 'shut' | 'opening' | 'open' = 'shut'
  /** Settles when it is known whether the log has opened; never rejects. */
  #opening: Promise<void> | undefined
  /** Why the log could not be opened the last time. */
  #failure: { readonly error: unknown } | undefined
  /** Made for the first who waits. */
  #waiting: Waiter[] | undefined
  #pending = 0
  #pendingBytes = 0
  #isClosed = false

  constructor (owner: LogOwner, listener: HeldLogListener) {
    this.#owner = owner
    this.#listener = listener
  }

  /** True after the log has opened, and before it is closed. */
  get isOpen (): boolean { return this.#state === 'open' && !this.#isClosed }

  /** True where no event is on its way into the log. */
  get isIdle (): boolean { return this.#pending === 0 }

  get isClosed (): boolean { return this.#isClosed }

  /**
   * Opens the log, if that has not begun. Throws what the log throws; if it rejects, so do the calls that wait.
   */
  open (): void {
    if (this.#state !== 'shut' || this.#isClosed) return
    const { log, window } = this.#owner
    this.#state = 'opening'
    this.#failure = undefined
    try {
      const answer = log.tail(this.#listener, window.retention)
      if (!isThenable(answer)) return this.#begin(begun(answer))
      this.#opening = Promise.resolve(answer).then((tail) => { this.#begin(begun(tail)) }).catch((error: unknown) => { this.#fail(error) })
    } catch (error) {
      this.#fail(error)
      throw error
    }
  }

  /** Waits until it is known that the log has opened. Rejects with why it could not be. */
  async ready (): Promise<void> {
    await this.#opening
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Calls one of the two: at once where the log is open; opens it where it is not. Those who wait come in order. */
  whenOpen (opened: () => void, failed: (error: unknown) => void): void {
    if (this.#isClosed) return failed(this.#closed())
    if (this.#state === 'open') return opened()
    this.#waiting ??= []
    this.#waiting.push({ opened, failed })
    try {
      this.open()
    } catch { /* who waits was told */ }
  }

  /**
   * Answers what `use` gives when the log has opened, in the order of those who ask. Rejects with
   * `FST_EVENTFEED_LOG_FAILED` where it could not be opened.
   */
  opened<Value> (use: () => Value | Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      this.whenOpen(() => {
        try {
          resolve(use())
        } catch (error) {
          reject(asError(error, 'a stream could not begin'))
        }
      }, (cause) => { reject(new LogFailed({ cause })) })
    })
  }

  /**
   * Adds an event; a promise where the log gives one, or has not opened. Throws `FST_EVENTFEED_LOG_BUSY` where too many
   * are on their way, and `FST_EVENTFEED_LOG_CLOSED` after `close`.
   */
  append (draft: LogDraft): string | Promise<string> {
    if (this.#isClosed) throw this.#closed()
    if (this.#pending > 0) this.#checkRoom(draft)
    if (this.#state === 'open') {
      const answer = this.#owner.log.append(draft)
      if (isThenable(answer)) return this.#pend(draft, Promise.resolve(answer))
      return this.#owner.isOwnLog ? answer : appended(answer)
    }
    return this.#pend(draft, new Promise((resolve, reject) => {
      this.whenOpen(() => { attempt(() => this.#owner.log.append(draft), resolve, reject) }, reject)
    }))
  }

  /** Writes the end, after what is on its way. `done` is called when that is known, or has failed. */
  end (done: (error?: unknown) => void): void {
    this.whenOpen(() => {
      attempt(() => {
        const answer = this.#owner.log.end()
        // looked at here, because reading `then` may throw too
        return isThenable(answer) ? Promise.resolve(answer) : undefined
      }, (answer) => {
        if (answer === undefined) done()
        else answer.then(() => { done() }, done)
      }, done)
    }, done)
  }

  /** Deletes the history, and gives up the hold. A log that was never opened is left as it is. */
  async delete (): Promise<void> {
    if (this.#isClosed) return
    const isOpen = this.isOpen
    this.#isClosed = true
    if (isOpen) await this.#owner.log.delete()
  }

  /** Gives up the hold. What waits for the opening fails; what is on its way into the log arrives first. */
  async close (): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#refuse(this.#closed())
    if (this.#state === 'opening') await this.#opening
    if (this.#state === 'open') await this.#owner.log.close()
  }

  #begin (tail: Tail): void {
    this.#listener.open(tail.before)
    // what is published by one of them comes after those who wait already
    for (let waiter = this.#waiting?.shift(); waiter !== undefined; waiter = this.#waiting?.shift()) this.#tell(waiter)
    this.#state = 'open'
  }

  #fail (error: unknown): void {
    this.#state = 'shut'
    this.#failure = { error }
    this.#listener.failed()
    this.#refuse(error)
  }

  #refuse (error: unknown): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    guardedEach(waiting, (waiter) => { waiter.failed(error) }, (second) => { this.#report(second) })
  }

  #tell (waiter: Waiter): void {
    guardedEach([waiter], () => { waiter.opened() }, (error) => { this.#report(error) })
  }

  #report (error: unknown): void {
    this.#owner.fault(error, 'who waited for its log could not be told')
  }

  #checkRoom (draft: LogDraft): void {
    const isTooMany = this.#pending >= PENDING_APPENDS
    if (!isTooMany && this.#pendingBytes + sizeOf(draft) <= PENDING_BYTES) return
    throw new LogBusy(shown(this.#owner.name), isTooMany ? `${this.#pending} events` : `${this.#pendingBytes} bytes of events`)
  }

  #pend (draft: LogDraft, answer: Promise<string>): Promise<string> {
    const bytes = sizeOf(draft)
    this.#pending++
    this.#pendingBytes += bytes
    const settle = (): void => {
      this.#pending--
      this.#pendingBytes -= bytes
      this.#owner.onSettled()
    }
    return answer.then(appended).finally(settle)
  }

  #closed (): Error {
    return new LogClosed(`of the feed ${shown(this.#owner.name)}`)
  }
}

function attempt<Value> (run: () => Value, resolve: (value: Value) => void, reject: (error: unknown) => void): void {
  let value: Value
  try {
    value = run()
  } catch (error) {
    return reject(error)
  }
  resolve(value)
}
