/**
 * The answer of a language model, token by token, as a run. It goes on when the page is reloaded or closed, a second
 * tab gets it from its beginning, and its user can stop it. The run's tag says whose answer it is: for everybody else
 * it does not exist.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyRequest } from 'fastify'
import eventfeed, { type EventfeedOptions } from 'fastify-eventfeed'
import { Type } from 'typebox'
import { login, refusal, Visit } from './login.ts'

/** The model's client. `signal` is aborted when the answer is stopped. */
export type Model = (question: string, signal: AbortSignal) => AsyncIterable<string>

const Token = Type.Object({ text: Type.String() })
const Question = Type.Object({ question: Type.String({ minLength: 1 }) })
const AnswerId = Type.Object({ id: Type.String() })

export async function buildApp (model: Model, options: EventfeedOptions = {}) {
  const app = Fastify().withTypeProvider<TypeBoxTypeProvider>()
  await app.register(eventfeed, options)
  await app.register(login)
  const answers = app.runs('answers', { events: { token: Token }, keepMs: 600_000 })

  app.post('/answers', { schema: { body: Question } }, async (request, reply) => {
    const { question } = request.body
    const run = answers.start(async function * ({ signal }) {
      for await (const text of model(question, signal)) yield { event: 'token', data: { text } }
    }, { tag: request.login.user })
    return reply.code(202).send(run)
  })

  app.get('/answers', async ({ login }) => answers.list().filter(({ tag }) => tag === login.user))

  // an id is no permission; one that is unknown, or freed, gives a 404 of its own
  const own = async ({ login, params }: FastifyRequest<{ Params: { id: string } }>) => {
    const { tag } = await answers.get(params.id)
    if (tag !== login.user) throw refusal(404, 'no such answer')
  }
  app.get('/answers/:id/events', {
    preHandler: own, schema: { params: AnswerId, events: { token: Token } }
  }, ({ login, params }, reply) => reply.sse(answers.follow(params.id), { tag: new Visit(login) }))
  app.delete('/answers/:id', {
    preHandler: own, schema: { params: AnswerId }
  }, async ({ params }) => await answers.stop(params.id, 'user'))
  return app
}
