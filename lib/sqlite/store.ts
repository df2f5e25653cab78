/**
 * The logs of one database, and their transactions. It works at once and on the thread that calls it: in a worker
 * thread for a file, on the application's for a handle of its own. It has no timer: whoever asks says what time it is.
 */
import { SQLITE_SWEEP_ENTRIES } from '../defaults.ts'
import { LogUnavailable, LogUnusable, shown } from '../errors.ts'
import type { LogBeginning, LogGap, LogPage, Located } from '../log/contract.ts'
import type { Retention } from '../log/retention.ts'
import { isInTransaction, prepare, rowOf, rowsOf, type SqliteDatabase } from './driver.ts'
import { isFull } from './failures.ts'
import type { Handle, Operations, Performer, Written } from './operations.ts'
import { StoredLog } from './stored-log.ts'
import { createTables, LAST_LOG, statementsOf, type Statements } from './tables.ts'

type Ask<Kind extends keyof Operations> = Operations[Kind]['ask']
type Answer<Kind extends keyof Operations> = Operations[Kind]['answer']

/** A database that is open, and what a store must know of it. */
export interface Opening {
  readonly database: SqliteDatabase
  /** What error messages call it. */
  readonly subject: string
  /** What a log of it keeps. */
  readonly retain: Retention
  /** Called before each transaction: throws where the file is not the one that was opened. */
  readonly check: () => void
}

/** The logs of a database whose tables were checked. */
export class Store implements Omit<Performer, 'start'> {
  readonly #database: SqliteDatabase
  readonly #statements: Statements
  readonly #opening: Opening
  readonly #logs = new Map<Handle, StoredLog>()
  /** Deleted logs of which entries may be left in the file. */
  #hasForgotten: boolean

  constructor (opening: Opening) {
    this.#database = opening.database
    this.#opening = opening
    createTables(opening.database)
    this.#statements = statementsOf(opening.database)
    this.#hasForgotten = rowOf(this.#statements.forgotten) !== undefined
  }

  open ({ handle, name, now }: Ask<'open'>): Answer<'open'> {
    const row = rowOf(this.#statements.log, name)
    const log = row === undefined ? this.#create(name) : new StoredLog(this.#statements, this.#opening.retain, name, row)
    log.trim(now)
    this.#logs.set(handle, log)
    return { head: log.head, isEnded: log.state.isEnded, isSweepDue: this.#hasForgotten || log.isSweepDue }
  }

  write ({ handles, events, jsons, keys, ats, sinces, dedupeIds, ends, now }: Ask<'write'>): Written {
    const positions: string[] = []
    const duplicates: number[] = []
    const touched = new Set([...handles, ...ends].map((handle) => this.#log(handle)))
    this.#transaction(touched, () => {
      positions.length = duplicates.length = 0
      for (const [index, handle] of handles.entries()) {
        const { position, isNew } = this.#log(handle).add({
          event: textAt(events, index),
          json: textAt(jsons, index),
          keys: keys[index] ?? null,
          at: ats[index] ?? now,
          since: sinces[index] ?? now,
          dedupeId: dedupeIds[index] ?? null
        }, now)
        positions.push(position)
        if (!isNew) duplicates.push(index)
      }
      for (const handle of ends) this.#log(handle).end()
      for (const log of touched) {
        log.trim(now)
        // as much as was added, and some of what is left from before
        log.sweep(Math.max(handles.length * 2, SQLITE_SWEEP_ENTRIES / 4))
      }
    })
    return { positions, duplicates, isSweepDue: [...touched].some((log) => log.isSweepDue) }
  }

  locate ({ handle, position, now }: Ask<'locate'>): Located {
    return this.#log(handle).locate(position, now)
  }

  earliest ({ handle, now }: Ask<'earliest'>): LogBeginning {
    return this.#log(handle).earliest(now)
  }

  page ({ handle, after, limit, now, isPrefill }: Ask<'page'>): LogPage | LogGap {
    return this.#log(handle).page(after, limit, now, isPrefill)
  }

  newest ({ handle, entries, bytes, now }: Ask<'newest'>): string {
    const log = this.#log(handle)
    const before = log.newest(entries, bytes, now)
    log.prefills++
    return before
  }

  release ({ handle }: Ask<'release'>): null {
    const log = this.#logs.get(handle)
    // none, where the database was opened again since
    if (log !== undefined && log.prefills > 0) log.prefills--
    return null
  }

  close ({ handle }: Ask<'close'>): null {
    this.#logs.delete(handle)
    return null
  }

  delete ({ handle }: Ask<'delete'>): null {
    const log = this.#log(handle)
    this.#transaction([], () => { this.#statements.forgetLog.run(log.id) })
    this.#logs.delete(handle)
    this.#hasForgotten = true
    return null
  }

  names (): Answer<'names'> {
    return rowsOf(this.#statements.names).map((row) => ({ name: String(row['name']), ended: Number(row['is_ended']) === 1 }))
  }

  sweep ({ now }: Ask<'sweep'>): boolean {
    for (const log of this.#logs.values()) log.trim(now)
    const due = [...this.#logs.values()].filter((log) => log.isSweepDue)
    if (due.length === 0 && !this.#hasForgotten) return false
    this.#transaction(due, () => {
      let left = SQLITE_SWEEP_ENTRIES
      for (const log of due) if (left > 0) left -= log.sweep(left)
      if (this.#hasForgotten && left > 0) this.#sweepForgotten(left)
    })
    return this.#hasForgotten || due.some((log) => log.isSweepDue)
  }

  /** Removes entries of a deleted log; when none is left, the log itself. */
  #sweepForgotten (limit: number): void {
    const id = rowOf(this.#statements.forgotten)?.['id']
    this.#hasForgotten = id !== undefined
    if (id === undefined) return
    const log = Number(id)
    const first = rowOf(this.#statements.first, log, 0, log)
    if (first === undefined) {
      this.#statements.removeTags.run(log, Number.MAX_SAFE_INTEGER)
      this.#statements.removeLog.run(log)
    } else {
      const number = Number(first['number'])
      this.#statements.remove.run(log, number, log, number + limit)
    }
  }

  #create (name: string): StoredLog {
    let log: StoredLog | undefined
    this.#transaction([], () => {
      const newest = Number(rowOf(this.#statements.newestLog)?.['id'])
      const id = newest < LAST_LOG ? newest + 1 : Number(rowOf(this.#statements.freeLog)?.['id'])
      if (id > LAST_LOG) throw new LogUnusable(`${this.#opening.subject} has ${LAST_LOG} logs, and no more fit`)
      this.#statements.addLog.run(id, name)
      log = new StoredLog(this.#statements, this.#opening.retain, name, { id, is_ended: 0, head: 0 })
      log.storeTag()
    })
    if (log === undefined) throw new LogUnusable(`the log ${shown(name)} was not made`)
    return log
  }

  #log (handle: Handle): StoredLog {
    const log = this.#logs.get(handle)
    if (log === undefined) throw new LogUnusable(`a log of ${this.#opening.subject} is used that is not open`)
    return log
  }

  /**
   * Commits what `run` does, or takes all of it back, in the file and in `logs`. Where the disk is full, it first makes
   * room in the write-ahead log, which may hold pages that are in the database already.
   */
  #transaction (logs: Iterable<StoredLog>, run: () => void): void {
    this.#opening.check()
    const before = Array.from(logs, (log) => [log, { ...log.state }] as const)
    const attempt = (): void => {
      let isBegun = false
      try {
        this.#statements.begin.run()
        isBegun = true
        run()
        this.#statements.commit.run()
      } catch (error) {
        for (const [log, state] of before) log.state = { ...state }
        if (isBegun) this.#rollBack()
        throw error
      }
    }
    if (isInTransaction(this.#database)) {
      throw new LogUnavailable(`${this.#opening.subject} cannot be used now: the application has begun a transaction on its handle and not ended it`)
    }
    try {
      attempt()
    } catch (error) {
      if (!isFull(error) || !this.#restartWal()) throw error
      attempt()
    }
  }

  /** SQLite has done it already after some failures, and refuses it then. */
  #rollBack (): void {
    try {
      this.#statements.rollback.run()
    } catch {}
  }

  /** Writes the pages of the write-ahead log into the database, so that its file can be used from its beginning. */
  #restartWal (): boolean {
    try {
      const row = rowOf(prepare(this.#database, 'PRAGMA wal_checkpoint(RESTART)'))
      // 0 for "busy" says that all of it was written and nobody reads from it; without a write-ahead log there are -1 pages
      return row !== undefined && Number(row['busy']) === 0 && Number(row['log']) > 0
    } catch {
      return false
    }
  }
}

function textAt (texts: readonly string[], index: number): string {
  const text = texts[index]
  if (text === undefined) throw new LogUnusable('events to write are incomplete')
  return text
}
