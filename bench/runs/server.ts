/** A server of the bench of runs: one generator for each client, or one run for several. Its parent asks what it has used. */
import { setTimeout } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import eventfeed from 'fastify-eventfeed'

const [, , followers = '0', events = '300', everyMs = '100', keepMs = '600000'] = process.argv
const app = Fastify()
await app.register(eventfeed, { drainTimeoutMs: 1 })
const answers = app.runs('answers', { keepMs: Number(keepMs), whenFull: 'trim', maxBytes: Infinity })

/** A token in about 100 bytes of JSON. */
async function * tokens (signal: AbortSignal): AsyncGenerator<{ event: string, data: object }> {
  for (let n = 1; n <= Number(events); n++) {
    await setTimeout(Number(everyMs), undefined, { signal })
    yield { event: 'token', data: { n, text: 'some words of an answer, as they come from a model', model: 'a-model-1' } }
  }
}

/** The runs that were started, by their number. */
const ids = new Map<string, string>()
app.get<{ Params: { client: string } }>('/:client', (request, reply) => {
  if (followers === '0') return reply.sse(({ signal }) => tokens(signal))
  const run = String(Math.floor(Number(request.params.client) / Number(followers)))
  const id = ids.get(run) ?? answers.start(({ signal }) => tokens(signal)).id
  ids.set(run, id)
  return reply.sse(answers.follow(id))
})

await app.listen({ host: '127.0.0.1', port: 0 })
process.on('message', () => {
  globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send?.({ cpu: user + system, heap: process.memoryUsage().heapUsed, runs: answers.stats() })
})
process.on('disconnect', () => { process.exit() })
process.send?.({ port: (app.server.address() as AddressInfo).port })
