/**
 * Progress bars of many tasks. A page gets the newest state of each task at once, and then, four times a second, the
 * newest state of each task that has moved, however often it has. The stream of a single task ends when the task does.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import eventfeed, { type EventfeedOptions } from 'fastify-eventfeed'
import { Type } from 'typebox'

const TaskId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })
const Moved = Type.Object({ percent: Type.Number({ minimum: 0, maximum: 100 }) })
const Finished = Type.Object({ result: Type.String() })
const events = {
  moved: Type.Object({ task: Type.String(), percent: Type.Number() }),
  finished: Type.Object({ task: Type.String(), result: Type.String() })
}

/** How long the state of a task that has ended is shown. */
const SHOWN_MS = 3_600_000
/** More often than this, nobody sees a bar move. */
const TICK_MS = 250

export async function buildApp (options: EventfeedOptions = {}) {
  const app = Fastify().withTypeProvider<TypeBoxTypeProvider>()
  await app.register(eventfeed, options)
  // the newest state of each task is kept, however many others there are
  const tasks = app.feed('tasks', { events, retain: { perKey: 1, ageMs: SHOWN_MS } })

  app.get('/tasks', { schema: { events } }, (_request, reply) => {
    return reply.sse(tasks.subscribe({ from: { lastPerKey: 1 }, everyMs: TICK_MS }))
  })
  app.get('/tasks/:id', { schema: { params: TaskId, events } }, ({ params: { id } }, reply) => {
    return reply.sse(tasks.subscribe({
      keys: [id], from: { lastPerKey: 1 }, everyMs: TICK_MS, endAfter: ({ event }) => event === 'finished'
    }))
  })

  // what the workers say
  app.put('/tasks/:id', { schema: { params: TaskId, body: Moved } }, async ({ params: { id }, body }) => {
    return { id: await tasks.publish({ event: 'moved', data: { task: id, ...body }, key: id }) }
  })
  app.put('/tasks/:id/result', { schema: { params: TaskId, body: Finished } }, async ({ params: { id }, body }) => {
    return { id: await tasks.publish({ event: 'finished', data: { task: id, ...body }, key: id }) }
  })
  return app
}
