import { app, Joined } from './app.ts'

app.get('/', { schema: { events: { joined: Joined } } }, (_request, reply) => reply.sse(function * () {
  yield { data: { who: 'ada' } }
}))
