import { app } from './app.ts'

const load = async () => [{ event: 'row', data: { id: 1 } }]
app.get('/', (_request, reply) => reply.sse(load()))
