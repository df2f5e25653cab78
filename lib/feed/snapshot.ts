/**
 * Snapshots: the state as of a position, made by the application, in place of what cannot be replayed or was never asked for.
 * What is published while the function runs comes behind it.
 */
import { BadOption, describe } from '../errors.ts'
import { isThenable } from '../thenable.ts'
import type { Gap } from '../wire/control-event.ts'
import type { Opening } from './opening.ts'
import type { HeldState } from './states.ts'

/** What a snapshot function gets. */
export interface SnapshotRequest {
  /** The event ID of the newest entry when the function is called: the stream goes on behind it, unless the function says where else. */
  readonly position: string
  /** What the client missed; `undefined` at a first connect. */
  readonly gap: Gap | undefined
}

/** Events that make up the state, in order. They pass the stream's keys, filter and projection like any other, and carry no id. */
export type SnapshotEvents<Publication> = Iterable<Publication>

/**
 * What a snapshot function returns: the events; or those with `after`, the event ID as of which they are the state, where that is
 * another than `position`, as when it was read from a database while others published: the stream goes on behind that.
 */
export type SnapshotResult<Publication> = SnapshotEvents<Publication> | { readonly events: SnapshotEvents<Publication>, readonly after: string }

/**
 * Gives the state. May be asynchronous; one that throws fails the stream. Its events are encoded at once, and count toward the bound of
 * the log until they are sent; a stream that would pass that ends, for its client to come back.
 */
export type Snapshot<Publication> = (request: SnapshotRequest) => SnapshotResult<Publication> | PromiseLike<SnapshotResult<Publication>>

/** The state, and where the stream goes on behind it. */
export interface State {
  /** `undefined` where it would pass the bound of the log. */
  readonly held: HeldState | undefined
  readonly behind: Opening
}

/** What is needed of the feed. */
export interface SnapshotParts {
  /** Where a stream goes on that begins at the head now. */
  readonly head: Opening
  /** Finds where a stream goes on behind an event ID. */
  readonly find: (after: string) => Opening | Promise<Opening>
  /** Encodes events, which are checked as for `publish`, as of a position; `undefined` where they would pass the bound of the log. */
  readonly take: (events: Iterable<unknown>, position: string) => HeldState | undefined
}

/** Calls a snapshot function. A promise only where the function, or the log, gives one. */
export function takeSnapshot (snapshot: Snapshot<unknown>, gap: Gap | undefined, { head, find, take }: SnapshotParts): State | Promise<State> {
  const made: unknown = snapshot({ position: head.before, gap })
  const finish = (result: unknown): State | Promise<State> => {
    const { events, after } = read(result)
    // at once: what is given may be changed later
    const held = take(events, after ?? head.before)
    if (after === undefined) return { held, behind: head }
    try {
      const found = find(after)
      if (!(found instanceof Promise)) return { held, behind: found }
      return found.then((behind) => ({ held, behind }), (error: unknown) => {
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
