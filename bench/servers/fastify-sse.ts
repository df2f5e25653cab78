/**
 * @fastify/sse. It has no fan-out, so a set of replies is kept, as its README's connection example suggests. No send is
 * awaited there: if it were, one client that stops reading would stop all others.
 */
import fastify, { type FastifyPluginCallback, type FastifyReply } from 'fastify'
import { createRequire } from 'node:module'
import { heartbeatMs, obey } from './control.ts'
import { fast, FIRST_EVENT, QUERY_SCHEMA, type BenchData, type BenchEvent } from './event.ts'
import { paced } from './paced.ts'

interface Context {
  keepAlive (): void
  onClose (callback: () => void): void
  send (source: BenchEvent | { data: string } | AsyncIterable<BenchEvent<BenchData | string>>): Promise<void>
}

// required, so without types: its types and ours would both declare `reply.sse`, for the whole project
const plugin = createRequire(import.meta.url)('@fastify/sse') as FastifyPluginCallback<{ heartbeatInterval?: number }>
const app = fastify()
await app.register(plugin, heartbeatMs === undefined ? {} : { heartbeatInterval: heartbeatMs })
const firstData = 'x'.repeat(FIRST_EVENT.length - 'data: ""\n\n'.length)
const contexts = new Set<Context>()

app.get('/feed', { sse: true } as object, async (_request, reply) => {
  const context = contextOf(reply)
  context.keepAlive()
  contexts.add(context)
  context.onClose(() => { contexts.delete(context) })
  // its head leaves with the first event, not before
  await context.send({ data: 'connected' })
})
app.get('/connect', { sse: true } as object, sendFirst)
app.get('/connect-query', { sse: true, schema: QUERY_SCHEMA } as object, sendFirst)
app.get('/fast', { sse: true } as object, async (request, reply) => { await contextOf(reply).send(fast(request.url)) })
app.get('/paced', { sse: true } as object, async (_request, reply) => { await contextOf(reply).send(paced()) })

await app.listen({ host: '127.0.0.1', port: 0 })
obey(app.server, (event) => {
  for (const context of contexts) context.send(event).catch(ignore)
})

/** `data: "…"` and two newlines: as many bytes as `FIRST_EVENT`. */
async function sendFirst (_request: unknown, reply: FastifyReply): Promise<void> {
  const context = contextOf(reply)
  context.keepAlive()
  await context.send({ data: firstData })
}

function contextOf (reply: FastifyReply): Context {
  return reply.sse as unknown as Context // see above
}

function ignore (): void {}
