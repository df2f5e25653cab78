/**
 * Streams that answer `app.inject`: no socket keeps the process alive for them, says that their client has left, or
 * tells a client that leaves from an error. What light-my-request does about that, it does in here.
 */
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { LONGEST_DELAY_MS } from '../clock.ts'
import { isAbort } from '../errors.ts'

/** Where light-my-request keeps what it knows of a response. `stream` is what `response.stream()` gives a test. */
type InjectedResponse = ServerResponse & { readonly _lightMyRequest?: { readonly stream?: Readable } | undefined }

/**
 * Watches the response of an injected request while it is a stream. The process lives for as long: all timers of this
 * package let it end, and so the response would never come. A test that breaks off its loop over the response, or
 * aborts its signal, is a client that leaves.
 *
 * @returns what ends the watch; `undefined` for a response that was not injected
 */
export function watchInjected (response: InjectedResponse): (() => void) | undefined {
  const { _lightMyRequest: injected } = response
  if (injected === undefined) return undefined
  const keepAlive = setInterval(() => {}, LONGEST_DELAY_MS)
  const { destroy } = response
  response.destroy = (error) => {
    if (response.destroyed || !isAbort(error)) return destroy.call(response, error)
    // its `error` would be one of the server to Fastify, and to whoever else listens; whoever injects learns of it here
    response.socket?.emit('error', error)
    return destroy.call(response)
  }
  const onClose = (): void => { if (!response.writableEnded) destroy.call(response) }
  injected.stream?.once('close', onClose)
  return () => {
    clearInterval(keepAlive)
    injected.stream?.off('close', onClose)
  }
}
