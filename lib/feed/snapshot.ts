/**
 * Snapshots: the state as of a position, made by the application, in place of what cannot be replayed or was never
 * asked for. What is published while the function runs comes after it.
 */
import type { Gap } from '../wire/protocol.ts'

/** What a snapshot function gets. */
export interface SnapshotRequest {
  /**
   * The event ID of the newest entry when the function is called: the stream goes on behind it, unless the function
   * says where else.
   */
  readonly position: string
  /** What the client missed; `undefined` at a first connect. */
  readonly gap: Gap | undefined
}

/**
 * Events that make up the state, in order. They pass the stream's keys, filter and projection like any other, and
 * carry no id.
 */
export type SnapshotEvents<Publication> = readonly Publication[] | Iterable<Publication>

/**
 * What a snapshot function returns: the events; or those with `after`, the event ID as of which they are the state,
 * where that is another than `position`, as when it was read from a database while others published: the stream goes
 * on behind that.
 */
export type SnapshotResult<Publication> = SnapshotEvents<Publication> | { readonly events: SnapshotEvents<Publication>, readonly after: string }

/**
 * Gives the state. May be asynchronous; one that throws fails the stream. Its events are encoded at once, and count
 * toward the bound of the log until they are sent; a stream that would pass that ends, for its client to come back.
 */
export type Snapshot<Publication> = (request: SnapshotRequest) =>
  SnapshotResult<Publication> | Promise<SnapshotResult<Publication>> | PromiseLike<SnapshotResult<Publication>>
