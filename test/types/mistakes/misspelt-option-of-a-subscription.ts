import { app, chat } from './app.ts'

app.get('/', (_request, reply) => reply.sse(chat.subscribe({ form: 'earliest' })))
