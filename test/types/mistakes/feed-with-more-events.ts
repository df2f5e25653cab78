import { app, chat, Message } from './app.ts'

app.get('/', { schema: { events: { message: Message } } }, (_request, reply) => reply.sse(chat.subscribe()))
