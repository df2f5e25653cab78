/** sse.js, by `XMLHttpRequest`. */
import { SSE } from '/modules/sse.js/lib/sse.js'

export function open ({ url, method, opened, item, ended, failed }, options = {}) {
  const source = new SSE(url, { method, ...options })
  source.addEventListener('open', opened)
  for (const type of ['message', 'stream:gap', 'stream:error']) source.addEventListener(type, ({ data }) => item({ type, data }))
  if (options.autoReconnect) return
  // it says nothing after a failure but that it is closed, as after an end
  source.addEventListener('error', () => failed('error'))
  source.addEventListener('readystatechange', ({ readyState }) => { if (readyState === SSE.CLOSED) ended() })
}
