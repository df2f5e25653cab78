import { setInterval } from 'node:timers/promises'
import { app, Joined, Message } from './app.ts'

app.get('/', { schema: { events: { message: Message, joined: Joined } } }, (_request, reply) => reply.sse(async function * ({ signal }) {
  yield { event: 'joined', data: { who: 'ada' } }
  for await (const tick of setInterval(1000, 1, { signal })) yield { event: 'message', data: { from: 'ada', text: tick } }
}))
