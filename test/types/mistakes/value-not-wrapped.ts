import { app } from './app.ts'

app.get('/', (_request, reply) => reply.sse(async function * () {
  for (let percent = 0; percent <= 100; percent++) yield { percent }
}))
