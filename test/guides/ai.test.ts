/**
 * The guide to answers of AI models does what it says: its servers are run as they stand there, with the transports
 * that they are for, unmodified.
 */
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import eventfeed from '../../lib/index.ts'
import { Facts } from '../matrix/facts.ts'
import { aiModule, skipWithoutAiClients } from '../matrix/ai/installed.ts'
import { ScriptedModel } from '../matrix/ai/model.ts'
import { loadServer, serverCode, type Transport } from './ai-guide.ts'

/** What the SDKs call a chunk, as far as tests look at it. */
interface Chunk { readonly type: string, readonly delta?: string }

/** A transport of either SDK. */
interface ChatTransport {
  sendMessages (options: object): Promise<ReadableStream<Chunk>>
  reconnectToStream (options: object): Promise<ReadableStream<Chunk> | null>
}

const QUESTION = { id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Tell me a story.' }] }

/** A server of the guide that listens, and what its model says. */
interface Served {
  readonly app: FastifyInstance
  readonly origin: string
  readonly model: ScriptedModel
  /** Resolves when an answer of the model is aborted. */
  readonly aborted: Promise<void>
  /** Methods and paths, in order. */
  readonly requests: string[]
  /** Cuts all lines after what was written to them, as a network that fails. */
  cut (): void
}

async function serve (t: Test, transport: Transport, ai: 'ai' | 'ai7'): Promise<Served> {
  let onAbort = () => {}
  const aborted = new Promise<void>((resolve) => { onAbort = resolve })
  const model = new ScriptedModel(onAbort)
  const app = Fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(eventfeed, { drainTimeoutMs: 200 })
  const requests: string[] = []
  app.addHook('onRequest', async (request) => {
    requests.push(`${request.method} ${request.url}`)
    Object.assign(request, { user: { id: request.headers['x-user'] } })
  })
  await app.register(await loadServer(t, transport, { model, ai }))
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => { sockets.delete(socket) })
  })
  const origin = await app.listen({ host: '127.0.0.1', port: 0 })
  const cut = () => { for (const socket of sockets) socket.destroySoon() }
  return { app, origin, model, aborted, requests, cut }
}

/** A transport of the user, in one of the SDKs. */
async function transportFor (name: string, module: string, origin: string, user = 'ada'): Promise<ChatTransport> {
  const { [name]: Transport } = await aiModule<Record<string, new (options: object) => ChatTransport>>(module)
  if (Transport === undefined) throw new Error(`${module} has no ${name}`)
  const fetchAs: typeof fetch = (url, options) => {
    const headers = new Headers(options?.headers)
    headers.set('x-user', user)
    return fetch(url, { ...options, headers })
  }
  return new Transport({ api: `${origin}/api/chat`, fetch: fetchAs })
}

const ask = (transport: ChatTransport) => transport.sendMessages({
  chatId: 'chat1', messages: [QUESTION], trigger: 'submit-message', messageId: undefined, abortSignal: undefined
})

/** What a reader of chunks has so far. */
class Reading {
  readonly chunks: Chunk[] = []
  readonly #facts = new Facts()
  readonly end: Promise<string>

  constructor (stream: ReadableStream<Chunk>) {
    this.end = this.#read(stream)
  }

  get text (): string { return this.chunks.map(({ delta = '' }) => delta).join('') }
  get types (): string[] { return this.chunks.map(({ type }) => type) }

  /** Waits until these are the words so far. Rejects where the stream is over. */
  async untilText (text: string): Promise<void> {
    const over = this.end.then((end) => { throw new Error(`awaited ${text}, but it ${end} after ${this.text}`) })
    await Promise.race([over, this.#facts.until(() => this.text === text, text, () => this.chunks)])
  }

  async #read (stream: ReadableStream<Chunk>): Promise<string> {
    try {
      for await (const chunk of stream) {
        this.chunks.push(chunk)
        this.#facts.changed()
      }
      return 'ended'
    } catch (error) {
      return `failed: ${error instanceof Error ? error.message : String(error)}`
    }
  }
}

const asUser = (user: string) => ({ headers: { 'x-user': user } })

for (const transport of ['DefaultChatTransport', 'WorkflowChatTransport'] as const) {
  t.test(`the server for ${transport} is as short as the guide says`, async (t) => {
    const lines = serverCode(transport).split('\n').filter((line) => line.trim() !== '')
    t.ok(lines.length <= 25, `${lines.length} lines`)
    t.strictSame(lines.filter((line) => line.length > 140), [])
  })
}

for (const ai of ['ai', 'ai7'] as const) {
  const version = ai === 'ai' ? 'ai 6' : 'ai 7'
  const open = async (t: Test, user?: string) => {
    const served = await serve(t, 'DefaultChatTransport', ai)
    return { ...served, transport: await transportFor('DefaultChatTransport', ai, served.origin, user) }
  }

  t.test(`with DefaultChatTransport of ${version}`, { skip: skipWithoutAiClients }, async (t) => {
    t.test('an answer streams, and its end is a success', async (t) => {
      const { model, transport } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one ')
      await answer.untilText('one ')
      model.say('two')
      model.finish()
      t.equal(await answer.end, 'ended')
      t.equal(answer.text, 'one two')
      t.equal(answer.types.at(-1), 'finish')
    })

    t.test('who comes later has the answer from its beginning, while it runs and when it is complete', async (t) => {
      const { model, transport } = await open(t)
      const first = new Reading(await ask(transport))
      model.say('one ')
      await first.untilText('one ')
      const stream = await transport.reconnectToStream({ chatId: 'chat1' })
      const second = new Reading(stream ?? new ReadableStream())
      await second.untilText('one ')
      model.say('two')
      model.finish()
      t.strictSame(await Promise.all([first.end, second.end]), ['ended', 'ended'])
      t.strictSame(second.chunks, first.chunks)
      const late = new Reading(await transport.reconnectToStream({ chatId: 'chat1' }) ?? new ReadableStream())
      t.equal(await late.end, 'ended')
      t.strictSame(late.chunks, first.chunks)
    })

    t.test('a chat without an answer has nothing to resume', async (t) => {
      const { transport } = await open(t)
      t.equal(await transport.reconnectToStream({ chatId: 'chat2' }), null)
    })

    t.test('an answer that is stopped ends without an error for all, and the model stops', async (t) => {
      const { app, model, transport, aborted } = await open(t)
      const first = new Reading(await ask(transport))
      model.say('one ')
      await first.untilText('one ')
      const second = new Reading(await transport.reconnectToStream({ chatId: 'chat1' }) ?? new ReadableStream())
      await second.untilText('one ')
      const response = await app.inject({ method: 'DELETE', url: '/api/chat/chat1', ...asUser('ada') })
      t.match(response.json(), { state: 'stopped', reason: 'user' })
      await aborted
      t.equal(await first.end, 'ended')
      t.equal(await second.end, 'ended')
      t.notOk(first.types.includes('finish'))
    })

    t.test('a model that fails is a failure', async (t) => {
      const { model, transport } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one ')
      await answer.untilText('one ')
      model.fail()
      await answer.end
      t.equal(answer.types.at(-1), 'error')
    })

    t.test('a server that ends in the middle is a failure', async (t) => {
      const { app, model, transport } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one ')
      await answer.untilText('one ')
      await app.close()
      await answer.end
      t.equal(answer.types.at(-1), 'error')
    })

    t.test('a line that is lost is a failure', async (t) => {
      const { model, transport, cut } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one ')
      await answer.untilText('one ')
      cut()
      t.match(await answer.end, 'failed: ')
    })

    t.test('the chat of somebody else is neither read, stopped nor replaced', async (t) => {
      const { app, origin, model, transport } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one')
      await answer.untilText('one')
      const stranger = await transportFor('DefaultChatTransport', ai, origin, 'eve')
      await t.rejects(stranger.reconnectToStream({ chatId: 'chat1' }))
      await t.rejects(ask(stranger))
      const response = await app.inject({ method: 'DELETE', url: '/api/chat/chat1', ...asUser('eve') })
      t.equal(response.statusCode, 403)
      model.finish()
      t.equal(await answer.end, 'ended')
      await t.rejects(ask(stranger), 'also when it is complete')
      const again = new Reading(await transport.reconnectToStream({ chatId: 'chat1' }) ?? new ReadableStream())
      t.equal(await again.end, 'ended')
      t.equal(again.text, 'one')
    })

    t.test('the next answer of a chat takes the place of one that is complete, and of none that runs', async (t) => {
      const { model, transport } = await open(t)
      const first = new Reading(await ask(transport))
      model.say('one')
      await first.untilText('one')
      await t.rejects(ask(transport), 'one runs')
      model.finish()
      await first.end
      const second = new Reading(await ask(transport))
      model.say('two')
      model.finish()
      t.equal(await second.end, 'ended')
      t.equal(second.text, 'two')
    })
  })
}

const WORKFLOW_CLIENTS = [{ module: '@workflow/ai', ai: 'ai' }, { module: '@ai-sdk/workflow/client', ai: 'ai7' }] as const

for (const { module, ai } of WORKFLOW_CLIENTS) {
  const open = async (t: Test) => {
    t.capture(console, 'error') // it says each time that it comes back
    const served = await serve(t, 'WorkflowChatTransport', ai)
    return { ...served, transport: await transportFor('WorkflowChatTransport', module, served.origin) }
  }
  const runOf = (requests: string[]) => /chat\/([^/]+)\//.exec(requests.join())?.[1] ?? ''

  t.test(`with WorkflowChatTransport of ${module}`, { skip: skipWithoutAiClients }, async (t) => {
    t.test('an answer streams, and its end is a success', async (t) => {
      const { model, transport, requests } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one ')
      await answer.untilText('one ')
      model.say('two')
      model.finish()
      t.equal(await answer.end, 'ended')
      t.equal(answer.text, 'one two')
      t.strictSame(requests, ['POST /api/chat'])
    })

    t.test('a line that is lost again and again costs no chunk, and gives none twice', async (t) => {
      const { model, transport, requests, cut } = await open(t)
      const answer = new Reading(await ask(transport))
      for (const text of ['a', 'ab', 'abc']) {
        model.say(text.slice(-1))
        await answer.untilText(text)
        cut()
      }
      model.say('d')
      model.finish()
      t.equal(await answer.end, 'ended')
      t.equal(answer.text, 'abcd')
      t.equal(requests.length, 4)
    })

    t.test('an answer that is stopped ends with abort and finish, and nobody comes back', async (t) => {
      const { app, model, transport, aborted, requests, cut } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one')
      await answer.untilText('one')
      cut()
      model.say(' two')
      await answer.untilText('one two')
      await app.inject({ method: 'DELETE', url: `/api/chat/${runOf(requests)}`, ...asUser('ada') })
      await aborted
      t.equal(await answer.end, 'ended')
      t.strictSame(answer.types.slice(-2), ['abort', 'finish'])
      t.strictSame(requests.map((request) => request.split(' ')[0]), ['POST', 'GET', 'DELETE'])
    })

    t.test('a model that fails is a failure, and nobody comes back', async (t) => {
      const { model, transport, requests } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one')
      await answer.untilText('one')
      model.fail()
      await answer.end
      t.strictSame(answer.types.slice(-2), ['error', 'finish'])
      t.strictSame(requests, ['POST /api/chat'])
    })

    t.test('a server that ends in the middle is a failure', async (t) => {
      const { app, model, transport } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one')
      await answer.untilText('one')
      await app.close()
      await answer.end
      t.strictSame(answer.types.slice(-2), ['error', 'finish'])
    })

    t.test('an answer of somebody else is neither read nor stopped', async (t) => {
      const { app, model, transport, requests, cut } = await open(t)
      const answer = new Reading(await ask(transport))
      model.say('one')
      await answer.untilText('one')
      cut()
      model.say(' two')
      await answer.untilText('one two')
      const url = `/api/chat/${runOf(requests)}`
      const read = await app.inject({ url: `${url}/stream?startIndex=0`, ...asUser('eve') })
      const stopped = await app.inject({ method: 'DELETE', url, ...asUser('eve') })
      t.strictSame([read.statusCode, stopped.statusCode], [403, 403])
      model.finish()
      t.equal(await answer.end, 'ended')
    })
  })
}
