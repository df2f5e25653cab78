/**
 * Requests that give JSON, or an error whose message can be shown as it is.
 */

/** What the server answers, read from JSON; `undefined` for an empty answer. Rejects with words for the reader where it is no success. */
export async function request (address, init) {
  const response = await fetch(address, init).catch(() => { throw new Error('The server cannot be reached.') })
  if (response.status === 204) return undefined
  const body = await response.json().catch(() => undefined)
  if (!response.ok) throw new Error(body?.message ?? `The server answered ${response.status}.`)
  return body
}

/** The options of a request that sends JSON. */
export function json (method, body) {
  return { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
