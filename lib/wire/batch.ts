/**
 * What a frame source gives: immutable bytes that many connections share, and the last event ID that they end with.
 */

/**
 * This many bytes are left free before and after the bytes of each batch, in the same memory: room in which a
 * writer puts a frame of its own around them, once for all connections, without a copy.
 */
export const ROOM_BEFORE = 10
export const ROOM_AFTER = 2

/** Allocates this many bytes of memory, uninitialized. */
export type Allocate = (bytes: number) => Buffer

/** Bytes of whole events, ready to send. Never changed after it was made. */
export class Batch {
  /** How many bytes the events have. */
  readonly length: number
  /** How many events these are; control events and comments do not count. */
  readonly events: number
  /** The last event ID of a client that has read these bytes; `undefined` where they set none. */
  readonly lastEventId: string | undefined
  /**
   * A slot in which a writer memoizes its own form of the bytes (framed, compressed), so that sources need not know
   * HTTP.
   */
  memo: Buffer | undefined = undefined
  /** The bytes, with the room around them. */
  readonly #room: Buffer
  #bytes: Buffer | undefined

  /**
   * @param content text, or the parts of the bytes; either is copied, so that there is room around it
   * @param allocate where the memory comes from
   */
  constructor (content: string | readonly Uint8Array[], events = 0, lastEventId?: string, allocate: Allocate = Buffer.allocUnsafe) {
    this.#room = typeof content === 'string' ? written(content, allocate) : joined(content, allocate)
    this.length = this.#room.length - ROOM_BEFORE - ROOM_AFTER
    this.events = events
    this.lastEventId = lastEventId
  }

  /**
   * The bytes with as much of the room around them; at most `ROOM_BEFORE` and `ROOM_AFTER`. The same memory at each
   * call.
   */
  withRoom (before: number, after: number): Buffer {
    return this.#room.subarray(ROOM_BEFORE - before, ROOM_BEFORE + this.length + after)
  }

  /** The events, as UTF-8. Made when somebody asks: each view of the memory is an object of its own. */
  get bytes (): Buffer {
    this.#bytes ??= this.withRoom(0, 0)
    return this.#bytes
  }
}

const encoder = new TextEncoder()
/** Long text is encoded here first, and copied: to count its bytes beforehand would take as long as to encode it. */
const scratch = new Uint8Array(64 * 1024)
/** What is shorter is counted: then that is cheaper. */
const LEAST_SCRATCHED = 1024
/** What is longer may not fit: a UTF-16 unit takes 3 bytes at most. */
const MOST_SCRATCHED = Math.floor(scratch.length / 3)

function written (text: string, allocate: Allocate): Buffer {
  if (text.length >= LEAST_SCRATCHED && text.length <= MOST_SCRATCHED) {
    return joined([scratch.subarray(0, encoder.encodeInto(text, scratch).written)], allocate)
  }
  const length = Buffer.byteLength(text)
  const room = allocate(ROOM_BEFORE + length + ROOM_AFTER)
  room.write(text, ROOM_BEFORE)
  return room
}

function joined (parts: readonly Uint8Array[], allocate: Allocate): Buffer {
  let length = 0
  for (const part of parts) length += part.length
  const room = allocate(ROOM_BEFORE + length + ROOM_AFTER)
  let at = ROOM_BEFORE
  for (const part of parts) {
    room.set(part, at)
    at += part.length
  }
  return room
}
