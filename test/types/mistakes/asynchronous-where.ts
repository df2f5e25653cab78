import { app, chat } from './app.ts'

const mayRead = async (user: string) => user !== ''
app.get('/', (request, reply) => reply.sse(chat.subscribe({ where: () => mayRead(request.ip) })))
