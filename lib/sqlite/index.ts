/**
 * `fastify-eventfeed/sqlite`: logs of feeds in an SQLite database, for one process. What was published is there after
 * the process was killed, or the power was lost.
 */
import { systemClock, type Clock } from '../clock.ts'
import { BadOption, describe, shown } from '../errors.ts'
import type { EventLog } from '../log/contract.ts'
import { readRetention, type RetainOptions } from '../log/retention.ts'
import type { SqliteDatabase } from './driver.ts'
import { LocalEngine } from './local-engine.ts'
import { SqliteLog } from './sqlite-log.ts'
import { StoreClient } from './store-client.ts'
import { WorkerEngine } from './worker-engine.ts'

export type { SqliteDatabase, SqliteStatement, SqliteValue } from './driver.ts'

/** The options of `sqliteLogs`: `file` or `database`, and not both. */
export interface SqliteLogsOptions {
  /**
   * The path of the database. It is created where it is not there; its folder must be. It is opened for the first log
   * that is used, in a worker thread, and closed after the last one.
   */
  file?: string | undefined
  /**
   * A handle of the application's, of `node:sqlite` or `better-sqlite3`: feeds get tables of their own in it, named
   * `eventfeed_…`. Everything then happens on the thread that publishes, which waits for the disk at each commit. It is
   * not closed. While feeds use it, begin no transaction on it that is open for longer than a tick.
   */
  database?: SqliteDatabase | undefined
  /**
   * What each log keeps. Default: 10,000 entries, 64 MiB, of any age; whichever bites first. An entry counts as many
   * bytes as in memory, which is more than it takes in the file.
   */
  retain?: RetainOptions | undefined
  /**
   * When a commit is done: `FULL`, when the disk has it; `NORMAL`, when the operating system has it: that is faster,
   * and a loss of power may take the newest entries with it, of which clients then learn by a gap. A kill of the
   * process loses nothing in either. Default: `FULL`.
   */
  synchronous?: 'FULL' | 'NORMAL' | undefined
  /** The time; tests move another one by hand. Default: the machine's. */
  clock?: Clock | undefined
}

/** Gives the log of a feed. */
export interface SqliteLogs {
  /**
   * The log of a name, of 1 to 128 characters. Only one at a time may be open of each. Throws
   * `FST_EVENTFEED_BAD_OPTION` for a name that is none.
   */
  (name: string): EventLog
  /** All logs that are stored, by name, and whether each has ended. It opens the database where it is closed. */
  names (): Promise<ReadonlyArray<{ readonly name: string, readonly ended: boolean }>>
}

const OPTIONS = ['file', 'database', 'retain', 'synchronous', 'clock']
/** A name is stored as UTF-8, which has no half of a surrogate pair. */
const NAME = /^[^\p{Cc}\p{Surrogate}]{1,128}$/u

/**
 * Logs in an SQLite database: `app.feed('chat', { log: logs('chat') })`. Nothing is opened before a log is used.
 * @throws FST_EVENTFEED_BAD_OPTION where an option is not what it must be
 */
export function sqliteLogs (options: SqliteLogsOptions): SqliteLogs {
  const { file, database, retain, synchronous = 'FULL', clock = systemClock } = checked(options)
  const settings = { retain: readRetention(retain), synchronous }
  const client = new StoreClient((onLost) => {
    if (database !== undefined) return new LocalEngine(database, settings, onLost)
    return new WorkerEngine({ file: file ?? '', ...settings }, clock, onLost)
  }, settings.retain, clock)
  const logs = (name: string): EventLog => {
    if (typeof name !== 'string' || !NAME.test(name)) throw new BadOption(`the name of a log must be a string of 1 to 128 characters without control characters, not ${shown(name)}`)
    return new SqliteLog(client, name)
  }
  return Object.assign(logs, { names: async () => await client.answerAlone('names', null) })
}

function checked (options: SqliteLogsOptions): SqliteLogsOptions {
  if (typeof options !== 'object' || options === null) throw new BadOption(`sqliteLogs() takes an object { file } or { database }, not ${describe(options)}`)
  for (const name of Object.keys(options)) {
    if (!OPTIONS.includes(name)) throw new BadOption(`sqliteLogs() has no option ${shown(name)}: there are ${OPTIONS.join(', ')}`)
  }
  const { file, database, synchronous } = options
  if ((file === undefined) === (database === undefined)) throw new BadOption('sqliteLogs() takes either file, a path, or database, a handle of node:sqlite or better-sqlite3')
  if (file !== undefined && (typeof file !== 'string' || file === '' || file.includes('\0') || file === ':memory:')) {
    throw new BadOption(`sqliteLogs({ file }) must be the path of a file, not ${shown(file)}`)
  }
  if (database !== undefined && (typeof database !== 'object' || database === null || typeof database.prepare !== 'function' || typeof database.exec !== 'function')) {
    throw new BadOption(`sqliteLogs({ database }) must be a handle of node:sqlite or better-sqlite3, not ${describe(database)}`)
  }
  if (synchronous !== undefined && synchronous !== 'FULL' && synchronous !== 'NORMAL') throw new BadOption(`sqliteLogs({ synchronous }) must be 'FULL' or 'NORMAL', not ${shown(synchronous)}`)
  return options
}
