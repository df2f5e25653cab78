/**
 * Bytes of an event stream become events, by the standard: any chunks, any line ends, one BOM, UTF-8 that is split.
 * Between them stands `eventsource-parser`, which is given LF only: it would hold back a line that ends with CR until
 * it knows what follows. One difference from the standard is its own: a block without data moves no last event ID.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
 */
import { createParser, type EventSourceMessage, type EventSourceParser } from 'eventsource-parser'
import { FeedError } from './errors.ts'

/** What is done with what a stream says. */
export interface Reading {
  /** The longest line and the longest event, in characters. */
  readonly maxLineLength: number
  onEvent (event: EventSourceMessage): void
  onRetry (retryMs: number): void
}

/** Reads one stream. */
export class EventReader {
  /** The BOM is taken away here: in Node 24 and 26 the decoder takes two, where the first comes in pieces. */
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  readonly #parser: EventSourceParser
  #isFirst = true
  #isTooLong = false
  #isAfterCr = false

  constructor ({ maxLineLength, onEvent, onRetry }: Reading) {
    this.#parser = createParser({
      maxBufferSize: maxLineLength,
      onEvent: (event) => {
        // a line that is whole in one chunk is not looked at by the parser
        if (event.data.length > maxLineLength) this.#isTooLong = true
        if (!this.#isTooLong) onEvent(event)
      },
      onRetry,
      onError: ({ type }) => { if (type === 'max-buffer-size-exceeded') this.#isTooLong = true }
    })
    // the parser takes the text "ï»¿" at the beginning of its first chunk for a BOM; the BOM itself is taken away below
    this.#parser.feed('')
  }

  /** @throws FeedError LINE_TOO_LONG; what came earlier has been handed over */
  read (bytes: Uint8Array): void {
    let text = this.#decoder.decode(bytes, { stream: true })
    if (text === '') return
    if (this.#isFirst && text.startsWith('\ufeff')) text = text.slice(1)
    this.#isFirst = false
    if (this.#isAfterCr && text.startsWith('\n')) text = text.slice(1)
    this.#isAfterCr = text.endsWith('\r')
    if (text.includes('\r')) text = text.replace(/\r\n?/g, '\n')
    this.#parser.feed(text)
    if (this.#isTooLong) throw new FeedError('LINE_TOO_LONG', 'a line or an event is longer than maxLineLength')
  }
}
