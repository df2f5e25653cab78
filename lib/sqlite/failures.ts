/** What SQLite fails with, as errors of this package: whether a call may be tried again, and what to do. */
import { LogUnavailable, LogUnusable, MissingPeer } from '../errors.ts'

/** SQLite's primary result codes, as far as they are told apart: https://www.sqlite.org/rescode.html */
const CODES: Readonly<Record<string, number>> = {
  BUSY: 5, LOCKED: 6, NOMEM: 7, READONLY: 8, INTERRUPT: 9, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26
}

const MAY_BE_TRIED_AGAIN = new Map([
  [CODES['FULL'], 'the disk is full: it goes on by itself once there is room'],
  [CODES['BUSY'], 'another connection has it locked'],
  [CODES['LOCKED'], 'another statement has it locked'],
  [CODES['NOMEM'], 'there is no memory left'],
  [CODES['INTERRUPT'], 'it was interrupted'],
  [CODES['IOERR'], 'the disk failed to read or write'],
  [CODES['CANTOPEN'], 'one of its files cannot be opened or made']
])

const IS_LOST = new Map([
  [CODES['READONLY'], 'it can only be read: this user must be able to write to the file and to its folder'],
  [CODES['CORRUPT'], 'it is damaged: restore it from a backup, or move it away to begin with an empty one'],
  [CODES['NOTADB'], 'it is no SQLite database, or damaged']
])

/** A failure after which the file must be opened again, because nobody can say what has been written of it. */
export class Broken extends Error {
  /** What the application gets. */
  readonly told: Error

  constructor (told: Error) {
    super(told.message, { cause: told })
    this.told = told
  }
}

/** SQLite's primary result code of what a driver has thrown; `undefined` for another error. */
export function codeOf (thrown: unknown): number | undefined {
  if (!(thrown instanceof Error)) return undefined
  const [errcode, code] = [Reflect.get(thrown, 'errcode') as unknown, Reflect.get(thrown, 'code') as unknown]
  // node:sqlite has the extended code, whose low byte is the primary one
  if (typeof errcode === 'number') return errcode & 0xff
  // better-sqlite3 has its name
  return typeof code === 'string' ? CODES[/^SQLITE_([A-Z]+)/.exec(code)?.[1] ?? ''] : undefined
}

/** True where a file system has no room left. */
export function isFull (thrown: unknown): boolean {
  return codeOf(thrown) === CODES['FULL']
}

/** True where another connection has the database. */
export function isBusy (thrown: unknown): boolean {
  return codeOf(thrown) === CODES['BUSY']
}

/** What the application gets for what was thrown while `subject` (such as `the file "feeds.db"`) was used. */
export function failureOf (thrown: unknown, subject: string): Error {
  if (thrown instanceof LogUnavailable || thrown instanceof LogUnusable || thrown instanceof MissingPeer || thrown instanceof Broken) return thrown
  const code = codeOf(thrown)
  const passing = MAY_BE_TRIED_AGAIN.get(code)
  if (passing !== undefined && code !== undefined) {
    const told = new LogUnavailable(`${subject} cannot be used now: ${passing} (${saidBy(thrown)})`, { cause: thrown })
    return code === CODES['IOERR'] ? new Broken(told) : told
  }
  const reason = code === undefined ? undefined : IS_LOST.get(code)
  return new LogUnusable(`${subject} cannot be used: ${reason === undefined ? '' : `${reason} `}(${saidBy(thrown)})`, { cause: thrown })
}

function saidBy (thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** An error on its way from the worker thread: its class would get lost. */
export interface Failure {
  readonly kind: 'unavailable' | 'unusable' | 'missing'
  readonly message: string
  readonly cause: unknown
  /** The file must be opened again. */
  readonly isBroken: boolean
}

/** Packs an error. */
export function packed (error: Error): Failure {
  const told = error instanceof Broken ? error.told : error
  const kind = told instanceof LogUnavailable ? 'unavailable' : told instanceof MissingPeer ? 'missing' : 'unusable'
  const { cause } = told
  return {
    kind,
    message: told.message,
    // an error of SQLite's is copied without its code, which may be asked for
    cause: cause instanceof Error ? { name: cause.name, message: cause.message, code: codeNameOf(cause) } : undefined,
    isBroken: error instanceof Broken
  }
}

/** Makes the error again. */
export function unpacked ({ kind, message, cause }: Failure): Error {
  const { message: said, code } = isCause(cause) ? cause : { message: 'unknown', code: undefined }
  const original = Object.assign(new Error(said), code === undefined ? {} : { code })
  if (kind === 'unavailable') return new LogUnavailable(message, { cause: original })
  if (kind === 'unusable') return new LogUnusable(message, { cause: original })
  const error = new MissingPeer('better-sqlite3', 'fastify-eventfeed/sqlite', 'better-sqlite3', { cause: original })
  error.message = message
  return error
}

function codeNameOf (cause: Error): unknown {
  const primary = codeOf(cause)
  const name = Object.keys(CODES).find((name) => CODES[name] === primary)
  return primary === undefined || name === undefined ? Reflect.get(cause, 'code') : `SQLITE_${name}`
}

function isCause (value: unknown): value is { message: string, code: unknown } {
  return typeof value === 'object' && value !== null && 'message' in value && typeof value.message === 'string' && 'code' in value
}
