/** Opens the database of a file, or prepares a handle of the application's: with its lock, checked, and set up. */
import { accessSync, closeSync, constants, fsyncSync, openSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { SQLITE_BUSY_MS, SQLITE_WAL_BYTES } from '../defaults.ts'
import { LogUnavailable, LogUnusable, shown } from '../errors.ts'
import type { Retention } from '../log/retention.ts'
import { isInTransaction, openBeside, openDatabase, pragma, type SqliteDatabase } from './driver.ts'
import { Broken, failureOf } from './failures.ts'
import { claimInProcess, fileOf, takeLock } from './lock.ts'
import { Store } from './store.ts'
import { checkTables, setSynchronous } from './tables.ts'

/** What the application has chosen for a database. */
export interface Settings {
  readonly retain: Retention
  readonly synchronous: 'FULL' | 'NORMAL'
}

/** A store, and how it ends. */
export interface OpenStore {
  readonly store: Store
  /** What error messages call it. */
  readonly subject: string
  /** Closes what was opened here. Throws what SQLite throws; the lock is given up all the same. */
  readonly close: () => void
}

/** What error messages call a file. */
export function subjectOf (file: string): string {
  return `the file of feeds ${shown(file)}`
}

/** Opens a file, and creates it where there is none. Throws errors of this package. */
export function openFile (file: string, { retain, synchronous }: Settings): OpenStore {
  const subject = subjectOf(file)
  const path = pathOf(file, subject)
  return failing(subject, () => {
    const unlock = takeLock(path, subject, openDatabase)
    const opened = failing(subject, () => openDatabase(path), unlock)
    const close = (): void => {
      try {
        opened.close()
      } finally {
        unlock()
      }
    }
    return failing(subject, () => {
      opened.exec(`PRAGMA busy_timeout = ${SQLITE_BUSY_MS}`)
      checkTables(opened, subject, true)
      // only now: nothing of another program's file is changed
      pragma(opened, 'journal_mode = WAL')
      opened.exec(`PRAGMA journal_size_limit = ${SQLITE_WAL_BYTES}`)
      setSynchronous(opened, synchronous)
      const store = new Store({ database: opened, subject, retain, check: checkIdentity(path, subject) })
      syncFolder(path)
      return { store, subject, close }
    }, close)
  })
}

/** Prepares a handle. Throws errors of this package. */
export function openHandle (database: SqliteDatabase, { retain, synchronous }: Settings): OpenStore {
  const subject = 'the database of feeds that was given as a handle'
  return failing(subject, () => {
    if (isInTransaction(database)) throw new LogUnavailable(`${subject} cannot be used now: the application has begun a transaction on it and not ended it`)
    const file = fileOf(database)
    const unlock = file === '' ? () => {} : takeHandleLock(database, file, subject)
    return failing(subject, () => {
      checkTables(database, subject, false)
      setSynchronous(database, synchronous)
      return { store: new Store({ database, subject, retain, check: () => {} }), subject, close: unlock }
    }, unlock)
  })
}

function takeHandleLock (database: SqliteDatabase, file: string, subject: string): () => void {
  const endClaim = claimInProcess(file, subject)
  const unlock = failing(subject, () => takeLock(realpathSync(file), subject, (path) => openBeside(database, path)), endClaim)
  return () => {
    endClaim()
    unlock()
  }
}

/** The path by which a file is known, whichever way it was named. */
function pathOf (file: string, subject: string): string {
  try {
    const folder = realpathSync(dirname(file))
    const path = join(folder, basename(file))
    const isThere = statSync(path, { throwIfNoEntry: false })
    if (isThere !== undefined && !isThere.isFile()) throw new LogUnusable(`${subject} cannot be used: it is no ordinary file`)
    accessSync(folder, constants.W_OK)
    if (isThere === undefined) return path
    accessSync(path, constants.R_OK | constants.W_OK)
    return realpathSync(path)
  } catch (error) {
    if (error instanceof LogUnusable) throw error
    throw new LogUnusable(`${subject} cannot be used: its folder must exist, and this user must be able to write to both (${error instanceof Error ? error.message : ''})`, { cause: error })
  }
}

/** Throws where the path leads to another file than when it was called: what is written would be lost. */
function checkIdentity (path: string, subject: string): () => void {
  const { ino, dev } = statSync(path)
  return () => {
    const now = statSync(path, { throwIfNoEntry: false })
    if (now?.ino === ino && now.dev === dev) return
    throw new Broken(new LogUnavailable(`${subject} was moved, removed or replaced while it was open, and is opened again: stop the application before you restore a backup`))
  }
}

/** A new file is there after a loss of power too. Some systems have no way to sync a folder. */
function syncFolder (path: string): void {
  if (process.platform === 'win32') return
  const folder = openSync(dirname(path), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

/** Runs `run`. Where that throws, it undoes what was done before, and throws an error of this package. */
function failing<Result> (subject: string, run: () => Result, undo = (): void => {}): Result {
  try {
    return run()
  } catch (error) {
    try {
      undo()
    } catch { /* the first failure is the one to tell */ }
    throw failureOf(error, subject)
  }
}
