/**
 * Tasks that take their time: `POST /tasks` starts one and answers its id, `GET /tasks/:id/events` reports how far it is,
 * `DELETE /tasks/:id` stops it. A task is a run: it goes on when its page is closed, whoever comes later sees it from its
 * beginning, and the server forgets it a while after its end.
 *
 * Nobody is logged in here, so whoever knows a task's id may follow and stop it. Where people log in, give each run a
 * `tag`, and compare it with the user first, as the README shows: an id is no permission.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { setTimeout } from 'node:timers/promises'
import { Type } from 'typebox'
import type { OpenLines } from '../open-lines.ts'
import { Problem } from '../problem.ts'
import { StreamId } from './cut.ts'

const Progress = Type.Object({
  name: Type.String(),
  status: Type.Union([Type.Literal('queued'), Type.Literal('running'), Type.Literal('completed')]),
  percent: Type.Integer({ minimum: 0, maximum: 100 })
}, { $id: 'Progress' })

/** The options of the tasks. */
export interface TaskOptions {
  /** How long a task waits between two steps of one percent, in milliseconds. */
  stepMs?: number | undefined
  /** How long a task is kept after its end, in milliseconds. */
  keepMs?: number | undefined
}

const TaskId = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })

/** A task takes about ten seconds: long enough to reload the page, or to stop it. */
const STEP_MS = 100
/** A page that was closed by mistake finds its task for a minute. */
const KEEP_MS = 60_000
/** So many tasks at once do no harm to a small server. */
const MAX_TASKS = 1_000

export const taskRoutes: FastifyPluginAsyncTypebox<{ lines: OpenLines, tasks?: TaskOptions | undefined }> = async (app, { lines, tasks: { stepMs = STEP_MS, keepMs = KEEP_MS } = {} }) => {
  const events = { progress: Progress }
  const tasks = app.runs('tasks', { events, keepMs, maxRuns: MAX_TASKS })

  app.post('/tasks', {
    schema: {
      operationId: 'startTask',
      summary: 'Start a task',
      tags: ['tasks'],
      body: Type.Object({ name: Type.String({ minLength: 1, maxLength: 60 }) }),
      response: { 202: Type.Object({ id: Type.String() }) }
    }
  }, async (request, reply) => {
    const { name } = request.body
    const { id } = tasks.start(async function * ({ signal }) {
      yield { event: 'progress', data: { name, status: 'queued', percent: 0 } }
      for (let percent = 1; percent < 100; percent++) {
        // stands for the work itself, which gets the signal too
        await setTimeout(stepMs, undefined, { signal })
        yield { event: 'progress', data: { name, status: 'running', percent } }
      }
      yield { event: 'progress', data: { name, status: 'completed', percent: 100 } }
    })
    reply.code(202).header('location', `/tasks/${id}/events`)
    return { id }
  })

  app.get('/tasks/:id/events', {
    schema: {
      operationId: 'followTask',
      summary: 'Follow a task from its beginning',
      tags: ['tasks'],
      params: TaskId,
      querystring: Type.Object({ stream: Type.Optional(StreamId) }),
      events,
      response: { 404: Problem }
    }
  }, (request, reply) => reply.sse(({ signal }) => {
    lines.add(request.query.stream, reply.raw, signal)
    return tasks.follow(request.params.id)
  }))

  app.delete('/tasks/:id', {
    schema: { operationId: 'stopTask', summary: 'Stop a task', tags: ['tasks'], params: TaskId }
  }, async (request) => await tasks.stop(request.params.id, 'stopped on the page'))
}
