/**
 * What a frame source gives: immutable bytes that many connections share, and the last event ID that they end with.
 */

/** Bytes of whole events, ready to send. Never changed after it was made. */
export class Batch {
  /** The events, as UTF-8. */
  readonly bytes: Buffer
  /** How many events these are; control events and comments do not count. */
  readonly events: number
  /** The last event ID of a client that has read these bytes; `undefined` where they set none. */
  readonly lastEventId: string | undefined
  /** A slot in which a writer memoizes its own form of the bytes (framed, compressed), so that sources need not know HTTP. */
  memo: unknown = undefined

  constructor (bytes: Buffer, events: number, lastEventId?: string) {
    this.bytes = bytes
    this.events = events
    this.lastEventId = lastEventId
  }

  /** A batch of text that stands alone, such as a control event. */
  static of (text: string, events = 0, lastEventId?: string): Batch {
    return new Batch(Buffer.from(text), events, lastEventId)
  }
}
