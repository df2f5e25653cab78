/** An `EventSource`, whose user listens for unnamed events, for gaps and for failures. */
export function open ({ url, EventSource = window.EventSource, ...user }) {
  listen(new EventSource(url), user)
}

/** Tells what an `EventSource`, of whatever make, dispatches. */
export function listen (source, { opened, item, closed }) {
  source.addEventListener('open', opened)
  for (const type of ['message', 'stream:gap', 'stream:error']) source.addEventListener(type, ({ type, data }) => item({ type, data }))
  // eventsource 2 says so before it closes itself, which it does in the same turn
  source.addEventListener('error', () => queueMicrotask(() => { if (source.readyState === 2) closed() }))
}
