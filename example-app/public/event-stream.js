/**
 * One native EventSource, the state of its line, and a way to have the line cut. The browser reconnects by itself, with the
 * last event ID; nothing here helps it. Knows nothing of what the events mean.
 */
import { request } from '/request.js'

/**
 * Opens an event stream.
 *
 * `query` becomes the URL's query, with a random id `stream` added. `events` has a listener for each event type.
 * `onState` is called with 'connecting', 'open', 'lost' (the browser reconnects) or 'ended' (it will not), and after a
 * reconnect also with how many milliseconds the line was lost.
 */
export function openEventStream (path, { query = {}, events, onState }) {
  const stream = window.crypto.getRandomValues(new Uint32Array(4)).join('-')
  const url = `${path}?${new URLSearchParams({ ...query, stream })}`
  const source = new window.EventSource(url)
  let lostAt

  const end = () => {
    source.close()
    onState('ended')
  }

  onState('connecting')
  source.onopen = () => {
    onState('open', lostAt === undefined ? undefined : Date.now() - lostAt)
    lostAt = undefined
  }
  source.onerror = () => {
    if (source.readyState === window.EventSource.CLOSED) return onState('ended')
    lostAt ??= Date.now()
    onState('lost')
  }
  for (const [type, listener] of Object.entries(events)) source.addEventListener(type, listener)
  // The server has nothing more to say. Closing at once avoids showing a "connection lost" that is none.
  source.addEventListener('stream:done', end)

  return {
    /** Where the stream is read, without the random id: the same for everybody who asks for the same. */
    address: `${path}${Object.keys(query).length === 0 ? '' : `?${new URLSearchParams(query)}`}`,
    /** Has the server destroy the socket. Rejects with a reason to show where it did not. */
    cut: () => request(`/cut?${new URLSearchParams({ stream })}`, { method: 'POST' }),
    /** Leaves for good. */
    close () { source.close() }
  }
}
