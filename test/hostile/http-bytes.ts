/** Responses as a strict reader of HTTP/1 and of event streams finds them in the bytes of a socket, up to where they were cut. */

/** One response. */
export interface Response {
  readonly status: number
  /** The lines of its head, in lower case. */
  readonly head: readonly string[]
  readonly body: string
  /** True where its end was seen: the last chunk, so many bytes as its head says, or the end of the connection. */
  readonly isWhole: boolean
}

/** One event of a stream; `data` is `undefined` where a block only sets a reconnection time or is a comment. */
export interface StreamEvent { event: string, data: string, id: string | undefined }

/** Something in the bytes that no server may send. */
export class BadBytes extends Error {
  override readonly name = 'BadBytes'
}

/** What Fastify answers to bytes that are no request, whatever it was sending: it comes last. */
const REFUSED = Buffer.from('HTTP/1.1 400 ')

/** The responses in `bytes`, in order. The last one may be cut. `hasEnded`: the server has closed the connection orderly. */
export function responsesIn (bytes: Buffer, hasEnded: boolean): Response[] {
  const responses: Response[] = []
  for (let at = 0; at < bytes.length;) {
    const headEnd = bytes.indexOf('\r\n\r\n', at)
    if (headEnd === -1) break
    const [first = '', ...head] = bytes.toString('latin1', at, headEnd).toLowerCase().split('\r\n')
    const status = Number(/^http\/1\.1 (\d{3})( |$)/.exec(first)?.[1])
    if (!(status >= 100)) throw new BadBytes(`a head begins with ${JSON.stringify(first.slice(0, 100))}`)
    at = headEnd + 4
    if (status < 200) continue
    const { body, end, isWhole } = bodyAt(bytes, at, status, head, hasEnded)
    responses.push({ status, head, body: body.toString(), isWhole })
    at = isWhole ? end : bytes.length
  }
  return responses
}

interface Body { body: Buffer, end: number, isWhole: boolean }

function bodyAt (bytes: Buffer, at: number, status: number, head: readonly string[], hasEnded: boolean): Body {
  if (status === 204 || status === 304) return { body: Buffer.alloc(0), end: at, isWhole: true }
  const length = head.find((line) => line.startsWith('content-length:'))
  if (length !== undefined) {
    const end = at + Number(length.slice(15))
    return { body: bytes.subarray(at, end), end, isWhole: end <= bytes.length }
  }
  if (head.includes('transfer-encoding: chunked')) return chunksAt(bytes, at)
  const refusedAt = bytes.indexOf(REFUSED, at)
  return refusedAt === -1
    ? { body: bytes.subarray(at), end: bytes.length, isWhole: hasEnded }
    : { body: bytes.subarray(at, refusedAt), end: bytes.length, isWhole: false }
}

function chunksAt (bytes: Buffer, start: number): Body {
  const parts: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    const line = bytes.toString('latin1', at, lineEnd === -1 ? Math.min(bytes.length, at + 20) : lineEnd)
    const isRefusal = bytes.subarray(at, at + REFUSED.length).equals(REFUSED)
    const cut = { body: Buffer.concat(parts), end: bytes.length, isWhole: false }
    if (isRefusal) return cut
    if (!/^[0-9a-f]*\r?$/i.test(line)) throw new BadBytes(`a chunk begins with ${JSON.stringify(line.slice(0, 100))}`)
    if (lineEnd === -1) return cut
    const length = Number.parseInt(line, 16)
    if (Number.isNaN(length)) throw new BadBytes('a chunk without a length')
    const dataEnd = lineEnd + 2 + length
    if (length > 0) parts.push(bytes.subarray(lineEnd + 2, dataEnd))
    const after = bytes.toString('latin1', dataEnd, dataEnd + 2)
    if (!'\r\n'.startsWith(after)) throw new BadBytes(`after a chunk of ${length} bytes comes ${JSON.stringify(after)}`)
    if (after.length < 2) return { body: Buffer.concat(parts), end: bytes.length, isWhole: false }
    at = dataEnd + 2
    if (length === 0) return { body: Buffer.concat(parts), end: at, isWhole: true }
  }
}

const LINE = /^(data:|data: .*|event: .+|id: .+|retry: \d+|:.*)$/

/** The events of an event stream that are whole. Throws `BadBytes` for what the encoder never writes. */
export function eventsIn (body: string): StreamEvent[] {
  const blocks = body.split('\n\n')
  // what follows the last blank line was cut, or is nothing
  const rest = blocks.pop() ?? ''
  for (const line of rest.split('\n').slice(0, -1)) checkLine(line)
  const events: StreamEvent[] = []
  for (const block of blocks) {
    const lines = block.split('\n')
    lines.forEach(checkLine)
    const of = (name: string): string[] => lines.filter((line) => line.startsWith(name)).map((line) => line.slice(name.length).replace(/^ /, ''))
    const ids = of('id:')
    if (ids.length > 1 || of('event:').length > 1) throw new BadBytes('a field twice in one event')
    if (ids.length === 1 && lines.at(-1)?.startsWith('id:') !== true) throw new BadBytes('an id that is not last')
    const data = of('data:')
    if (data.length > 0) events.push({ event: of('event:')[0] ?? 'message', data: data.join('\n'), id: ids[0] })
  }
  return events
}

function checkLine (line: string): void {
  if (!LINE.test(line)) throw new BadBytes(`a line of a stream is ${JSON.stringify(line.slice(0, 100))}`)
}
