/**
 * The responses on an HTTP/1 connection, read strictly: what RFC 9112 does not allow is a fault, and so is what it allows and
 * Node never sends, such as extensions of chunks, or bytes that nobody has asked for.
 * @see https://www.rfc-editor.org/rfc/rfc9112
 */
import { Answer } from './answer.ts'

type State = 'head' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailers' | 'length' | 'until-close'

const LINE_END = Buffer.from('\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')

/** What one connection brings. */
export class Http1Responses {
  readonly faults: string[] = []
  readonly #version: string
  /** Asked for, and not whole yet, in their order. */
  readonly #awaited: Answer[] = []
  #state: State = 'head'
  #rest: Buffer = Buffer.alloc(0)
  #left = 0

  /** @param version which HTTP the client has said that it speaks */
  constructor (version: '1.0' | '1.1') {
    this.#version = version
  }

  /** The next response is for this. */
  expect (answer: Answer): void {
    this.#awaited.push(answer)
  }

  push (chunk: Buffer): void {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    while (this.faults.length === 0 && this.#step()) { /* as far as it goes */ }
  }

  /** The server has said that it sends no more (`isEnd`), or the connection is cut. */
  closed (isEnd: boolean): void {
    const [current] = this.#awaited
    if (isEnd && this.#state === 'until-close' && current !== undefined) this.#finish(current)
    for (const answer of this.#awaited) answer.cut()
  }

  /** One part of a response; false where more bytes are needed. */
  #step (): boolean {
    const [answer] = this.#awaited
    if (this.#rest.length === 0) return false
    if (answer === undefined) return this.#fault(`bytes for no request: ${JSON.stringify(this.#rest.toString('latin1', 0, 80))}`)
    switch (this.#state) {
      case 'head': return this.#head(answer)
      case 'chunk-size': return this.#chunkSize()
      case 'chunk': return this.#body(answer, 'chunk-end')
      case 'chunk-end': return this.#chunkEnd()
      case 'trailers': return this.#trailers(answer)
      case 'length': return this.#body(answer, 'head')
      case 'until-close': this.#left = this.#rest.length; return this.#body(answer, 'until-close')
    }
  }

  #head (answer: Answer): boolean {
    const text = this.#take(HEAD_END)
    if (text === undefined) return false
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1]
    if (status === undefined) return this.#fault(`no head: ${JSON.stringify(text)}`)
    const headers = fields(text)
    answer.begin(Number(status), headers)
    const isChunked = headers['transfer-encoding'] !== undefined
    const length = headers['content-length']
    if (isChunked && this.#version === '1.0') return this.#fault('HTTP/1.0 knows no chunks')
    if (isChunked && length !== undefined) return this.#fault('chunks and a length')
    if (answer.method === 'HEAD' || status === '204') this.#finish(answer)
    else if (isChunked) this.#state = 'chunk-size'
    else if (length === undefined) this.#state = 'until-close'
    else {
      this.#left = Number(length)
      this.#state = 'length'
      if (this.#left === 0) this.#finish(answer)
    }
    return true
  }

  #chunkSize (): boolean {
    const line = this.#take(LINE_END)
    if (line === undefined) return this.#rest.length > 20 ? this.#fault(`no size of a chunk: ${JSON.stringify(this.#rest.toString('latin1', 0, 40))}`) : false
    if (!/^[0-9a-f]+$/i.test(line)) return this.#fault(`no size of a chunk: ${JSON.stringify(line.slice(0, 80))}`)
    this.#left = Number.parseInt(line, 16)
    this.#state = this.#left === 0 ? 'trailers' : 'chunk'
    return true
  }

  #body (answer: Answer, next: State): boolean {
    const part = this.#rest.subarray(0, this.#left)
    this.#rest = this.#rest.subarray(part.length)
    this.#left -= part.length
    answer.push(part)
    if (this.#left > 0) return false
    this.#state = next
    if (next === 'head') this.#finish(answer)
    return true
  }

  #chunkEnd (): boolean {
    if (this.#rest.length < 2) return false
    if (!this.#rest.subarray(0, 2).equals(LINE_END)) return this.#fault(`no end of a chunk: ${JSON.stringify(this.#rest.toString('latin1', 0, 40))}`)
    this.#rest = this.#rest.subarray(2)
    this.#state = 'chunk-size'
    return true
  }

  #trailers (answer: Answer): boolean {
    const line = this.#take(LINE_END)
    if (line === undefined) return false
    if (line === '') this.#finish(answer)
    else answer.trailers = { ...answer.trailers, ...fields(`\r\n${line}`) }
    return true
  }

  #finish (answer: Answer): void {
    this.#awaited.shift()
    this.#state = 'head'
    answer.end()
  }

  /** Takes what stands before `end`, and `end`. */
  #take (end: Buffer): string | undefined {
    const at = this.#rest.indexOf(end)
    if (at === -1) return undefined
    const text = this.#rest.toString('latin1', 0, at)
    this.#rest = this.#rest.subarray(at + end.length)
    return text
  }

  #fault (what: string): false {
    this.faults.push(what)
    return false
  }
}

/** The header fields behind the first line; names in lower case, those that come twice joined. */
function fields (head: string): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const line of head.split('\r\n').slice(1)) {
    const at = line.indexOf(':')
    const name = line.slice(0, at).toLowerCase()
    const value = line.slice(at + 1).trim()
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`
  }
  return headers
}
