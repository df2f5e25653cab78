/** Runs over HTTP: what clients see of them, and what a drain does. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { setTimeout as later } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { RUN_OBJECT_BYTES } from '../../lib/defaults.ts'
import type { EventfeedOptions, RunEndedMessage, Runs, RunStartedMessage } from '../../lib/index.ts'
import metrics from '../../lib/metrics/index.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve, type Served } from '../story/serve.ts'
import { Script } from './family.ts'

interface Answers extends Served { answers: Runs }

/** Runs behind the usual routes. */
async function serveRuns (t: Test, options: EventfeedOptions = {}, more: (app: FastifyInstance) => void | Promise<void> = () => {}): Promise<Answers> {
  let answers: Runs | undefined
  const served = await serve(t, async (app) => {
    const runs = app.runs('answers')
    answers = runs
    app.get<{ Params: { id: string } }>('/answers/:id', (request, reply) => reply.sse(runs.follow(request.params.id)))
    app.get<{ Querystring: { ids: string } }>('/several', (request, reply) => reply.sse(runs.follow(request.query.ids.split(',').filter(Boolean))))
    app.delete<{ Params: { id: string } }>('/answers/:id', (request) => runs.stop(request.params.id, 'user'))
    await more(app)
  }, options)
  if (answers === undefined) throw new Error('the routes were not set up')
  return { ...served, answers }
}

const EVENTS = { accept: 'text/event-stream', 'cache-control': 'no-cache' }
const PLAIN = { accept: '*/*' }

t.test('an unknown run is an ordinary 404, before the head is sent', async (t) => {
  const { app } = await serveRuns(t)
  for (const method of ['GET', 'DELETE'] as const) {
    const response = await app.inject({ method, url: '/answers/unknown', headers: EVENTS })
    t.equal(response.statusCode, 404)
    t.match(response.json(), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })
  }
})

t.test('a run goes on when its client leaves, and who comes back has the rest', async (t) => {
  const { port, answers } = await serveRuns(t)
  const script = new Script()
  const { id } = answers.start(script.source)
  script.say('one')
  const client = await RawClient.get(t, port, `/answers/${id}`, EVENTS)
  await client.until('data: one')
  const [, lastEventId = ''] = /data: one\nid: (\S+)/.exec(client.body) ?? []
  client.destroy()
  await eventually(() => answers.stats().streams === 0, 'it has left')
  script.say('two').end()
  const again = await RawClient.get(t, port, `/answers/${id}`, { ...EVENTS, 'last-event-id': lastEventId })
  await again.until('stream:done')
  t.notMatch(again.body, 'data: one')
  t.match(again.body, /data: two\nid: \S+\n\nevent: stream:done\ndata: \{\}\nid: ~done\.\S+\n/)
})

t.test('a stop is told to all who follow, with its reason, and to who comes later', async (t) => {
  const { app, port, answers } = await serveRuns(t)
  const script = new Script()
  const { id } = answers.start(script.source, { tag: 'secret tag' })
  const clients = await Promise.all([1, 2].map(() => RawClient.get(t, port, `/answers/${id}`, EVENTS)))
  await eventually(() => answers.stats().streams === 2, 'both follow')
  const response = await app.inject({ method: 'DELETE', url: `/answers/${id}` })
  t.match(response.json(), { id, state: 'stopped', reason: 'user' })
  t.notMatch(response.body, 'secret tag')
  for (const client of clients) await client.until(/event: stream:done\ndata: \{"reason":"user"\}/)
  t.match((await app.inject({ url: `/answers/${id}`, headers: EVENTS })).body, /event: stream:done\ndata: \{"reason":"user"\}/)
})

t.test('a client that is no EventSource gets a plain end by a stop, and a cut by a failure', async (t) => {
  const { port, answers } = await serveRuns(t)
  const scripts = [new Script(), new Script()] as const
  const [stopped, failed] = [answers.start(scripts[0].source), answers.start(scripts[1].source)]
  const clients = [await RawClient.get(t, port, `/answers/${stopped.id}`, PLAIN), await RawClient.get(t, port, `/answers/${failed.id}`, PLAIN)] as const
  for (const script of scripts) script.say('one')
  for (const client of clients) await client.until('data: one')
  await answers.stop(stopped.id, 'user')
  scripts[1].fail(new Error('secret'))
  await eventually(() => clients.every(({ isClosed, hasEnded, text }) => isClosed || hasEnded || text.endsWith('0\r\n\r\n')), 'both end')
  t.ok(clients[0].text.endsWith('0\r\n\r\n'), 'a whole end')
  t.notOk(clients[1].text.endsWith('0\r\n\r\n'), 'no whole end')
  for (const client of clients) t.notMatch(client.body, /stream:|secret/)
})

t.test('a failure is told by a code, reported once in the log, and a client that returns gets 204', async (t) => {
  const { app, port, answers, log } = await serveRuns(t)
  const script = new Script()
  const { id } = answers.start(script.source)
  const clients = await Promise.all([1, 2, 3].map(() => RawClient.get(t, port, `/answers/${id}`, EVENTS)))
  script.say('one').fail(new Error('secret'))
  for (const client of clients) await client.until('stream:error')
  const [, done = ''] = /event: stream:error\ndata: \{"code":"FST_EVENTFEED_RUN_FAILED"\}\n(?:.*\n)*?id: (~done\S+)/.exec(clients[0]?.body ?? '') ?? []
  t.not(done, '')
  t.notMatch(clients[0]?.body, 'secret')
  t.equal((await app.inject({ url: `/answers/${id}`, headers: { ...EVENTS, 'last-event-id': done } })).statusCode, 204)
  await eventually(() => log.filter(({ stream }) => stream !== undefined).length >= 3, 'the ends are logged')
  const errors = log.filter(({ level }) => level >= 50)
  t.equal(errors.length, 1)
  t.match(errors[0], { err: { message: 'secret' }, msg: id })
})

t.test('who has all of a run that has failed, and is no EventSource, is refused with its error', async (t) => {
  const { app, answers } = await serveRuns(t)
  const { id } = answers.start(async function * () { yield { data: 'one' }; throw new Error('secret') })
  await eventually(() => answers.stats().ended.failed === 1, 'it fails')
  const url = `/answers/${id}`
  const told = await app.inject({ url, headers: EVENTS })
  const [, lastEventId = ''] = /data: one\nid: (\S+)/.exec(told.body) ?? []
  for (const accept of ['*/*', 'text/event-stream']) {
    const response = await app.inject({ url, headers: { accept, 'last-event-id': lastEventId } })
    t.match([response.statusCode, response.json()], [500, { code: 'FST_EVENTFEED_RUN_FAILED' }])
    t.notMatch(response.body, 'secret')
    await t.rejects(app.inject({ url, headers: { accept } }), { code: 'LIGHT_ECONNRESET' }, 'the events that there are come first')
  }
  const again = await app.inject({ url, headers: { ...EVENTS, 'last-event-id': lastEventId } })
  t.match([again.statusCode, again.body], [200, /event: stream:error/], 'an EventSource would learn nothing of a status')
})

t.test('several runs on one stream are resumed by its ids', async (t) => {
  const { app, answers } = await serveRuns(t)
  answers.start(['a1'], { id: 'a' })
  answers.start(['b1'], { id: 'b' })
  const { body } = await app.inject({ url: '/several?ids=a,b', headers: EVENTS })
  t.match(body, /data: a1\n(?:.*\n)*data: b1\n(?:.*\n)*event: stream:done/)
  const [, lastEventId = ''] = /data: b1\nid: (\S+)/.exec(body) ?? []
  const again = await app.inject({ url: '/several?ids=a,b', headers: { ...EVENTS, 'last-event-id': lastEventId } })
  t.notMatch(again.body, /data: [ab]1/)
  t.match(again.body, 'stream:done')
})

t.test('a drain waits for a run that ends in time: its clients get all of it, and others end at once', async (t) => {
  const { app, port, answers } = await serveRuns(t, { drainTimeoutMs: 20_000 }, (app) => {
    const feed = app.feed('news')
    app.get('/news', (_request, reply) => reply.sse(feed.subscribe()))
  })
  const script = new Script()
  const run = answers.start(script.source)
  const client = await RawClient.get(t, port, `/answers/${run.id}`, EVENTS)
  const reader = await RawClient.get(t, port, '/news', EVENTS)
  await reader.until('bookmark')
  script.say('one')
  await client.until('data: one')
  const closing = app.close()
  await eventually(() => reader.isClosed || reader.hasEnded, 'the stream of the feed ends at once')
  t.throws(() => answers.start(['late']), { code: 'FST_EVENTFEED_RUNS_CLOSED', statusCode: 503 })
  script.say('two').end('value')
  await client.until('stream:done')
  await closing
  t.match(client.body, 'data: two')
  t.match(run, { state: 'done', value: 'value' })
})

t.test('a drain stops a run that goes on for three quarters of its time, and that is told as a failure', async (t) => {
  const { app, port, answers } = await serveRuns(t, { drainTimeoutMs: 800 })
  const script = new Script()
  const run = answers.start(script.source)
  const events = await RawClient.get(t, port, `/answers/${run.id}`, EVENTS)
  const plain = await RawClient.get(t, port, `/answers/${run.id}`, PLAIN)
  const several = await RawClient.get(t, port, `/several?ids=${run.id},never`, EVENTS)
  const none = await RawClient.get(t, port, '/several?ids=', EVENTS)
  script.say('one')
  for (const client of [events, plain, several]) await client.until('data: one')
  await eventually(() => app.eventfeed.stats().connections === 4, 'all are open')
  const startedAt = performance.now()
  await app.close()
  const took = performance.now() - startedAt
  t.ok(took >= 590, `it waits: ${took} ms`)
  t.match(run, { state: 'stopped', reason: 'drain' })
  t.strictSame(script.told, ['began', 'finally'])
  t.match(events.body, /event: stream:error\ndata: \{"code":"FST_EVENTFEED_RUN_FAILED"\}/)
  t.match(several.body, /event: stream:error/)
  await eventually(() => [events, plain, several, none].every(({ isClosed, hasEnded }) => isClosed || hasEnded), 'all are over')
  t.notOk(plain.text.endsWith('0\r\n\r\n'), 'no whole end')
  t.ok(none.text.endsWith('0\r\n\r\n'), 'who follows nothing may come back')
  t.notMatch(none.body, /stream:error|stream:done/)
})

t.test('a drain does not wait for a source that ignores its signal: its clients hear of the end, and it returns in time', async (t) => {
  const { app, port, answers } = await serveRuns(t, { drainTimeoutMs: 800 })
  const run = answers.start(async function * () { yield 'one'; await new Promise(() => {}) })
  const client = await RawClient.get(t, port, `/answers/${run.id}`, EVENTS)
  await client.until('data: one')
  // whoever has stopped it before gave it longer
  answers.stop(run.id, 'user').catch(t.threw)
  const startedAt = performance.now()
  await app.close()
  t.ok(performance.now() - startedAt < 5_000, `${performance.now() - startedAt} ms`)
  t.match(run, { state: 'stopped', reason: 'user', error: { code: 'FST_EVENTFEED_RUN_PARKED' } })
  await eventually(() => client.isClosed || client.hasEnded, 'its client hears of the end')
  t.match(client.body, /stream:done\ndata: \{"reason":"user"\}/)
})

t.test('an application without a server closes its runs too', async (t) => {
  const { app, answers } = await serveRuns(t, { drainTimeoutMs: 4 })
  const run = answers.start(async function * ({ until }) { await until(new Promise(() => {})); yield 'never' })
  await later(1)
  await app.close()
  t.match(run, { state: 'stopped', reason: 'drain' })
})

t.test('stats and metrics know runs by the name of their family, and by nothing else', async (t) => {
  const registry = new Registry()
  const { app, answers } = await serveRuns(t, {}, async (app) => { await app.register(metrics, { registry }) })
  const script = new Script()
  const running = answers.start(script.source)
  answers.start(['a', 'b'])
  const failing = answers.start(() => { throw new Error('no') })
  await eventually(() => answers.stats().running === 1, 'the others end')
  await app.inject({ url: `/answers/${failing.id}`, headers: EVENTS })
  const { runs } = app.eventfeed.stats()
  t.match(runs, { answers: { running: 1, kept: 2, started: 3, ended: { done: 1, failed: 1, stopped: 0 }, streams: 0, entries: 2, events: 2, delivered: 0, gaps: 0 } })
  t.ok(Number(runs['answers']?.bytes) > 3 * RUN_OBJECT_BYTES)
  const text = await registry.metrics()
  t.match(text, /^eventfeed_runs_running\{runs="answers"\} 1$/m)
  t.match(text, /^eventfeed_runs_ended_total\{runs="answers",state="failed"\} 1$/m)
  t.notMatch(text, running.id)
  await answers.stop(running.id)
})

t.test('diagnostics channels tell that a run was started, and that it has ended', async (t) => {
  const messages: Array<[string, RunStartedMessage | RunEndedMessage]> = []
  for (const name of ['run-started', 'run-ended']) {
    const listener = (message: unknown): void => { messages.push([name, message as RunEndedMessage]) }
    subscribe(`fastify-eventfeed:${name}`, listener)
    t.teardown(() => unsubscribe(`fastify-eventfeed:${name}`, listener))
  }
  const { answers } = await serveRuns(t)
  const run = answers.start([])
  t.strictSame(messages, [['run-started', { runs: 'answers', run }]])
  await answers.stop(run.id)
  t.match(messages.slice(1), [['run-ended', { runs: 'answers', run: { state: 'stopped' }, durationMs: Number }]])
})

t.test('a family has a name of its own', async (t) => {
  const { app } = await serveRuns(t)
  t.throws(() => app.runs('answers'), { code: 'FST_EVENTFEED_RUNS_EXIST' })
  for (const name of ['', 'a,b', 1]) t.throws(() => app.runs(name as string), { code: 'FST_EVENTFEED_BAD_OPTION' })
  t.throws(() => app.runs('other', null as never), { code: 'FST_EVENTFEED_BAD_OPTION' })
  t.equal(app.runs('other').name, 'other')
})
