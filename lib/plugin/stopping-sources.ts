/** Sources that are let go of: what they still do is watched, and told once where they do not stop. */
import type { FastifyRequest } from 'fastify'
import { EventStreamEnded } from '../stream/end.ts'
import { closeSource } from '../stream/source.ts'
import { logError, logParked, routeOf } from './log.ts'
import type { Streams } from './streams.ts'

/** Lets go of a source that is not started. */
export function letGo (source: unknown, request: FastifyRequest, streams: Streams): void {
  const stopped = closeSource(source, new EventStreamEnded('superseded'))
  if (stopped !== undefined) watchStopping(stopped, request, streams)
}

/** Tells of a source that does not stop, or fails while it does. It holds neither the request nor the reply. */
export function watchStopping (stopped: Promise<void>, request: FastifyRequest, streams: Streams): void {
  const { id: reqId, server: { log } } = request
  const route = routeOf(request)
  const isOver = streams.watchParked(() => { logParked(log, route, reqId) })
  stopped.catch((error: unknown) => {
    logError(log, error, `the source of an event stream of ${route} failed while it was cleaning up`, reqId)
  }).finally(isOver)
}
