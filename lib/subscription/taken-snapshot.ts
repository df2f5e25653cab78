/**
 * A snapshot function is called for one stream: what it gives is checked, encoded and held, and the stream goes on
 * after it.
 */
import { BadOption, describe } from '../errors.ts'
import type { HeldSnapshot } from '../feed/held-snapshots.ts'
import type { Snapshot } from '../feed/snapshot.ts'
import { isThenable } from '../thenable.ts'
import type { Gap } from '../wire/protocol.ts'
import type { Opening } from './opening.ts'

/** The state, and where the stream goes on after it. */
export interface TakenSnapshot {
  /** `undefined` where it would pass the bound of the log. */
  readonly held: HeldSnapshot | undefined
  readonly opening: Opening
}

/** What is needed of the feed. */
export interface SnapshotParts {
  /** Where a stream goes on that begins at the head now. */
  readonly head: Opening
  /** Finds where a stream goes on behind an event ID. */
  readonly find: (after: string) => Opening | Promise<Opening>
  /**
   * Encodes events, which are checked as for `publish`, as of a position; `undefined` where they would pass the bound
   * of the log.
   */
  readonly take: (events: Iterable<unknown>, position: string) => HeldSnapshot | undefined
}

/** Calls a snapshot function. A promise only where the function, or the log, gives one. */
export function takeSnapshot (snapshot: Snapshot<unknown>, gap: Gap | undefined, { head, find, take }: SnapshotParts): TakenSnapshot | Promise<TakenSnapshot> {
  const made: unknown = snapshot({ position: head.before, gap })
  const finish = (result: unknown): TakenSnapshot | Promise<TakenSnapshot> => {
    const { events, after } = read(result)
    // at once: what is given may be changed later
    const held = take(events, after ?? head.before)
    if (after === undefined) return { held, opening: head }
    try {
      const found = find(after)
      if (!(found instanceof Promise)) return { held, opening: found }
      return found.then((opening) => ({ held, opening }), (error: unknown) => {
        held?.release()
        throw error
      })
    } catch (error) {
      held?.release()
      throw error
    }
  }
  return isThenable(made) ? Promise.resolve(made).then(finish) : finish(made)
}

function read (result: unknown): { events: Iterable<unknown>, after: string | undefined } {
  if (isIterable(result)) return { events: result, after: undefined }
  if (typeof result === 'object' && result !== null && 'events' in result && isIterable(result.events)) {
    const after: unknown = 'after' in result ? result.after : undefined
    if (after === undefined || typeof after === 'string') return { events: result.events, after }
  }
  throw new BadOption(`a snapshot function (initial, onGap) returns an iterable of events, or { events, after } with an event ID, or a promise of one of these, not ${describe(result)}`)
}

function isIterable (value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value
}
