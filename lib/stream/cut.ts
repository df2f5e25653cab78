/**
 * How a response is cut off so that no client, and no proxy in between, takes it for whole. Each protocol has its own
 * way; all that was written is delivered first.
 */
import type { ServerResponse } from 'node:http'
import { constants, type Http2ServerResponse } from 'node:http2'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { TLSSocket } from 'node:tls'
import { RESET_DELAY_MS } from '../defaults.ts'
import type { Deadlines } from '../deadlines.ts'

/** Written after all else, to hear when that has left. */
const NOTHING = Buffer.alloc(0)

/**
 * Cuts a response off when all that it was given has left. May throw what Node, or another plugin, throws.
 *
 * @param deadlines for what takes its time
 */
export function cutBehind (response: ServerResponse, deadlines: Deadlines): void {
  if (response.req.httpVersionMajor === 2) {
    const stream = http2StreamOf(response)
    // `destroy` would read as a clean end
    stream.write(NOTHING, () => { stream.close(constants.NGHTTP2_INTERNAL_ERROR) })
    return
  }
  const { socket } = response
  while (response.writableCorked > 0) response.uncork()
  if (!(socket instanceof Socket)) {
    // an injected request has none, and HTTP/1 may be spoken over any stream
    if (socket === null) response.destroy()
    else (socket as Duplex).write(NOTHING, () => { cutReadAll(response) })
    return
  }
  // a response in chunks is not whole without the last of them
  if (response.chunkedEncoding) socket.destroySoon()
  // any other ends where its connection does: only a reset says that this is not its end
  else socket.write(NOTHING, () => { resetLater(response, socket, deadlines) })
}

/** Cuts a response off at once. What was not delivered is lost. May throw as `cutBehind` does. */
export function cutNow (response: ServerResponse): void {
  // over HTTP/2 the socket is that of other streams too
  if (response.req.httpVersionMajor === 2) {
    const stream = http2StreamOf(response)
    stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    // a stream that Node counts as closed is not reset again, and keeps what waits; so does one whose session takes nothing
    setImmediate(() => { stream.destroy() })
    return
  }
  const socket = response.socket ?? response.req.socket
  if (!(socket instanceof Socket)) response.destroy()
  else if (response.headersSent && !response.chunkedEncoding) reset(socket)
  else socket.destroy()
}

/** The stream of a response over HTTP/2. */
export function http2StreamOf (response: ServerResponse): Http2ServerResponse['stream'] {
  // Fastify types responses as those of HTTP/1
  return (response as unknown as Http2ServerResponse).stream
}

/**
 * A reset drops what the other side has not received, and whoever hears of it together with the last bytes may take it
 * for a plain end (libuv does): so it comes a little later.
 */
function resetLater (response: ServerResponse, socket: Socket, deadlines: Deadlines): void {
  if (socket.destroyed) return
  const deadline = deadlines.set(RESET_DELAY_MS, () => { reset(socket) })
  response.once('close', () => { deadline.cancel() })
}

/** Only sockets of TCP can be reset. */
function reset (socket: Socket): void {
  // after its end was called for, a reset fails, and Node never closes the descriptor
  if (socket.writableEnded) {
    socket.destroy()
    return
  }
  try {
    tcpOf(socket).resetAndDestroy()
  } catch {
    socket.destroy()
  }
}

/** An encrypted socket cannot be reset: the one that it lies on can. */
function tcpOf (socket: Socket): Socket {
  const bottom: unknown = socket instanceof TLSSocket && '_parent' in socket ? socket._parent : undefined
  return bottom instanceof Socket ? bottom : socket
}

/** Whoever reads the response to an injected request as a stream is to have all of it before the failure. */
function cutReadAll (response: ServerResponse): void {
  const reading = readerOf(response)
  const cut = (): void => {
    if (reading !== undefined && reading.readableLength > 0) return
    response.off('drain', cut)
    response.destroy()
  }
  // light-my-request emits it when its reader asks for more
  response.on('drain', cut)
  cut()
}

/** The stream that light-my-request reads a response by, where it does. */
function readerOf (response: object): { readonly readableLength: number } | undefined {
  const held: unknown = '_lightMyRequest' in response ? response._lightMyRequest : undefined
  const stream: unknown = typeof held === 'object' && held !== null && 'stream' in held ? held.stream : undefined
  const hasLength = typeof stream === 'object' && stream !== null && 'readableLength' in stream && typeof stream.readableLength === 'number'
  // its length was looked at just now
  return hasLength ? stream as { readonly readableLength: number } : undefined
}
