/**
 * Runs that clients follow, as many clients each; and beside them as many clients that have a generator each.
 *
 * - `runs`, `generators`: each run, or each generator, yields one event
 * - `bare`: the least that any program could do for as many followers: each event is written as JSON once, kept as bytes, and
 *   written to the sockets of its followers
 */
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { FIRST_EVENT, frame, nextEvent, type BenchEvent } from '../event.ts'
import { application, serve, setting } from './server.ts'

const runs = Number(setting.runs)
const app = await application()
const answers = app.runs('answers')

/** Lets all who wait go on, each with an event of its own, as the tokens of a model come. */
class Ticker {
  #go: () => void = () => {}
  #tick = this.#next()

  tick (): undefined {
    const go = this.#go
    this.#tick = this.#next()
    go()
  }

  async * events (): AsyncGenerator<Omit<BenchEvent, 'id'>> {
    for (;;) {
      await this.#tick
      const { event, data } = nextEvent()
      yield { event, data }
    }
  }

  #next (): Promise<void> {
    return new Promise((resolve) => { this.#go = resolve })
  }
}

const ofRuns = new Ticker()
const ofGenerators = new Ticker()
for (let number = 0; number < runs; number++) answers.start(() => ofRuns.events(), { id: `run-${number}` })

let opened = 0
app.get('/follow', (_request, reply) => reply.sse(answers.follow(`run-${opened++ % runs}`)))
app.get('/generator', (_request, reply) => reply.sse(() => ofGenerators.events()))

/** One run without a library. */
interface BareRun { readonly kept: Buffer[], readonly sockets: Socket[] }
const bareRuns: BareRun[] = Array.from({ length: runs }, () => ({ kept: [], sockets: [] }))
app.get('/bare', (request, reply) => {
  reply.hijack()
  const response: ServerResponse = reply.raw
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  response.write(FIRST_EVENT)
  bareRuns[opened++ % runs]?.sockets.push(request.socket)
})

function tickBare (): undefined {
  for (const { kept, sockets } of bareRuns) {
    const text = frame(nextEvent())
    const chunk = Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`)
    kept.push(chunk)
    for (const socket of sockets) socket.write(chunk)
  }
}

await serve(app, () => {}, { runs: () => ofRuns.tick(), generators: () => ofGenerators.tick(), bare: tickBare })
