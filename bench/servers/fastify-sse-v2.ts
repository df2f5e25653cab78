/** fastify-sse-v2. It has no fan-out, so a set of replies is kept. Its data must be text. It has no heartbeat. */
import fastify, { type FastifyPluginCallback, type FastifyReply } from 'fastify'
import { createRequire } from 'node:module'
import { obey } from './control.ts'
import { fast, textOfData, type BenchData, type BenchEvent } from './event.ts'
import { paced } from './paced.ts'

interface TextEvent { id?: string, event?: string, data?: string, comment?: string }
interface SseReply { sse (source: TextEvent | AsyncIterable<TextEvent>): void }

// required, so without types: its types and ours would both declare `reply.sse`, for the whole project
const { FastifySSEPlugin } = createRequire(import.meta.url)('fastify-sse-v2') as { FastifySSEPlugin: FastifyPluginCallback }
const app = fastify()
await app.register(FastifySSEPlugin)
const replies = new Set<SseReply>()

app.get('/feed', (request, reply) => {
  const sseReply = withSse(reply)
  sseReply.sse({ comment: 'open' })
  replies.add(sseReply)
  request.socket.on('close', () => { replies.delete(sseReply) })
})
app.get('/fast', (request, reply) => { withSse(reply).sse(texts(fast(request.url))) })
app.get('/paced', (_request, reply) => { withSse(reply).sse(texts(paced())) })

await app.listen({ host: '127.0.0.1', port: 0 })
obey(app.server, ({ id, event, data }) => {
  for (const reply of replies) reply.sse({ id, event, data: JSON.stringify(data) })
})

async function * texts (events: AsyncIterable<BenchEvent<BenchData | string>>): AsyncGenerator<TextEvent> {
  for await (const { id, event, data } of events) yield { id, event, data: textOfData(data) }
}

function withSse (reply: FastifyReply): SseReply {
  return reply as unknown as SseReply // see above
}
