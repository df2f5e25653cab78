/** One log of a database, by the contract of logs. */
import { SQLITE_PAGE_ENTRIES } from '../defaults.ts'
import { FeedEnded, LogClosed, LogUnavailable, LogUnusable, shown } from '../errors.ts'
import type { EventLog, Located, LogBeginning, LogDraft, LogEntry, LogGap, LogPage, Tail, TailListener } from '../log/contract.ts'
import type { Retention } from '../log/retention.ts'
import type { Handle, Opened } from './operations.ts'
import type { ClientLog, StoreClient } from './store-client.ts'

/** A tail. */
interface Follower {
  readonly listener: TailListener
  isStopped: boolean
}

/** A log in a database. */
export class SqliteLog implements EventLog {
  readonly retain: Retention
  readonly #name: string
  readonly #client: StoreClient
  /** The tails that have been told the newest entries. */
  readonly #followers = new Set<Follower>()
  #opening: Promise<OpenLog> | undefined
  #log: OpenLog | undefined
  /** Whether a tail has begun: then the log stays open where another one fails. */
  #hasTail = false
  #end: Promise<void> | undefined
  #isClosed = false
  #closing: Promise<void> | undefined

  constructor (client: StoreClient, name: string) {
    this.#client = client
    this.#name = name
    this.retain = client.retain
  }

  async tail (listener: TailListener, newest: { readonly entries: number, readonly bytes: number }): Promise<Tail> {
    this.#checkNotClosed()
    const log = await (this.#opening ??= this.#open())
    this.#checkNotClosed()
    const follower: Follower = { listener, isStopped: false }
    try {
      const { entries, bytes } = newest
      const before = await this.#client.answer('newest', { handle: log.handle, entries, bytes, now: this.#client.now() })
      try {
        await this.#prefill(follower, log, before)
      } finally {
        this.#client.askIfOpen('release', { handle: log.handle })
      }
      this.#hasTail = true
      return { before, stop: () => { this.#stop(follower) } }
    } catch (error) {
      await this.#giveUp(log)
      throw error
    }
  }

  /** Not `async`: that would make two more promises for each event. */
  append (draft: LogDraft): Promise<string> {
    const log = this.#opened()
    if (log.isEnded || this.#end !== undefined) throw new FeedEnded(shown(this.#name))
    return this.#client.writes.append(log, draft, this.#client.since(draft.at))
  }

  async locate (position: string): Promise<Located> {
    return await this.#client.answer('locate', { handle: this.#opened().handle, position, now: this.#client.now() })
  }

  async earliest (): Promise<LogBeginning> {
    return await this.#client.answer('earliest', { handle: this.#opened().handle, now: this.#client.now() })
  }

  async page (after: string, limit: number): Promise<LogPage | LogGap> {
    const { handle } = this.#opened()
    return await new Promise((resolve, reject) => {
      this.#client.page({ handle, after, limit, now: this.#client.now(), isPrefill: false }, (error, page) => {
        if (page === undefined) reject(error ?? new Error('no page'))
        else resolve(page)
      })
    })
  }

  async end (): Promise<void> {
    const log = this.#opened()
    if (log.isEnded) return
    this.#end ??= this.#client.writes.end(log).finally(() => { this.#end = undefined })
    await this.#end
  }

  async delete (): Promise<void> {
    const log = this.#opened()
    this.#isClosed = true
    try {
      await this.#client.writes.settled()
      await this.#client.answer('delete', { handle: log.handle })
    } catch (error) {
      // it is still there, and can be deleted later
      this.#isClosed = false
      throw error
    }
    this.#client.sweepSoon()
    this.#closing = this.#leave(log)
    await this.#closing
  }

  async close (): Promise<void> {
    this.#isClosed = true
    this.#closing ??= this.#close()
    await this.#closing
  }

  async #close (): Promise<void> {
    const log = await this.#opening?.catch(() => undefined)
    if (log === undefined) return
    await this.#client.writes.settled()
    this.#client.askIfOpen('close', { handle: log.handle })
    await this.#leave(log)
  }

  async #leave (log: OpenLog): Promise<void> {
    this.#followers.clear()
    this.#log = undefined
    await this.#client.remove(log)
  }

  async #open (): Promise<OpenLog> {
    const log = this.#client.add((handle) => new OpenLog(this.#name, handle, this.#followers), this.#name)
    try {
      log.open(await this.#client.answer('open', { handle: log.handle, name: this.#name, now: this.#client.now() }))
    } catch (error) {
      this.#opening = undefined
      await this.#client.remove(log)
      throw error
    }
    this.#log = log
    if (log.isSweepDue) this.#client.sweepSoon()
    return log
  }

  /** A first tail that failed leaves the log closed; one more leaves it as it is. */
  async #giveUp (log: OpenLog): Promise<void> {
    if (this.#isClosed || this.#hasTail || this.#log !== log) return
    this.#opening = undefined
    this.#client.askIfOpen('close', { handle: log.handle })
    await this.#leave(log)
  }

  /** Tells the newest entries, page by page, until nothing is left that was committed before. */
  async #prefill (follower: Follower, log: OpenLog, before: string): Promise<void> {
    for (let after: string | undefined = before; after !== undefined; after = await this.#prefillFrom(after, follower, log)) {
      this.#checkNotClosed()
    }
  }

  /**
   * Tells a page. Gives the position to go on from; `undefined` where the tail has come to the head, and goes on by
   * itself.
   */
  async #prefillFrom (after: string, follower: Follower, log: OpenLog): Promise<string | undefined> {
    return await new Promise((resolve, reject) => {
      const ask = { handle: log.handle, after, limit: SQLITE_PAGE_ENTRIES, now: this.#client.now(), isPrefill: true }
      this.#client.page(ask, (error, page) => {
        if (page === undefined) return reject(error ?? new Error('no page'))
        if (page.kind === 'gap') return reject(new LogUnavailable(`the log ${shown(this.#name)} was opened again while its newest entries were read`))
        if (page.entries.length > 0) follower.listener.entries(page.entries)
        const last = page.entries.at(-1)?.position ?? after
        // answers come in order, so what was committed before this page was read has been told to the others
        if (last !== log.head) return resolve(last)
        this.#followers.add(follower)
        if (log.isEnded) follower.listener.ended()
        resolve(undefined)
      })
    })
  }

  #stop (follower: Follower): void {
    follower.isStopped = true
    this.#followers.delete(follower)
  }

  #checkNotClosed (): void {
    if (this.#isClosed) throw new LogClosed(shown(this.#name))
  }

  #opened (): OpenLog {
    this.#checkNotClosed()
    if (this.#log === undefined) throw new LogUnusable(`the log ${shown(this.#name)} is not open yet: wait for tail()`)
    return this.#log
  }
}

/** A log that is open in the database, and what was told of it. */
class OpenLog implements ClientLog {
  readonly name: string
  readonly handle: Handle
  isOpen = false
  isEnded = false
  /** Whether its file held entries of before that are not kept any more. */
  isSweepDue = false
  /** The position of the newest entry that was told, or of the head when it was opened. */
  head = ''
  readonly #followers: ReadonlySet<Follower>

  constructor (name: string, handle: Handle, followers: ReadonlySet<Follower>) {
    this.name = name
    this.handle = handle
    this.#followers = followers
  }

  open ({ head, isEnded, isSweepDue }: Opened): void {
    this.isSweepDue = isSweepDue
    this.isOpen = true
    this.head = head
    this.isEnded = isEnded
  }

  reopened (opened: Opened): void {
    const { head, isEnded } = this
    this.open(opened)
    if (opened.head !== head) this.#tell(({ listener }) => { listener.lost(head) })
    if (opened.isEnded && !isEnded) this.#tell(({ listener }) => { listener.ended() })
  }

  committed (entries: readonly LogEntry[]): void {
    this.head = entries.at(-1)?.position ?? this.head
    this.#tell(({ listener }) => { listener.entries(entries) })
  }

  ended (): void {
    this.isEnded = true
    this.#tell(({ listener }) => { listener.ended() })
  }

  /** A listener may stop others, or begin some. */
  #tell (tell: (follower: Follower) => void): void {
    for (const follower of [...this.#followers]) if (!follower.isStopped) tell(follower)
  }
}
