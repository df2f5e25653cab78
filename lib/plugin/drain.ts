/**
 * Ending all streams kindly when the application closes. First nobody new can connect: to a browser a refused
 * connection means "retry", and the 503 that Fastify would give means "never again". Then each stream gets what
 * remains, and its end.
 */
import type { FastifyInstance } from 'fastify'
import { Socket } from 'node:net'
import { jittered } from '../clock.ts'
import { DRAIN_RUNS_SHARE, DRAIN_STOP_SHARE, RETRY_JITTER } from '../defaults.ts'
import { Http2Sessions } from './http2-sessions.ts'
import { hasLeft } from './http2-streams.ts'
import type { RunFamilies } from './run-families.ts'
import type { OpenStream, Streams } from './streams.ts'

/**
 * Drains all streams. Those that follow a run stay until it has ended, because that is what their clients wait for: it
 * has most of the time for that, and is stopped then. Is fulfilled when each response has finished or closed, or when
 * `drainTimeoutMs` is over.
 */
export async function drain (app: FastifyInstance, streams: Streams, runs: RunFamilies): Promise<void> {
  streams.isDraining = true
  if (app.server.listening) {
    app.server.close()
    // where the application listens on several addresses, this closes the servers of the others too
    app.server.unref()
  }
  streams.turns.passEach('drain', streams.turns.waiting)
  const { drainTimeoutMs, clock } = streams.settings
  const until = clock.elapsed() + drainTimeoutMs
  const sessions = new Http2Sessions()
  streams.endEach([...streams.open], (stream) => {
    if (!sessions.closeBehind(stream.response)) closeSocketBehind(stream)
    // of some that have left over HTTP/2 Node says nothing: their sessions would wait for them
    if (hasLeft(stream.response)) stream.connection.destroy()
    else if (!stream.connection.isWaitedFor) stream.connection.end('drain', { retryMs: jittered(drainTimeoutMs, RETRY_JITTER) })
  })
  await runs.drain(drainTimeoutMs * DRAIN_RUNS_SHARE, drainTimeoutMs * DRAIN_STOP_SHARE)
  await streams.allEnded(until - clock.elapsed())
  streams.endEach([...streams.open], ({ connection, response }) => {
    connection.destroy()
    // one whose head still waits for a hook has no way to the client yet, but it has a socket
    if (!response.destroyed) response.destroy()
  })
  await sessions.allClosed(clock, until - clock.elapsed())
}

/**
 * When a response has finished, its socket is closed behind the last byte: a kept-alive one would hold the server
 * open.
 */
function closeSocketBehind ({ response }: OpenStream): void {
  const { req: request } = response
  response.once('finish', () => { if (request.socket instanceof Socket) request.socket.destroySoon() })
}
