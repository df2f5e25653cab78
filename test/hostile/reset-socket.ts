/**
 * Resets a connection at any moment. Node's own `resetAndDestroy()` must not be called while the end of the socket is
 * on its way: it then fails with EINVAL, never closes the descriptor, and the process spins for ever when it exits
 * (Node 20 to 26).
 */
import type { Socket } from 'node:net'

/** Resets the connection: at once, or as soon as it is open, or when the end that was called for has been sent. */
export function resetSocket (socket: Socket): void {
  if (socket.connecting) socket.once('connect', () => { resetSocket(socket) })
  else if (socket.writableEnded && !socket.writableFinished) socket.once('finish', () => { socket.resetAndDestroy() })
  else socket.resetAndDestroy()
}
