/**
 * POST /cut?stream=<id>: destroys the connection of that stream on the server, to show that the browser reconnects by
 * itself. This is a toy of the example: a real service has no such route.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { OpenLines } from '../open-lines.ts'
import { Problem } from '../problem.ts'

/** The random id that a page gives its event stream. */
export const StreamId = Type.String({ minLength: 1, maxLength: 64, description: 'a random id, by which this stream can be cut' })

export const cutRoutes: FastifyPluginAsyncTypebox<{ lines: OpenLines }> = async (app, { lines }) => {
  app.post('/cut', {
    schema: {
      operationId: 'cutLine',
      summary: 'Cut the line of a stream',
      tags: ['line'],
      querystring: Type.Object({ stream: StreamId }),
      response: { 204: Type.Null({ description: 'The line is cut.' }), 404: Problem }
    }
  }, async ({ query: { stream } }, reply) => {
    if (!lines.cut(stream)) {
      return reply.code(404).send({ statusCode: 404, error: 'Not Found', message: `No open stream has the id ${JSON.stringify(stream)}` })
    }
    return reply.code(204).send(null)
  })
}
