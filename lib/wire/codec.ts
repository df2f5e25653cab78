/**
 * How the data of declared events becomes text. The schema room makes codecs; both towers only use them.
 */
import type { DataText } from './event.ts'

/** Writes the data of events by the schemas that a route or a feed declares. */
export interface EventCodec {
  /**
   * The text of the data of an event: a string as it is where the schema allows strings, all else as JSON with only
   * those properties that the schema names.
   *
   * @throws FST_EVENTFEED_UNKNOWN_EVENT, FST_EVENTFEED_INVALID_DATA
   */
  readonly text: DataText
  /** The same as JSON always: what a log keeps. */
  readonly json: DataText
  /** The schema of an event type; `undefined` where it declares none of that name. */
  schemaOf (event: string): object | undefined
  /**
   * Event types whose schema is a union that cannot tell its members apart, and so cannot serialize without losing
   * properties.
   */
  readonly ambiguous: ReadonlySet<string>
  /**
   * A codec that writes the data of `event` by one `member` of its union. `undefined` where `member` is no member of
   * it. The same member gives the same function.
   */
  narrowed (event: string, member: object): DataText | undefined
}
