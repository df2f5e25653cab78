/**
 * What a store can be asked, and what it answers: plain data, because the store of a file works in a worker thread.
 * Each operation is carried out whole before the next one.
 */
import type { LogBeginning, LogGap, LogPage, Located } from '../log/contract.ts'

/** An open log of a store: a number that the asking side chooses. */
export type Handle = number

/** Events that are committed together, one row in each list, and logs that are ended after them. */
export interface WriteAsk {
  readonly handles: readonly Handle[]
  readonly events: readonly string[]
  readonly jsons: readonly string[]
  /** The keys as a JSON list; `null` for none. */
  readonly keys: ReadonlyArray<string | null>
  readonly ats: readonly number[]
  /** Since when each counts as kept, by a clock that is never set. */
  readonly sinces: readonly number[]
  readonly dedupeIds: ReadonlyArray<string | null>
  readonly ends: readonly Handle[]
  readonly now: number
}

/** What became of the events of a `WriteAsk`. */
export interface Written {
  /** The position of each event. */
  readonly positions: readonly string[]
  /** The indexes of those that were not added, because their `dedupeId` was kept already. */
  readonly duplicates: readonly number[]
  /** True where entries are still to be removed from the file: `sweep` does it. */
  readonly isSweepDue: boolean
}

/** A log that was opened. */
export interface Opened {
  /** The position of its newest entry, or where that would stand. */
  readonly head: string
  readonly isEnded: boolean
  readonly isSweepDue: boolean
}

/** The log that is asked for, and the time. */
interface Place {
  readonly handle: Handle
  readonly now: number
}

/** Each operation: what is asked, and what is answered. */
export interface Operations {
  /** Opens the database. It comes first. */
  start: { ask: null, answer: null }
  /** Opens a log, and creates it where there is none of that name. */
  open: { ask: Place & { readonly name: string }, answer: Opened }
  /** Commits events. All of them fail together. */
  write: { ask: WriteAsk, answer: Written }
  locate: { ask: Place & { readonly position: string }, answer: Located }
  earliest: { ask: Place, answer: LogBeginning }
  /** `isPrefill`: entries that left the log since `newest` are given too. */
  page: { ask: Place & { readonly after: string, readonly limit: number, readonly isPrefill: boolean }, answer: LogPage | LogGap }
  /** Answers the position before the newest entries, and keeps what follows it in the file until `release`. */
  newest: { ask: Place & { readonly entries: number, readonly bytes: number }, answer: string }
  release: { ask: { readonly handle: Handle }, answer: null }
  close: { ask: { readonly handle: Handle }, answer: null }
  /** Deletes a log and closes it. Its entries leave the file by `sweep`. */
  delete: { ask: { readonly handle: Handle }, answer: null }
  names: { ask: null, answer: ReadonlyArray<{ readonly name: string, readonly ended: boolean }> }
  /** Removes some entries that are not kept any more from the file. True where more are left. */
  sweep: { ask: { readonly now: number }, answer: boolean }
}

export type Operation = keyof Operations

/** Carries out operations. */
export type Performer = { readonly [Kind in Operation]: (ask: Operations[Kind]['ask']) => Operations[Kind]['answer'] }

/** Takes an answer, or an error of this package. */
export type Done<Kind extends Operation> = (error: Error | undefined, answer: Operations[Kind]['answer'] | undefined) => void

/** Has operations carried out, here or in a worker thread. */
export interface Engine {
  /** Answers are given in the order of the questions. */
  ask<Kind extends Operation> (kind: Kind, ask: Operations[Kind]['ask'], done: Done<Kind>): void
  /**
   * Closes the database and gives up its lock. Resolves when that is done; what was asked and not answered has failed
   * then.
   */
  stop (): Promise<void>
}
