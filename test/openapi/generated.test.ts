/** Clients that are generated from the documents of the example app, and types: what they know of streams is so. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { Type, type TSchema } from 'typebox'
import { listen, openApp } from '../example-app/app.ts'
import { skipWithoutClients } from '../matrix/installed.ts'
import { documented, documentOf, type Part } from './documented.ts'
import { errorsOf, generateHeyApi, generateTypes } from './generate.ts'

// generators and compilers, on a busy machine
t.setTimeout(600_000)

/** Three streams are read in two seconds; a busy machine takes longer. */
const READ_MS = 120_000

/** Reads three streams and prints what it gets. Each assertion is one of its types, too. */
const READER = `
import { client } from './client/client.gen.ts'
import { followChat, followClock, followTask, say, startTask } from './client/index.ts'

client.setConfig({ baseUrl: process.env['ORIGIN'] })
const leaving = new AbortController()
const { signal } = leaving

const clock = await followClock({ signal })
for await (const tick of clock.stream) {
  // nothing is typed for 204, and is never given
  if (tick === undefined) continue
  const { count, time }: { count: number, time: string } = tick
  console.log(JSON.stringify({ count, time: typeof time }))
  break
}

const chat = await followChat({ query: { user: 'ada', friends: false, format: 'detailed', history: true }, signal })
const said = await say({ body: { from: 'ada', text: 'hi' } })
for await (const message of chat.stream) {
  if (message === undefined) continue
  // the union of both shapes, told apart by what only one of them has
  const friend: boolean | undefined = 'friend' in message ? message.friend : undefined
  console.log(JSON.stringify({ from: message.from, text: message.text, friend, isSaid: 'id' in message && message.id === said.data?.id }))
  break
}

const { data: task } = await startTask({ body: { name: 'a task' } })
const progress = await followTask({ path: { id: task?.id ?? '' }, signal })
for await (const step of progress.stream) {
  if (step === undefined) continue
  const { status, percent } = step
  const known: 'queued' | 'running' | 'completed' = status
  if (known === 'completed') console.log(JSON.stringify({ percent }))
  if (known === 'completed') break
}
leaving.abort()
// without waiting for connections that are kept alive
process.exit()
`

t.test('the client that @hey-api/openapi-ts makes of the example app compiles, and gets typed events from the running app', { skip: skipWithoutClients }, async (t) => {
  const { app, origin } = await listen(t, { tasks: { stepMs: 1 } })
  const folder = t.testdir()
  await generateHeyApi(folder, (await app.inject('/docs/json/3.1')).json())
  t.equal(await errorsOf(folder, 'reader.ts', READER), '')

  const reader = execFile(process.execPath, ['--import', import.meta.resolve('tsx'), 'reader.ts'], { cwd: folder, env: { PATH: process.env['PATH'], ORIGIN: origin }, timeout: READ_MS })
  t.teardown(() => reader.kill('SIGKILL'))
  const exited = once(reader, 'exit')
  const printed: unknown[] = []
  createInterface({ input: reader.stdout ?? process.stdin }).on('line', (line) => printed.push(JSON.parse(line)))
  let complaints = ''
  reader.stderr?.on('data', (chunk) => { complaints += String(chunk) })
  t.strictSame(await exited, [0, null])
  t.equal(complaints, '')
  t.strictSame(printed, [
    { count: 1, time: 'string' },
    { from: 'ada', text: 'hi', friend: false, isSaid: true },
    { percent: 100 }
  ])
})

t.test('the types that openapi-typescript makes of the example app compile, and know the events', { skip: skipWithoutClients }, async (t) => {
  const app = await openApp(t)
  const folder = t.testdir()
  await generateTypes(folder, (await app.inject('/docs/json/3.1')).json())
  const right = `
    import type { components, operations } from './types.ts'
    type Stream<Name extends keyof operations> = operations[Name]['responses'] extends { 200: { content: { 'text/event-stream': infer Data } } } ? Data : never
    const price: Stream<'followPrices'> = { symbol: 'ABC', name: 'A', price: 1, change: 0 }
    const same: components['schemas']['Price'] = price
    const short: Stream<'followChat'> = { from: 'ada', text: 'hi' }
    const html: Stream<'followReport'> = '<li></li>'
    const refused: operations['followPrices']['responses'][429]['content']['application/json']['statusCode'] = 429
    export { same, short, html, refused }`
  t.equal(await errorsOf(folder, 'right.ts', right), '')
  t.match(await errorsOf(folder, 'wrong.ts', right.replace('price: 1, ', '')), /wrong\.ts.*Property 'price' is missing/)
})

/** Uses the fields of an event as they were named. */
const USER = `
import { followNews } from './client/index.ts'
const { stream } = await followNews()
for await (const news of stream) {
  if (news === undefined) continue
  const text: string = news.headline
  const time: number = news.at
  console.log(text, time)
}
`

t.test('who renames a required field of an event in its schema, breaks what uses the generated client when that is compiled', { skip: skipWithoutClients }, async (t) => {
  const documentWith = async (News: TSchema): Promise<Part> => {
    const app = await documented(t, '3.1.0')
    app.get('/news', { schema: { operationId: 'followNews', events: { message: News } } }, (_request, reply) => reply.sse([]))
    return await documentOf(app)
  }
  const folder = t.testdir()
  await generateHeyApi(folder, await documentWith(Type.Object({ headline: Type.String(), at: Type.Number() })))
  t.equal(await errorsOf(folder, 'user.ts', USER), '')
  await generateHeyApi(folder, await documentWith(Type.Object({ title: Type.String(), at: Type.Number() })))
  t.match(await errorsOf(folder, 'user.ts', USER), /^user\.ts\(\d+,\d+\): error TS\d+: Property 'headline' does not exist/)
  t.match(await readFile(join(folder, 'client/types.gen.ts'), 'utf8'), 'title: string')
})
