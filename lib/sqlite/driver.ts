/**
 * SQLite as Node programs have it: `node:sqlite`, `better-sqlite3`, or a handle of either that the application gives.
 * The rest of this folder sees only what they have in common.
 */
import { createRequire } from 'node:module'
import { MissingPeer } from '../errors.ts'

/** A value that is bound to a parameter. */
export type SqliteValue = null | number | string

/** A prepared statement of `node:sqlite` or `better-sqlite3`. */
export interface SqliteStatement {
  run (...values: SqliteValue[]): unknown
  get (...values: SqliteValue[]): unknown
  all (...values: SqliteValue[]): unknown[]
}

/** A database handle: a `DatabaseSync` of `node:sqlite`, or a `Database` of `better-sqlite3`. */
export interface SqliteDatabase {
  exec (sql: string): unknown
  prepare (sql: string): SqliteStatement
}

/** A handle that was opened here, and is closed here. */
export interface OwnDatabase extends SqliteDatabase {
  close (): unknown
}

/** A row, by the names of its columns. */
export type Row = Readonly<Record<string, unknown>>

/** What a driver can be asked beside the methods that both have: each has some of them. */
interface StatementSettings extends SqliteStatement {
  readonly setReadBigInts?: (enabled: boolean) => unknown
  readonly setReturnArrays?: (enabled: boolean) => unknown
  readonly safeIntegers?: (enabled: boolean) => unknown
}

/**
 * Opens a file. It is created where it is not there. Throws what the driver throws, or `FST_EVENTFEED_MISSING_PEER`.
 */
export function openDatabase (path: string): OwnDatabase {
  // undefined on Node 20, and on Node 22 before 22.13 without --experimental-sqlite
  const builtIn: { readonly DatabaseSync?: unknown } | undefined = process.getBuiltinModule?.('node:sqlite')
  const Database = builtIn?.DatabaseSync ?? betterSqlite()
  // both are classes that take a path first; their types are not here, because each may be missing
  return new (Database as new (path: string) => OwnDatabase)(path)
}

/** Opens another file by the driver of a handle. */
export function openBeside (database: SqliteDatabase, path: string): OwnDatabase {
  // a handle is made by its class, which takes a path first, in both drivers
  return new (database.constructor as new (path: string) => OwnDatabase)(path)
}

function betterSqlite (): unknown {
  try {
    return createRequire(import.meta.url)('better-sqlite3')
  } catch (cause) {
    throw new MissingPeer('better-sqlite3', `fastify-eventfeed/sqlite on Node ${process.versions.node}, which has no node:sqlite,`,
      process.versions.node.startsWith('20.') ? 'better-sqlite3@12' : 'better-sqlite3', { cause })
  }
}

/** Prepares a statement whose rows are objects with numbers, whatever the application has set for its handle. */
export function prepare (database: SqliteDatabase, sql: string): SqliteStatement {
  const statement = database.prepare(sql)
  // each driver has other methods beside those that both have
  const settings = statement as StatementSettings
  if (/^\s*(select|pragma)/i.test(sql)) {
    settings.setReadBigInts?.(false)
    settings.setReturnArrays?.(false)
    settings.safeIntegers?.(false)
  }
  return statement
}

/** The first row; `undefined` for none. */
export function rowOf (statement: SqliteStatement, ...values: SqliteValue[]): Row | undefined {
  // rows are objects: see `prepare`
  return statement.get(...values) as Row | undefined
}

/** All rows. */
export function rowsOf (statement: SqliteStatement, ...values: SqliteValue[]): readonly Row[] {
  // rows are objects: see `prepare`
  return statement.all(...values) as readonly Row[]
}

/** What a pragma says, as text. */
export function pragma (database: SqliteDatabase, name: string): string {
  const row = rowOf(prepare(database, `PRAGMA ${name}`))
  return row === undefined ? '' : String(Object.values(row)[0])
}

/** True where the application has begun a transaction on its handle. */
export function isInTransaction (database: SqliteDatabase): boolean {
  return ('isTransaction' in database && database.isTransaction === true) || ('inTransaction' in database && database.inTransaction === true)
}
