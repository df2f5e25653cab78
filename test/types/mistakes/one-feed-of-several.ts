import { app, chat, Joined, Message, news } from './app.ts'

app.get('/', { schema: { events: { message: Message, joined: Joined } } }, (_request, reply) => {
  return reply.sse([chat.subscribe(), news.subscribe()])
})
