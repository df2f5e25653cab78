import { app, Joined, Message } from './app.ts'

app.get('/', { schema: { events: { message: Message, joined: Joined } } }, (_request, reply) => {
  const first = { event: 'joined', data: { who: 'ada' } }
  return reply.sse([first])
})
