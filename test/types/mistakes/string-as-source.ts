import { app } from './app.ts'

app.get('/', (_request, reply) => reply.sse('hello'))
