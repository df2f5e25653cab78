/**
 * Bytes as events, one line each: a child process's output, a file, a body from upstream. Line ends are LF, CRLF and CR.
 */
import { LINE_BYTES } from '../defaults.ts'
import { LineTooLong } from '../errors.ts'

/**
 * Yields what `chunks` yields, with bytes cut into lines of UTF-8 text. A last line without an end is a line too.
 *
 * @throws FST_EVENTFEED_LINE_TOO_LONG for a line of more than 1 MiB, because what has no line ends would fill the memory
 */
export async function * bytesAsLines (chunks: AsyncIterable<unknown>): AsyncGenerator<unknown, void, undefined> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      yield chunk
      continue
    }
    rest += decoder.decode(chunk, { stream: true })
    const lines = rest.split(LINE_ENDS)
    rest = lines.pop() ?? ''
    if (rest.length > LINE_BYTES) throw new LineTooLong(LINE_BYTES)
    yield * lines
  }
  rest += decoder.decode()
  // a CR at the very end was kept back, because an LF might have followed
  if (rest.endsWith('\r')) rest = rest.slice(0, -1)
  else if (rest === '') return
  yield rest
}

/** A CR at the end of a chunk is no line end yet: an LF may follow in the next. */
const LINE_ENDS = /\r\n|\n|\r(?!\n|$)/
