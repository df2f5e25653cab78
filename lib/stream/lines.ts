/**
 * Bytes as events, one line each: a child process's output, a file, a body from upstream. Line ends are LF, CRLF and
 * CR.
 */
import { LINE_BYTES } from '../defaults.ts'
import { LineTooLong } from '../errors.ts'

const LF = 0x0a
const CR = 0x0d

/**
 * Yields what `chunks` yields, with bytes cut into lines of UTF-8 text. A last line without an end is a line too.
 *
 * @throws FST_EVENTFEED_LINE_TOO_LONG for a line of more than 1 MiB, because what has no line ends would fill the
 *   memory
 */
export async function * bytesAsLines (chunks: AsyncIterable<unknown>): AsyncGenerator<unknown, void, undefined> {
  // the parts of a line that has not ended; each byte is looked at once, and no character is cut, because no byte of one is CR or LF
  let held: Uint8Array[] = []
  let heldBytes = 0
  let isAfterCR = false
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      yield chunk
      continue
    }
    let start: number = isAfterCR && chunk[0] === LF ? 1 : 0
    if (chunk.length > 0) isAfterCR = false
    for (let index = start; index < chunk.length; index++) {
      const byte = chunk[index]
      if (byte !== LF && byte !== CR) continue
      if (heldBytes + index - start > LINE_BYTES) throw new LineTooLong(LINE_BYTES)
      yield decode([...held, chunk.subarray(start, index)])
      held = []
      heldBytes = 0
      if (byte === CR && chunk[index + 1] === LF) index++
      isAfterCR = byte === CR && index === chunk.length - 1 && chunk[index] === CR
      start = index + 1
    }
    if (start === chunk.length) continue
    held.push(chunk.subarray(start))
    heldBytes += chunk.length - start
    if (heldBytes > LINE_BYTES) throw new LineTooLong(LINE_BYTES)
  }
  if (heldBytes > 0) yield decode(held)
}

function decode (parts: Uint8Array[]): string {
  return Buffer.concat(parts).toString()
}
