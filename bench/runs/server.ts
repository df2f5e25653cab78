/**
 * A server of the bench of runs: one generator for each client, one run for several, or the least that any program could do for
 * as many. Its parent asks what it has used.
 */
import type { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import eventfeed from 'fastify-eventfeed'

const [, , kind = 'generators', followers = '1', events = '300', everyMs = '100', keepMs = '600000'] = process.argv
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

/** The same without a library: each event becomes bytes once, which are kept, and written to the sockets of all who follow. */
class BareRun {
  readonly sockets: Socket[] = []
  readonly #kept: Buffer[] = []

  async play (): Promise<void> {
    let number = 0
    for await (const { event, data } of tokens(new AbortController().signal)) {
      const text = `event: ${event}\ndata: ${JSON.stringify(data)}\nid: ${++number}\n\n`
      const chunk = Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`)
      this.#kept.push(chunk)
      for (const socket of this.sockets) socket.write(chunk)
    }
  }
}

const bareRuns = new Map<string, BareRun>()
/** The runs that were started, by their number. */
const ids = new Map<string, string>()
app.get<{ Params: { client: string } }>('/:client', (request, reply) => {
  if (kind === 'generators') return reply.sse(({ signal }) => tokens(signal))
  const run = String(Math.floor(Number(request.params.client) / Number(followers)))
  if (kind === 'bare') {
    const bare = bareRuns.get(run) ?? new BareRun()
    if (bare.sockets.push(request.socket) === 1) bare.play().catch(() => {})
    bareRuns.set(run, bare)
    reply.hijack()
    reply.raw.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders()
    return
  }
  const id = ids.get(run) ?? answers.start(({ signal }) => tokens(signal)).id
  ids.set(run, id)
  return reply.sse(answers.follow(id))
})

await app.listen({ host: '127.0.0.1', port: 0 })
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  // after that: to collect what is kept costs time too
  globalThis.gc?.()
  process.send?.({ cpu: user + system, heap: process.memoryUsage().heapUsed, runs: answers.stats() })
})
process.on('disconnect', () => { process.exit() })
process.send?.({ port: (app.server.address() as AddressInfo).port })
