/** SQLite as the tests use it themselves: by the driver that this Node has, and with handles that can be broken. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { OwnDatabase, SqliteStatement } from '../../lib/sqlite/driver.ts'

const MISSING = 'SQLite is missing: npx tsx test/sqlite/install-driver.ts'

/** Opens a database file. */
export type DatabaseClass = new (path: string, options?: object) => OwnDatabase

const builtIn: { readonly DatabaseSync?: unknown } | undefined = process.getBuiltinModule?.('node:sqlite')

/** The driver's class; `undefined` where there is none. */
const found: unknown = builtIn?.DatabaseSync ?? betterSqlite()

/** For the option `skip` of tests: on Node 20 they need a package. With `CI` set they fail instead. */
export const skip: string | false = found !== undefined || process.env.CI
  ? false
  : MISSING

/** The driver's class. Throws where it is missing. */
export function driver (): DatabaseClass {
  if (found === undefined) throw new Error(MISSING)
  // both drivers' classes take a path and options
  return found as DatabaseClass
}

/** Opens a database. */
export function openDatabase (path: string): OwnDatabase {
  return new (driver())(path)
}

/** Opens a database to read it only. */
export function openReadOnly (path: string): OwnDatabase {
  return new (driver())(path, builtIn === undefined ? { readonly: true } : { readOnly: true })
}

/** The values of the first row that a statement gives, by the names of its columns. */
export function row (database: OwnDatabase, sql: string): Record<string, unknown> {
  // a statement of the tests always has a row
  return database.prepare(sql).get() as Record<string, unknown>
}

/** A new folder, which is removed after the test. */
export function folderFor (t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'eventfeed-sqlite-'))
  t.teardown(() => { rmSync(folder, { recursive: true, force: true }) })
  return folder
}

/** The handles of one process, as far as a test plays one. */
export interface Handles {
  /** Opens a handle; what the log opens beside it is opened in the same way. */
  open (path: string): OwnDatabase
  /** What the next commits fail with. */
  readonly failures: Error[]
  /** All statements that were prepared. */
  readonly statements: Set<string>
  /** How many transactions were committed. */
  readonly commits: number
  /** Closes all of them, as the death of their process does. */
  die (): void
}

/** Makes handles that can be broken. */
export function handles (): Handles {
  const all: OwnDatabase[] = []
  const failures: Error[] = []
  const statements = new Set<string>()
  let commits = 0
  class Handle extends driver() {
    constructor (path: string) {
      super(path)
      all.push(this)
    }

    override prepare (sql: string): SqliteStatement {
      const statement = super.prepare(sql)
      statements.add(sql)
      if (sql !== 'COMMIT') return statement
      return {
        get: (...values) => statement.get(...values),
        all: (...values) => statement.all(...values),
        run: (...values) => {
          const failure = failures.shift()
          if (failure !== undefined) throw failure
          commits++
          return statement.run(...values)
        }
      }
    }
  }
  return {
    open: (path) => new Handle(path),
    failures,
    statements,
    get commits () { return commits },
    die: () => {
      for (const handle of all.splice(0)) {
        try {
          handle.close()
        } catch { /* it was closed before */ }
      }
    }
  }
}

/** A failure of SQLite's, as the driver throws it. */
export function sqliteError (name: 'BUSY' | 'FULL' | 'IOERR' | 'CORRUPT'): Error {
  const errcode = { BUSY: 5, FULL: 13, IOERR: 10, CORRUPT: 11 }[name]
  return Object.assign(new Error(`a test says ${name}`), { code: `SQLITE_${name}`, errcode })
}

function betterSqlite (): unknown {
  try {
    return createRequire(import.meta.url)('better-sqlite3')
  } catch {
    return undefined
  }
}
