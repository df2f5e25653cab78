/**
 * One process at a time may have a file of feeds open. It holds a lock on an empty file beside it, so that other
 * programs can still read the database. The lock is the operating system's, taken through SQLite: it ends with the
 * process, however that ends, and nobody has to clean up.
 *
 * A process that opens the lock file in another way and closes it loses its lock, because POSIX says so: so nobody
 * looks into it.
 */
import { realpathSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { LogUnusable } from '../errors.ts'
import type { OwnDatabase, SqliteDatabase } from './driver.ts'
import { isBusy } from './failures.ts'

/** What the name of the lock file adds to that of the database. */
export const LOCK_SUFFIX = '-lock'

/**
 * Takes the lock of a database file. Gives the function that ends it. Throws `FST_EVENTFEED_LOG_UNUSABLE` where it is
 * taken.
 */
export function takeLock (path: string, subject: string, open: (path: string) => OwnDatabase): () => void {
  const lock = open(`${path}${LOCK_SUFFIX}`)
  try {
    lock.exec('PRAGMA busy_timeout = 0')
    // nothing is ever written: this holds the lock, and an empty journal, which the next opening removes after a kill
    lock.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    lock.close()
    throw isBusy(error) ? taken(subject) : error
  }
  return () => { lock.close() }
}

/**
 * Marks a file as in use by this process, where two drivers in it would both get the lock. Gives the function that ends
 * it. Throws `FST_EVENTFEED_LOG_UNUSABLE` where it is in use.
 */
export function claimInProcess (file: string, subject: string): () => void {
  const files = filesInUse()
  const path = realPathOf(file)
  if (files.has(path)) throw taken(subject)
  files.add(path)
  return () => { files.delete(path) }
}

/** The file of a handle; an empty text where it has none. */
export function fileOf (database: SqliteDatabase): string {
  const rows = database.prepare('PRAGMA database_list').all()
  for (const row of rows) {
    if (typeof row === 'object' && row !== null && 'name' in row && row.name === 'main' && 'file' in row) return String(row.file ?? '')
  }
  return ''
}

function taken (subject: string): Error {
  return new LogUnusable(`${subject} is in use by another process, or by another call of sqliteLogs(): it belongs to one at a time`)
}

/** The path without links, as far as it is there. */
function realPathOf (file: string): string {
  try {
    return realpathSync(file)
  } catch {
    const folder = dirname(resolve(file))
    return folder === file ? file : join(realPathOf(folder), basename(file))
  }
}

/** One set for all copies of this package in the process. */
function filesInUse (): Set<string> {
  const key = Symbol.for('fastify-eventfeed.sqlite.files')
  const known: unknown = Reflect.get(globalThis, key)
  // it was made here, or by another copy of this package
  if (known instanceof Set) return known as Set<string>
  const made = new Set<string>()
  Reflect.set(globalThis, key, made)
  return made
}
