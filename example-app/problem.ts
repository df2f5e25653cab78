/** An error response, as Fastify writes all of them. */
import { Type } from 'typebox'

export const Problem = Type.Object({
  statusCode: Type.Integer(),
  code: Type.Optional(Type.String()),
  error: Type.String(),
  message: Type.String()
}, { $id: 'Problem' })
