/**
 * The model of the standard for clients (WHATWG HTML 9.2.5 and 9.2.6): a whole stream as bytes becomes events. Written
 * after its words, with no thought of speed, and knowing nothing of chunks.
 */
export interface ModelEvent { readonly event: string, readonly data: string, readonly id: string }

/**
 * @param movesByEmptyBlocks true as in the standard: a block without data moves the last event ID. The client's parser
 *   does not
 */
export function readByTheStandard (bytes: Uint8Array, movesByEmptyBlocks: boolean): { events: ModelEvent[], retries: number[] } {
  // [spec] Streams must be decoded using the UTF-8 decode algorithm: it strips one leading BOM.
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes).replace(/^\ufeff/, '')
  const events: ModelEvent[] = []
  const retries: number[] = []
  let [data, type, buffer, id] = ['', '', '', '']
  // [spec] Once the end of the file is reached, any pending data must be discarded.
  const lines = text.split(/\r\n|\n|\r/).slice(0, -1)
  for (const line of lines) {
    if (line === '') {
      // [spec] Set the last event ID string of the event source to the value of the last event ID buffer.
      if (movesByEmptyBlocks || data !== '') id = buffer
      else buffer = id
      // [spec] If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string.
      if (data !== '') events.push({ event: type === '' ? 'message' : type, data: data.slice(0, -1), id })
      data = type = ''
      continue
    }
    const colon = line.indexOf(':')
    if (colon === 0) continue
    const field = colon === -1 ? line : line.slice(0, colon)
    const value = colon === -1 ? '' : line.slice(colon + 1).replace(/^ /, '')
    if (field === 'event') type = value
    else if (field === 'data') data += `${value}\n`
    else if (field === 'id' && !value.includes('\0')) buffer = value
    else if (field === 'retry' && /^[0-9]+$/.test(value)) retries.push(Number.parseInt(value, 10))
  }
  return { events, retries }
}
