/** Runs on SQLite, and a process that is really killed: nothing that anybody has seen is lost, and the run says that it is. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Fastify, { type FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import eventfeed, { type Runs } from '../../lib/index.ts'
import { sqliteLogs } from '../../lib/sqlite/index.ts'
import { folderFor, skip } from '../sqlite/database.ts'

const PROCESS = fileURLToPath(new URL('killed-process.ts', import.meta.url))

/** Starts the process, and kills it when its run has had so many events. Gives the last one that a follower has seen. */
async function killed (file: string, events: number): Promise<number> {
  const child = spawn(process.execPath, ['--no-warnings', '--import', import.meta.resolve('tsx'), PROCESS, file], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  let seen = 0
  for await (const line of createInterface(child.stdout)) {
    if (line === 'done') continue
    seen = Number(line)
    if (seen >= events) child.kill('SIGKILL')
  }
  await closed
  if (child.signalCode !== 'SIGKILL') throw new Error(`the process ended by itself: ${child.exitCode}`)
  return seen
}

async function opened (t: Test, file: string): Promise<{ app: FastifyInstance, answers: Runs }> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  const answers = app.runs('answers', { log: sqliteLogs({ file }) })
  app.get<{ Params: { id: string } }>('/:id', (request, reply) => reply.sse(answers.follow(request.params.id)))
  await app.ready()
  return { app, answers }
}

t.test('a run whose process is killed has failed as lost; all that was seen of it is there, and so are its tag and the runs that were over', { skip }, async (t) => {
  const file = join(folderFor(t), 'runs.db')
  const seen = await killed(file, 20)
  const { app, answers } = await opened(t, file)

  const run = await answers.get('endless')
  t.match(run, { state: 'failed', error: { code: 'lost' }, tag: { user: 'bob' }, value: undefined })
  t.ok(run.events >= seen, `${run.events} events, of which ${seen} were seen`)
  const { payload, statusCode } = await app.inject({ url: '/endless', headers: { accept: 'text/event-stream', 'cache-control': 'no-cache' } })
  t.equal(statusCode, 200)
  const numbers = [...payload.matchAll(/data: \{"n":(\d+)\}/g)].map(([, n]) => Number(n))
  t.strictSame(numbers, Array.from({ length: run.events }, (_, index) => index + 1), 'each once, and in order')
  t.match(payload, /event: stream:error\ndata: \{"code":"FST_EVENTFEED_RUN_FAILED"\}/)

  t.match(await answers.get('done'), { state: 'done', tag: 'ada', value: { tokens: 2 }, events: 2 })
  const unknown = await app.inject({ url: '/never', headers: { accept: 'text/event-stream' } })
  t.equal(unknown.statusCode, 404)
  t.match(unknown.json(), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })
  await app.close()

  const again = await opened(t, file)
  const { endedAt } = run
  t.match(await again.answers.get('endless'), { state: 'failed', error: { code: 'lost' }, endedAt, events: run.events })
})

t.test('an id that is looked up in a file is an ordinary 404, however long that takes', { skip }, async (t) => {
  const { app } = await opened(t, join(folderFor(t), 'runs.db'))
  // the first look-up opens the file in a worker thread
  for (let count = 0; count < 3; count++) {
    const response = await app.inject({ url: '/unknown', headers: { accept: 'text/event-stream' } })
    t.match([response.statusCode, response.json()], [404, { code: 'FST_EVENTFEED_UNKNOWN_RUN' }])
  }
})
