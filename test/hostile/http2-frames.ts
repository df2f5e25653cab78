/** Frames of HTTP/2 (RFC 9113), written by hand: for sequences that Node's own client refuses to send. */

/** What a client sends first. */
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

const TYPE = { HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8 } as const
const END_STREAM_AND_HEADERS = 0x5
const SETTINGS_INITIAL_WINDOW_SIZE = 4

function frame (type: keyof typeof TYPE, flags: number, id: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(TYPE[type], 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(id, 5)
  return Buffer.concat([head, payload])
}

function uint32s (...numbers: number[]): Buffer {
  const bytes = Buffer.alloc(numbers.length * 4)
  numbers.forEach((number, index) => bytes.writeUInt32BE(number, index * 4))
  return bytes
}

/** How many bytes each stream takes before the client must say that it takes more. */
export function settings (initialWindowSize: number): Buffer {
  const payload = Buffer.alloc(6)
  payload.writeUInt16BE(SETTINGS_INITIAL_WINDOW_SIZE, 0)
  payload.writeUInt32BE(initialWindowSize, 2)
  return frame('SETTINGS', 0, 0, payload)
}

/** A GET, whole. */
export function get (id: number, path: string): Buffer {
  // of HPACK the static table alone: :method GET, :scheme http, :path and :authority as literals
  const literal = (name: number, value: string): Buffer => Buffer.concat([Buffer.of(name, value.length), Buffer.from(value, 'latin1')])
  return frame('HEADERS', END_STREAM_AND_HEADERS, id, Buffer.concat([Buffer.of(0x82, 0x86), literal(4, path), literal(1, 'localhost')]))
}

export function reset (id: number, code: number): Buffer {
  return frame('RST_STREAM', 0, id, uint32s(code))
}

/** Of a stream, or of the session where the id is 0. */
export function windowUpdate (id: number, bytes: number): Buffer {
  return frame('WINDOW_UPDATE', 0, id, uint32s(bytes))
}

export function ping (): Buffer {
  return frame('PING', 0, 0, Buffer.alloc(8, 'p'))
}

export function goAway (lastId: number, code: number): Buffer {
  return frame('GOAWAY', 0, 0, uint32s(lastId, code))
}
