/** What the standard says that a client makes of events (WHATWG HTML 9.2.6), told on events instead of bytes. */
import type { ServerSentEvent } from '../../lib/wire/event.ts'

/** What is expected of a client. */
export interface Expected {
  /** The events that it dispatches. */
  readonly events: ReadonlyArray<{
    readonly type: string
    readonly data: string
    /** The id that the event itself has. */
    readonly id: string | undefined
    /** The last event ID, which stays as it is until an event has another. */
    readonly lastEventId: string
  }>
  readonly retries: readonly number[]
  readonly comments: readonly string[]
}

/** What a client that obeys the standard makes of these events. */
export function expectedOf (sent: readonly ServerSentEvent[]): Expected {
  const events = []
  const retries = []
  const comments = []
  let lastEventId = ''
  for (const { data, event, id, retry, comment } of sent) {
    if (comment !== undefined) comments.push(...linesOf(comment))
    if (retry !== undefined) retries.push(retry)
    if (id !== undefined) lastEventId = String(id)
    // [spec] If the data buffer is an empty string, set the data buffer and the event type buffer to the empty string and return.
    // An empty `data:` line leaves one LF in the buffer, so empty data is dispatched.
    if (data === undefined) continue
    events.push({
      // [spec] If the event type buffer has a value other than the empty string, change the type of the event to equal it.
      type: event === undefined || event === '' ? 'message' : event,
      data: linesOf(typeof data === 'string' ? data : JSON.stringify(data)).join('\n'),
      id: id === undefined ? undefined : String(id),
      lastEventId
    })
  }
  return { events, retries, comments }
}

/** Splits at each CR LF, LF and CR: by hand, because what is tested does it with an expression. */
function linesOf (text: string): string[] {
  const lines = ['']
  for (let index = 0; index < text.length; index++) {
    const character = text.charAt(index)
    if (character === '\r' && text.charAt(index + 1) === '\n') continue
    if (character === '\r' || character === '\n') lines.push('')
    else lines.push(`${lines.pop() ?? ''}${character}`)
  }
  return lines
}
