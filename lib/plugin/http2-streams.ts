/**
 * What Node does not say of a client that has left over HTTP/2. `RST_STREAM` with NO_ERROR, which Node's own
 * `request.close()` sends, makes no `close` until Node 24 while bytes wait: not then, and not when session and socket
 * are gone.
 */
import type { ServerResponse } from 'node:http'
import type { Http2ServerResponse } from 'node:http2'

/** Whether the client has left already, over any protocol. */
export function hasLeft (response: ServerResponse): boolean {
  const { req: request } = response
  if (request.httpVersionMajor === 1) return response.destroyed || request.socket?.destroyed
  const { aborted, closed, destroyed } = streamOf(response)
  return aborted || closed || destroyed
}

/** Lets go of a stream that its client has reset, and of what waits in it. Does nothing over HTTP/1. */
export function dropStream (response: ServerResponse): void {
  if (response.req.httpVersionMajor === 1) return
  const stream = streamOf(response)
  // where we have reset it, the frame is to be sent first
  setImmediate(() => { stream.destroy() })
}

function streamOf (response: ServerResponse): Http2ServerResponse['stream'] {
  // Fastify types responses as those of HTTP/1
  return (response as unknown as Http2ServerResponse).stream
}
