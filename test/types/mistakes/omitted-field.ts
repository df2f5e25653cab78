import { app, Joined, Message } from './app.ts'

app.get('/', { schema: { events: { message: Message, joined: Joined } } }, (_request, reply) => reply.sse(async function * () {
  yield { event: 'message', data: { from: 'ada' } }
}))
