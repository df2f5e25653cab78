/** The ids of runs: made at random, or given by the application. */
import { randomBytes } from 'node:crypto'
import { BadOption, shown } from '../errors.ts'
import { isFeedName } from '../wire/event-id.ts'

/** 128 random bits: nobody guesses one. That is no authorization: an id is seen in logs, URLs and referrers. */
const ID_BYTES = 16

/** A new id, which no other run has: 22 characters that need no escape in a URL. */
export function newRunId (): string {
  return randomBytes(ID_BYTES).toString('base64url')
}

/** True for what may be the id of a run. */
export function isRunId (id: unknown): id is string {
  return isFeedName(id)
}

/** Checks an id that the application gives. Throws `FST_EVENTFEED_BAD_OPTION`. */
export function checkRunId (id: unknown): string {
  if (isRunId(id)) return id
  throw new BadOption(`the id of a run must be a string of 1 to 128 characters without white space, comma and "=", and not begin with "~", not ${shown(id)}`)
}
