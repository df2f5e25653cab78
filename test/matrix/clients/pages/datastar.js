/** Datastar, which merges fragments into the page. */
import { watchTarget } from './elements.js'

export async function open ({ path, method, opened, ended, failed, ...user }, headers = {}) {
  watchTarget(user)
  document.addEventListener('datastar-sse', ({ detail: { type } }) => {
    if (type === 'started') opened()
    if (type === 'finished') ended()
    if (type === 'error') failed('error')
  })
  const opener = document.createElement('div')
  opener.setAttribute('data-on-load', `sse('${path}', ${JSON.stringify({ method, headers })})`)
  document.body.append(opener)
  await import('/modules/@starfederation/datastar/dist/datastar.js')
}
