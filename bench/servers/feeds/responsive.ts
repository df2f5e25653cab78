/** Generators as fast as they go, and a route beside them. */
import { fast } from '../event.ts'
import { application, serve } from './server.ts'

const app = await application()

app.get('/fast', (_request, reply) => reply.sse(fast('?count=Infinity&data=objects')))
app.get('/ping', async () => ({ pong: true }))

await serve(app, () => {})
