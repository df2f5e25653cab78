/**
 * The tables of the database, their format number, and every statement on them.
 *
 * The row of an entry has the number `log << 40 | number`, so that the entries of a log lie side by side: one is added
 * at the end of them, and the oldest are removed in one piece, without an index of their own. So there may be 8
 * million logs, and each may get a million million entries.
 */
import { LogUnusable } from '../errors.ts'
import { isInTransaction, pragma, prepare, rowOf, type SqliteDatabase, type SqliteStatement } from './driver.ts'

/** The format of the tables. A file of a newer one is refused. */
export const FORMAT = 1
/** The number of the last log, and that of the last entry of a log. */
export const LAST_LOG = 2 ** 23 - 1
export const LAST_ENTRY = 2 ** 40 - 1

const CREATE = `
  CREATE TABLE eventfeed_format (number INTEGER NOT NULL) STRICT;
  INSERT INTO eventfeed_format VALUES (${FORMAT});
  -- one row for each feed; without a name: it was deleted, and its entries are being removed
  CREATE TABLE eventfeed_logs (
    id INTEGER PRIMARY KEY,
    name TEXT UNIQUE,
    is_ended INTEGER NOT NULL DEFAULT 0,
    -- the number of the newest entry, where no entry is kept
    head INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  -- the tags that openings of a log have drawn, each for the entries from the number "first" on
  CREATE TABLE eventfeed_tags (
    log INTEGER NOT NULL, opening INTEGER NOT NULL, first INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (log, opening)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE eventfeed_entries (
    id INTEGER PRIMARY KEY, -- log << 40 | number
    offset INTEGER NOT NULL, -- the bytes of all entries of the log that ever stood before it
    since REAL NOT NULL, -- when its age began to count, in milliseconds since the Unix epoch; never decreases in a log
    at REAL NOT NULL, -- when it was published
    event TEXT NOT NULL,
    keys TEXT, -- a JSON list; NULL for none
    dedupe TEXT, -- JSON
    json TEXT NOT NULL
  ) STRICT;
  CREATE INDEX eventfeed_dedupe ON eventfeed_entries (dedupe) WHERE dedupe IS NOT NULL;`

/**
 * The row number of an entry; the parameters are the log and the number. Numbered ones are not the same in both
 * drivers.
 */
const ID = '((? << 40) | ?)'
/** The last row number that a log may have; the parameter is the log. */
const LAST_ID = `((? << 40) | ${LAST_ENTRY})`
/** Selects the number of an entry. */
const NUMBER = `(id & ${LAST_ENTRY}) AS number`
const ENTRY = `${NUMBER}, at, event, keys, json`

/** The statements. */
export function statementsOf (database: SqliteDatabase) {
  const of = (sql: string): SqliteStatement => prepare(database, sql)
  return {
    begin: of('BEGIN IMMEDIATE'),
    commit: of('COMMIT'),
    rollback: of('ROLLBACK'),

    names: of('SELECT name, is_ended FROM eventfeed_logs WHERE name IS NOT NULL ORDER BY name'),
    log: of('SELECT id, is_ended, head FROM eventfeed_logs WHERE name = ?'),
    newestLog: of('SELECT coalesce(max(id), 0) AS id FROM eventfeed_logs'),
    freeLog: of('SELECT id + 1 AS id FROM eventfeed_logs AS log WHERE NOT EXISTS (SELECT 1 FROM eventfeed_logs WHERE id = log.id + 1) ORDER BY id LIMIT 1'),
    addLog: of('INSERT INTO eventfeed_logs (id, name) VALUES (?, ?)'),
    endLog: of('UPDATE eventfeed_logs SET is_ended = 1 WHERE id = ?'),
    setHead: of('UPDATE eventfeed_logs SET head = ? WHERE id = ?'),
    forgetLog: of('UPDATE eventfeed_logs SET name = NULL WHERE id = ?'),
    forgotten: of('SELECT id FROM eventfeed_logs WHERE name IS NULL LIMIT 1'),
    removeLog: of('DELETE FROM eventfeed_logs WHERE id = ?'),

    // of a log: see the parameters of ID and LAST_ID
    tags: of('SELECT opening, first, tag FROM eventfeed_tags WHERE log = ? ORDER BY opening'),
    addTag: of('INSERT INTO eventfeed_tags (log, opening, first, tag) VALUES (?, ?, ?, ?)'),
    removeTags: of('DELETE FROM eventfeed_tags WHERE log = ? AND opening < ?'),

    add: of(`INSERT INTO eventfeed_entries (id, offset, since, at, event, keys, dedupe, json) VALUES (${ID}, ?, ?, ?, ?, ?, ?, ?)`),
    first: of(`SELECT ${NUMBER} FROM eventfeed_entries WHERE id BETWEEN ${ID} AND ${LAST_ID} ORDER BY id LIMIT 1`),
    last: of(`SELECT ${ENTRY}, dedupe, offset, since FROM eventfeed_entries WHERE id BETWEEN ${ID} AND ${LAST_ID} ORDER BY id DESC LIMIT 1`),
    bounds: of(`SELECT offset, since FROM eventfeed_entries WHERE id = ${ID}`),
    duplicate: of(`SELECT ${NUMBER} FROM eventfeed_entries WHERE dedupe = ? AND id BETWEEN ${ID} AND ${LAST_ID} LIMIT 1`),
    page: of(`SELECT ${ENTRY} FROM eventfeed_entries WHERE id BETWEEN ${ID} AND ${ID} AND offset < ? ORDER BY id`),
    remove: of(`DELETE FROM eventfeed_entries WHERE id >= ${ID} AND id < ${ID}`)
  }
}

export type Statements = ReturnType<typeof statementsOf>

/**
 * Throws `FST_EVENTFEED_LOG_UNUSABLE` for a database of a newer format. `isOwn`: and for one of another program. It
 * changes nothing.
 */
export function checkTables (database: SqliteDatabase, subject: string, isOwn: boolean): void {
  if (hasTables(database)) {
    const format = Number(rowOf(prepare(database, 'SELECT number FROM eventfeed_format'))?.['number'])
    if (format === FORMAT) return
    throw new LogUnusable(`${subject} has the format ${format}, and this version of fastify-eventfeed knows only ${FORMAT}: use the version that wrote it, or a newer one`)
  }
  if (isOwn && rowOf(prepare(database, 'SELECT 1 FROM sqlite_master LIMIT 1')) !== undefined) {
    throw new LogUnusable(`${subject} is a database of another program: give feeds a file of their own, or pass a handle as the option database`)
  }
}

/** Makes the tables where there are none, in a transaction of its own. */
export function createTables (database: SqliteDatabase): void {
  if (hasTables(database)) return
  database.exec('BEGIN IMMEDIATE')
  try {
    database.exec(CREATE)
    database.exec('COMMIT')
  } catch (error) {
    if (isInTransaction(database)) database.exec('ROLLBACK')
    throw error
  }
}

function hasTables (database: SqliteDatabase): boolean {
  return rowOf(prepare(database, "SELECT 1 FROM sqlite_master WHERE name = 'eventfeed_format'")) !== undefined
}

/**
 * From now on a commit returns when the disk has it (`FULL`), or when the system has (`NORMAL`). Without a
 * write-ahead log the folder must be synced too, which only `EXTRA` does. On macOS an ordinary sync leaves the data in
 * the disk's own cache.
 */
export function setSynchronous (database: SqliteDatabase, synchronous: 'FULL' | 'NORMAL'): void {
  const isWal = pragma(database, 'journal_mode') === 'wal'
  database.exec(`PRAGMA synchronous = ${synchronous === 'FULL' && !isWal ? 'EXTRA' : synchronous}`)
  database.exec('PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1')
}
