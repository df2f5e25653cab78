/** Faults of the log that outlives its process: what is told when, and what is left after a restart or a kill. */
import { setImmediate, setTimeout } from 'node:timers/promises'
import type {
  Located, LogBeginning, LogDraft, LogEntry, LogGap, LogPage, Tail, TailListener
} from '../../lib/log/contract.ts'
import { altered, bound, type Newest, type Row } from './faulty-row.ts'
import { History, numberIn } from './history.ts'
import { StoredLog, type Pending, type Storage } from './stored-reference.ts'

export const faultyStoredLogs: ReadonlyArray<readonly [...Row<typeof StoredLog>, history?: typeof History]> = [
  ['tells before it has committed', [
    'nothing is told, read or answered before it is committed',
    'what a tail was told outlives a kill'
  ], class extends StoredLog {
    readonly #early = new Set<TailListener>()
    #next = 0
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      const tail = await super.tail({ ...bound(listener), entries: () => {} }, newest)
      this.#early.add(listener)
      this.#next = this.storage.history.head
      return tail
    }

    override append (draft: LogDraft): Promise<string> {
      const position = this.storage.history.positionOf(++this.#next)
      for (const listener of this.#early) listener.entries([{ ...draft, position }])
      return super.append(draft)
    }
  }],
  ['tells a moment before a page has it', ['what the tail has told, a page gives'], class extends StoredLog {
    override async page (after: string, limit: number): Promise<LogPage | LogGap> {
      const { head } = this.storage.history
      const page = await super.page(after, limit)
      return page.kind === 'page'
        ? { ...page, entries: page.entries.filter(({ position }) => numberIn(position) < head) }
        : page
    }
  }],
  ['answers before it has told', ['the tail is told before append answers'], class extends StoredLog {
    override tell (): void {
      globalThis.setImmediate(() => { super.tell() })
    }
  }],
  ['answers before it has committed', [
    'nothing is told, read or answered before it is committed',
    'what append has answered outlives a kill'
  ], class extends StoredLog {
    #next = 0
    override append (draft: LogDraft): Promise<string> {
      this.#next = Math.max(this.#next, this.storage.history.head) + 1
      super.append(draft).catch(() => {})
      return Promise.resolve(this.storage.history.positionOf(this.#next))
    }
  }],
  ['reorders what is committed together', [
    'appends that are made without waiting keep their order'
  ], class extends StoredLog {
    override commit (pending: readonly Pending[]): void { super.commit(pending.toReversed()) }
  }],
  ['loses the order where writes take long', [
    'appends that are made without waiting keep their order',
    'append answers the position of the entry that it added'
  ], class extends StoredLog {
    override async append (draft: LogDraft): Promise<string> {
      if (draft.json.length > 1000 || draft.json === '3') await setImmediate()
      return await super.append(draft)
    }
  }],
  ['tells each commit in the wrong order', [
    'a tail is told each entry once, in the order of the log'
  ], class extends StoredLog {
    override tail (listener: TailListener, newest: Newest): Promise<Tail> {
      return super.tail(altered(listener, (entries) => entries.toReversed()), newest)
    }
  }],
  ['tells the newest entries after tail has answered', [
    'a tail is told the newest entries that are kept before it answers'
  ], class extends StoredLog {
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      const later: TailListener['entries'] = (entries) => {
        globalThis.setImmediate(() => { listener.entries(entries) })
      }
      return await super.tail({ ...bound(listener), entries: later }, newest)
    }
  }],
  ['loses what is committed while a tail begins', [
    'a tail that begins while appends are under way loses none and doubles none'
  ], class extends StoredLog {
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      let isDeaf = false
      const tail = super.tail(altered(listener, (entries) => isDeaf ? [] : entries), newest)
      const { before, stop } = await tail
      isDeaf = true
      await setImmediate()
      await setImmediate()
      isDeaf = false
      return { before, stop }
    }
  }],
  ['doubles what is committed while a tail begins', [
    'a tail that begins while appends are under way loses none and doubles none',
    'the newest entries that a tail is told are followed by the next ones'
  ], class extends StoredLog {
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      let last: LogEntry | undefined
      return await super.tail(altered(listener, (entries) => {
        const told = last === undefined ? entries : [last, ...entries]
        last ??= entries.at(-1)
        return told
      }), newest)
    }
  }],
  ['never answers', [
    'append answers the position of the entry that it added',
    'calls may be made while others are under way'
  ], class extends StoredLog {
    override earliest (): Promise<LogBeginning> { return new Promise(() => {}) }
  }],
  ['answers one thing at a time, and fails at the next', [
    'calls may be made while others are under way'
  ], class extends StoredLog {
    #isBusy = false
    override async page (after: string, limit: number): Promise<LogPage | LogGap> {
      if (this.#isBusy) throw new Error('busy')
      this.#isBusy = true
      try {
        return await super.page(after, limit)
      } finally {
        this.#isBusy = false
      }
    }
  }],
  ['waits long before it says that a position is ahead', [
    'a log that one process has answers ahead at once'
  ], class extends StoredLog {
    override async locate (position: string): Promise<Located> {
      const located = await super.locate(position)
      if (located.kind === 'gap' && located.reason === 'ahead') await setTimeout(1200)
      return located
    }
  }],
  ['reuses positions after a restart', [
    'a restart gives no position a second time',
    'a restart gives no position a second time, even where no entry is kept',
    'a kill gives no position a second time',
    'a restart changes nothing about where a log begins'
  ], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      storage.history.head = storage.history.entries.length
    }
  }],
  ['counts from its entries after a restart', [
    'a restart gives no position a second time, even where no entry is kept'
  ], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      storage.history.trim()
      storage.history.head = storage.history.entries.at(-1)?.number ?? 0
    }
  }],
  ['has a new epoch after each restart', [
    'a client goes on where it was after a restart',
    'what was appended is there when the log is opened again',
    'what append has answered outlives a kill'
  ], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      const { history } = storage
      history.epoch = history.epoch.replace(/^./, (digit) => String((parseInt(digit, 16) + 1) % 10))
      history.entries = history.entries.map((entry) => ({ ...entry, position: history.positionOf(entry.number) }))
    }
  }],
  ['forgets the newest entry at a restart', [
    'the newest entries that a tail is told are followed by the next ones',
    'what was appended is there when the log is opened again'
  ], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      storage.history.entries.pop()
    }
  }],
  ['forgets where it began at a restart', [
    'a restart changes nothing about where a log begins'
  ], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      storage.history.entries.shift()
    }
  }],
  ['stores what has checked an entry', ['an entry is what was given after a restart too'], class extends StoredLog {
    override commit (pending: readonly Pending[]): void {
      super.commit(pending)
      for (const [index, { draft }] of pending.entries()) {
        const entry = this.storage.history.entries.at(index - pending.length)
        if (entry !== undefined) Object.assign(entry, { checkedBy: draft.checkedBy })
      }
    }
  }, class extends History {
    override page (after: string, limit: number): LogPage | LogGap {
      const page = super.page(after, limit)
      if (page.kind === 'gap') return page
      const stored = new Map(this.entries.map((entry) => [entry.position, entry]))
      return { ...page, entries: page.entries.map((entry) => stored.get(entry.position) ?? entry) }
    }
  }],
  ['forgets keys at a restart', ['an entry is what was given after a restart too'], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      storage.history.entries = storage.history.entries.map((entry) => ({ ...entry, keys: entry.keys.slice(0, 1) }))
    }
  }],
  ['forgets each dedupeId at a restart', [
    'a dedupeId outlives the process with its entry',
    'a publisher that was killed may try again with its dedupeId'
  ], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      storage.history.entries = storage.history.entries.map((entry) => ({ ...entry, dedupeId: undefined }))
    }
  }],
  ['forgets its bounds at a restart', [
    'a restarted log keeps what its bounds say',
    'entries that grew too old while no process had the log open are not shown'
  ], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      if (storage.history.head > 0) storage.history.trim = () => {}
    }
  }],
  ['takes the age of an entry from when it was opened', [
    'entries that grew too old while no process had the log open are not shown'
  ], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      const { history } = storage
      history.entries = history.entries.map((entry) => ({ ...entry, at: history.clock.now() }))
    }
  }],
  ['adds an event though its append fails', [
    'an append that fails adds nothing, and nobody sees it',
    'appends fail together, or are added in their order'
  ], class extends StoredLog {
    override commit (pending: readonly Pending[]): void {
      const failing = this.failures.length > 0 ? pending : []
      for (const { draft } of failing) this.storage.history.add({ ...draft, dedupeId: undefined })
      super.commit(pending)
    }
  }],
  ['tells an event though its append fails', [
    'an append that fails adds nothing, and nobody sees it'
  ], class extends StoredLog {
    override commit (pending: readonly Pending[]): void {
      const { history, committed } = this.storage
      const failing = this.failures.length > 0 ? pending : []
      for (const { draft } of failing) committed.push({ ...draft, position: history.positionOf(history.head + 1) })
      this.tell()
      super.commit(pending)
    }
  }],
  ['answers for an event that it did not add', [
    'appends fail together, or are added in their order'
  ], class extends StoredLog {
    override commit (pending: readonly Pending[]): void {
      if (this.failures.length === 0) return super.commit(pending)
      const failure = this.failures.shift()
      const { history } = this.storage
      for (const [index, { reject, resolve }] of pending.entries()) {
        if (index === 0) reject(failure)
        else resolve(history.positionOf(900 + index))
      }
    }
  }],
  ['keeps the dedupeId of an append that failed', [
    'an append that failed leaves its dedupeId free'
  ], class extends StoredLog {
    readonly #seen = new Map<string, Promise<string>>()
    override append (draft: LogDraft): Promise<string> {
      const { dedupeId } = draft
      const known = dedupeId === undefined ? undefined : this.#seen.get(dedupeId)
      if (known !== undefined) return known
      const appended = super.append(draft)
      if (dedupeId !== undefined) this.#seen.set(dedupeId, appended)
      return appended
    }
  }],
  ['says that trying again helps where it does not', [
    'an append fails by an error that says whether to try again, and that is true'
  ], class extends StoredLog {
    #failed: unknown
    override async append (draft: LogDraft): Promise<string> {
      if (this.#failed !== undefined) throw this.#failed
      try {
        return await super.append(draft)
      } catch (error) {
        this.#failed = error
        throw error
      }
    }
  }],
  ['finds a failed append again at a restart', [
    'a failed append is forgotten by a restart too'
  ], class extends StoredLog {
    readonly #failed: LogDraft[] = []
    override commit (pending: readonly Pending[]): void {
      if (this.failures.length > 0) this.#failed.push(...pending.map(({ draft }) => draft))
      super.commit(pending)
    }

    override async close (): Promise<void> {
      await super.close()
      for (const draft of this.#failed.splice(0)) this.storage.history.add(draft)
    }
  }],
  ['forgets the end', [
    'whoever opens a log that was ended is told',
    'the end outlives a kill'
  ], class extends StoredLog {
    constructor (storage: Storage) {
      super(storage)
      storage.history.isEnded = false
    }
  }],
  ['tells its end before the appends that are under way', [
    'the end is told once, to every tail, after all entries',
    'end waits for the appends that are under way'
  ], class extends StoredLog {
    override async end (): Promise<void> {
      this.tellEnd()
      await super.end()
    }
  }],
  ['keeps its entries when it is deleted', [
    'what is opened after delete is empty, open, and of a new epoch'
  ], StoredLog, class extends History {
    override wipe (): void { this.isEnded = false }
  }],
  ['keeps its epoch when it is deleted', [
    'what is opened after delete is empty, open, and of a new epoch'
  ], StoredLog, class extends History {
    override wipe (): void {
      this.entries = []
      this.head = 0
      this.isEnded = false
    }
  }],
  ['keeps its end when it is deleted', [
    'what is opened after delete is empty, open, and of a new epoch'
  ], StoredLog, class extends History {
    override wipe (): void {
      const { isEnded } = this
      super.wipe()
      this.isEnded = isEnded
    }
  }],
  ['is open still when it was deleted', ['delete closes the hold'], class extends StoredLog {
    override async delete (): Promise<void> { this.storage.history.wipe() }
  }],
  ['gives up appends that are under way when it is closed', [
    'close waits for the appends that are under way',
    'close waits for a commit that takes its time'
  ], class extends StoredLog {
    override async close (): Promise<void> { this.kill() }
  }],
  ['fails to close where it was not opened', ['a log that was never opened can be closed'], class extends StoredLog {
    #isOpen = false
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      this.#isOpen = true
      return await super.tail(listener, newest)
    }

    override async close (): Promise<void> {
      if (!this.#isOpen) throw new Error('not open')
      await super.close()
    }
  }],
  ['goes on telling after close', ['after close the tail tells nothing'], class extends StoredLog {
    #listener: TailListener | undefined
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      this.#listener ??= listener
      return await super.tail(listener, newest)
    }

    override async close (): Promise<void> {
      await super.close()
      const { committed } = this.storage
      const push = committed.push.bind(committed)
      const listener = this.#listener
      committed.push = (...entries) => {
        listener?.entries(entries)
        return push(...entries)
      }
    }
  }],
  ['lets a second process open it', [
    'a log that one process has open is refused to another, until it is closed'
  ], class extends StoredLog {
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      this.storage.holds.clear()
      return await super.tail(listener, newest)
    }
  }],
  ['is locked for ever by a process that was refused', [
    'a log that one process has open is refused to another, until it is closed'
  ], class extends StoredLog {
    override async tail (listener: TailListener, newest: Newest): Promise<Tail> {
      const isRefused = [...this.storage.holds].some((hold) => hold !== this)
      if (isRefused) this.storage.holds.add(new StoredLog(this.storage))
      return await super.tail(listener, newest)
    }
  }]
]
