/** htmx 2 with its extension htmx-ext-sse, closed by `stream:done` as its documentation says. */
import { script, watchTarget } from './elements.js'

export async function open ({ path, opened, ended, ...user }) {
  await script('/modules/htmx-2/dist/htmx.js')
  await script('/modules/htmx-ext-sse/sse.js')
  const target = watchTarget(user)
  document.body.addEventListener('htmx:sseOpen', opened)
  document.body.addEventListener('htmx:sseClose', ended)
  for (const [name, value] of Object.entries({
    'hx-ext': 'sse', 'sse-connect': path, 'sse-swap': 'message', 'hx-swap': 'beforeend', 'sse-close': 'stream:done'
  })) target.setAttribute(name, value)
  window.htmx.process(target)
}
