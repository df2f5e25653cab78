/** htmx 4 with its extension hx-sse. A GET reconnects and is closed by `stream:done`; the answer to a POST does not. */
import { script, watchTarget } from './elements.js'

export async function open ({ path, method, opened, ended, failed, item }) {
  await script('/modules/htmx-4/dist/htmx.js')
  await script('/modules/htmx-4/dist/ext/hx-sse.js')
  const target = watchTarget({ item })
  let error
  target.addEventListener('htmx:sse:after:connection', opened)
  target.addEventListener('htmx:sse:error', ({ detail }) => { error = detail.error })
  target.addEventListener('htmx:sse:close', ({ detail: { reason } }) => { if (reason === 'ended' && error !== undefined) failed(error); else ended() })
  for (const type of ['stream:gap', 'stream:error']) target.addEventListener(type, ({ detail: { data } }) => item({ type, data }))
  const own = method === 'GET' ? { 'hx-sse:connect': path, 'hx-sse:close': 'stream:done' } : { 'hx-post': path, 'hx-trigger': 'load' }
  for (const [name, value] of Object.entries({ ...own, 'hx-swap': 'beforeend' })) target.setAttribute(name, value)
  window.htmx.process(target)
}
