/** A client of the bench of runs: it reads one stream by bare bytes, and can reload. */
import { connect, type Socket } from 'node:net'

/** Two newlines end an event, and stand nowhere else. */
const EVENT = /event: token\ndata: \{"n":(\d+),[^\n]*\n(?:id: (\S+)\n)?\n/g

export class Client {
  /** The events that have come, in order. */
  events = 0
  isDone = false
  readonly wrongs: string[] = []
  readonly #port: number
  readonly #path: string
  readonly #isChecked: boolean
  #socket: Socket | undefined
  #text = ''
  #lastEventId = ''

  /** @param isChecked false where events are only counted */
  constructor (port: number, path: string, isChecked: boolean) {
    this.#port = port
    this.#path = path
    this.#isChecked = isChecked
  }

  open (): void {
    const socket = connect({ host: '127.0.0.1', port: this.#port })
    this.#socket = socket
    this.#text = ''
    const lastEventId = this.#lastEventId === '' ? '' : `Last-Event-ID: ${this.#lastEventId}\r\n`
    socket.write(`GET ${this.#path} HTTP/1.1\r\nHost: bench\r\nAccept: text/event-stream\r\n${lastEventId}\r\n`)
    socket.on('data', (chunk) => { if (socket === this.#socket) this.#read(chunk.toString('latin1')) })
    socket.on('error', () => {})
  }

  /** The line is cut: what is on its way is lost. */
  close (): void {
    this.#socket?.destroy()
    this.#socket = undefined
  }

  #read (text: string): void {
    if (!this.#isChecked) {
      for (let at = text.indexOf('event: token'); at !== -1; at = text.indexOf('event: token', at + 1)) this.events++
      return
    }
    // without the frames of chunks, which stand on lines of their own
    this.#text += text.replace(/(?:^|\r\n)[0-9a-f]+\r\n/g, '').replaceAll('\r\n', '')
    let end = 0
    for (const found of this.#text.matchAll(EVENT)) {
      end = found.index + found[0].length
      this.events++
      if (Number(found[1]) !== this.events) this.wrongs.push(`${this.#path}: ${found[1]} in place of ${this.events}`)
      this.#lastEventId = found[2] ?? ''
    }
    this.#text = this.#text.slice(end)
    this.isDone ||= this.#text.includes('stream:done')
  }
}
