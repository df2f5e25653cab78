/**
 * The same chat on `resumable-stream`, as the documentation of the AI SDK builds it, in a process of its own:
 * `control.js REDIS_URL PORT SCRIPT`. It says when it listens; its parent tells it what the model says.
 */
import {
  convertToModelMessages, createUIMessageStreamResponse, generateId, streamText, UI_MESSAGE_STREAM_HEADERS
} from 'ai7'
import Fastify from 'fastify'
import { createClient } from 'redis'
import { createResumableStreamContext } from 'resumable-stream'
import { ScriptedModel } from './model.ts'
import { servePage } from './serve-page.ts'

const [redisUrl, port, script] = process.argv.slice(2)
process.env.REDIS_URL = redisUrl
const store = await createClient({ url: redisUrl }).connect()
const streams = createResumableStreamContext({ waitUntil: null })
const model = new ScriptedModel(() => { process.send({ aborted: 'yes' }) })
/** What stops the answers of this process, by stream. */
const stops = new Map()

const app = Fastify()
await servePage(app, script)

app.post('/api/chat', async (request) => {
  const { id, messages } = request.body
  const streamId = generateId()
  const stop = new AbortController()
  stops.set(streamId, stop)
  const answer = streamText({
    model, messages: await convertToModelMessages(messages), abortSignal: stop.signal, onError: () => {}
  })
  const settled = async () => {
    stops.delete(streamId)
    if (await store.get(`chat:${id}`) === streamId) await store.del(`chat:${id}`)
  }
  return createUIMessageStreamResponse({
    stream: answer.toUIMessageStream({ generateMessageId: generateId, onFinish: settled }),
    async consumeSseStream ({ stream }) {
      await streams.createNewResumableStream(streamId, () => stream)
      await store.set(`chat:${id}`, streamId)
    }
  })
})

app.get('/api/chat/:id/stream', async (request, reply) => {
  const streamId = await store.get(`chat:${request.params.id}`)
  const stream = streamId === null ? null : await streams.resumeExistingStream(streamId)
  if (stream == null) return reply.code(204).send()
  return new Response(stream.pipeThrough(new TextEncoderStream()), { headers: UI_MESSAGE_STREAM_HEADERS })
})

app.delete('/api/chat/:id', async (request) => {
  const streamId = await store.get(`chat:${request.params.id}`)
  stops.get(streamId)?.abort()
  return {}
})

process.on('message', ({ say, finish }) => {
  if (say !== undefined) model.say(say)
  if (finish !== undefined) model.finish()
})
process.on('disconnect', () => { process.exit() })
await app.listen({ host: '127.0.0.1', port: Number(port) })
process.send({ origin: app.listeningOrigin })
