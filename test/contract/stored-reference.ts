/**
 * A sound log that takes its time, and whose history outlives it: what is appended in one turn is committed together,
 * later. One process has it, or several share it.
 */
import { setImmediate } from 'node:timers/promises'
import { FeedEnded, LogClosed, LogUnavailable, LogUnusable } from '../../lib/errors.ts'
import type {
  EventLog, Located, LogBeginning, LogDraft, LogEntry, LogGap, LogPage, Tail, TailListener
} from '../../lib/log/contract.ts'
import type { Retention } from '../../lib/log/retention.ts'
import { toEntry, type History } from './history.ts'

/** A listener, and how many of the commits of the storage it was told, or began after. */
interface Follower { readonly listener: TailListener, told: number, position: string, isEnded: boolean }
/** An append that was not committed yet. */
export interface Pending {
  readonly draft: LogDraft
  readonly resolve: (position: string) => void
  readonly reject: (error: unknown) => void
}

/** A history, and who has it open. */
export class Storage {
  readonly history: History
  readonly isShared: boolean
  readonly holds = new Set<StoredLog>()
  /** All entries that were ever committed, also those that are not kept any more. */
  readonly committed: LogEntry[] = []

  constructor (history: History, isShared: boolean) {
    this.history = history
    this.isShared = isShared
  }
}

export class StoredLog implements EventLog {
  readonly retain: Partial<Retention>
  readonly storage: Storage
  /** What the next commits fail with. */
  readonly failures: Error[] = []
  /** No commit begins before this is fulfilled. */
  gate: Promise<void> = Promise.resolve()
  /** The tails are told nothing. */
  isCut = false
  /** What has checked the entries that were committed and not told yet, by position. */
  readonly checks = new Map<string, unknown>()
  readonly #followers = new Set<Follower>()
  #pending: Pending[] = []
  #committing: Promise<void> | undefined
  #isClosed = false
  #isEnding = false
  #isDead = false

  constructor (storage: Storage) {
    this.storage = storage
    this.retain = storage.history.retain
  }

  async tail (listener: TailListener, newest: { readonly entries: number, readonly bytes: number }): Promise<Tail> {
    this.#checkOpen()
    await this.#alive()
    const { history, holds, isShared } = this.storage
    if (!isShared && [...holds].some((hold) => hold !== this)) throw new LogUnusable('another process has the log open')
    holds.add(this)
    const first = history.newest(newest)
    const told = (first[0]?.number ?? history.head + 1) - 1
    const follower: Follower = {
      listener,
      told: this.storage.committed.length,
      position: history.positionOf(history.head),
      isEnded: history.isEnded
    }
    if (first.length > 0) listener.entries(first.map(toEntry))
    if (history.isEnded) listener.ended()
    this.#followers.add(follower)
    return { before: history.positionOf(told), stop: () => { this.#followers.delete(follower) } }
  }

  async append (draft: LogDraft): Promise<string> {
    this.#checkOpen()
    if (this.#isEnding || this.storage.history.isEnded) throw new FeedEnded('reference')
    return await new Promise((resolve, reject) => {
      this.#pending.push({ draft, resolve, reject })
      this.#committing ??= this.#commitAll()
    })
  }

  async locate (position: string): Promise<Located> {
    return await this.#read((history) => history.locate(position))
  }

  async earliest (): Promise<LogBeginning> {
    return await this.#read((history) => history.earliest())
  }

  async page (after: string, limit: number): Promise<LogPage | LogGap> {
    return await this.#read((history) => history.page(after, limit))
  }

  async end (): Promise<void> {
    this.#checkOpen()
    this.#isEnding = true
    await this.#committing
    await this.#alive()
    this.storage.history.isEnded = true
    for (const hold of this.storage.holds) hold.tellEnd()
  }

  async delete (): Promise<void> {
    this.#checkOpen()
    await this.close()
    await this.#alive()
    this.storage.history.wipe()
  }

  async close (): Promise<void> {
    if (this.#isDead) return
    this.#isClosed = true
    await this.#committing
    await this.#alive()
    this.#leave()
  }

  /** The process dies: nothing that it was doing happens any more, or is answered. */
  kill (): void {
    this.#isDead = true
    this.#isClosed = true
    this.#leave()
  }

  /** Tells its tails what was committed, and not told yet. */
  tell (): void {
    if (this.isCut) return
    for (const follower of this.#followers) {
      const news = this.storage.committed.slice(follower.told)
      this.#toldAll(follower)
      if (news.length === 0) continue
      follower.listener.entries(news.map((entry) => ({ ...entry, checkedBy: this.checks.get(entry.position) })))
    }
    this.checks.clear()
  }

  /** Tells its tails the end. */
  tellEnd (): void {
    for (const follower of this.#followers) {
      if (!follower.isEnded) follower.listener.ended()
      follower.isEnded = true
    }
  }

  /** Tells its tails that something may have been missed, and goes on at the head. */
  lose (): void {
    this.isCut = false
    for (const follower of this.#followers) {
      const { position } = follower
      if (this.#toldAll(follower)) follower.listener.lost(position)
    }
  }

  /** One commit after the other, each of what was appended by then. */
  async #commitAll (): Promise<void> {
    while (this.#pending.length > 0) {
      await setImmediate()
      await this.gate
      if (this.#isDead) return
      this.commit(this.#pending.splice(0))
    }
    this.#committing = undefined
  }

  /** Commits appends together: all of them, or none. */
  commit (pending: readonly Pending[]): void {
    const failure = this.failures.shift()
    if (failure !== undefined) return pending.forEach(({ reject }) => { reject(failure) })
    const added = pending.map(({ draft }) => ({ draft, ...this.storage.history.add(draft) }))
    for (const { entry, draft, isNew } of added) {
      if (!isNew) continue
      this.storage.committed.push(toEntry(entry))
      this.checks.set(entry.position, draft.checkedBy)
    }
    this.tell()
    // the others hear of it a turn later
    globalThis.setImmediate(() => { for (const hold of this.storage.holds) hold.tell() })
    for (const [index, { entry }] of added.entries()) pending[index]?.resolve(entry.position)
  }

  async #read<Answer> (read: (history: History) => Answer): Promise<Answer> {
    this.#checkOpen()
    await this.#alive()
    return read(this.storage.history)
  }

  /** From now on it has been told all that was committed. Answers whether it had not. */
  #toldAll (follower: Follower): boolean {
    const { committed } = this.storage
    const isNews = follower.told < committed.length
    follower.told = committed.length
    follower.position = committed.at(-1)?.position ?? follower.position
    return isNews
  }

  /** One turn of the event loop. In a process that has died meanwhile, nothing follows it. */
  async #alive (): Promise<void> {
    await setImmediate()
    if (this.#isDead) await new Promise(() => {})
  }

  #checkOpen (): void {
    if (this.#isClosed) throw new LogClosed('reference')
  }

  #leave (): void {
    this.#followers.clear()
    this.storage.holds.delete(this)
  }
}

/** What a full disk says. */
export function diskFull (): Error {
  return new LogUnavailable('the disk is full')
}
