/** `connectionKey`: what is no string is refused, because its limits would count nothing. */
import fastify from 'fastify'
import { request as ask } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import eventfeed from '../../lib/index.ts'
import { serve } from '../story/serve.ts'

t.test('a function that gives no string, at once, is refused by name, and its source does not begin', async (t) => {
  let calls = 0
  const functions: Record<string, () => unknown> = {
    asynchronous: async () => 'ada',
    'that rejects': async () => { throw new Error('no key') },
    'that throws': () => { throw new Error('no key') },
    'that throws what is no error': () => { throw null }, // eslint-disable-line no-throw-literal
    'that gives nothing': () => undefined,
    'that gives null': () => null,
    'that gives a number': () => 7,
    'that gives an object': () => ({ toString: () => 'ada' })
  }
  for (const [title, connectionKey] of Object.entries(functions)) {
    const { app, log } = await serve(t, (app) => {
      app.get('/', (_request, reply) => reply.sse(() => { calls++; return ['one'] }))
      // from a stack on which nobody would catch it
      app.get('/later', (_request, reply) => { setImmediate(() => { reply.sse(() => { calls++; return ['one'] }) }) })
    }, { connectionKey: connectionKey as () => string })
    for (const url of ['/', '/later']) t.match((await app.inject(url)).json(), { statusCode: 500, code: 'FST_EVENTFEED_BAD_CONNECTION_KEY', message: /connectionKey/ }, `${title}: ${url}`)
    t.equal(log.filter(({ level, err }) => level === 50 && err?.code === 'FST_EVENTFEED_BAD_CONNECTION_KEY').length, 2)
    if (/throws$/.test(title)) t.ok(log.some(({ err }) => err?.stack.includes('caused by: Error: no key')), 'the log has the cause')
    t.equal(app.eventfeed.stats().connections, 0)
    await app.close()
  }
  t.equal(calls, 0)
})

t.test('the empty string is a key', async (t) => {
  const { app } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(['one'])) }, { connectionKey: () => '' })
  t.equal((await app.inject('/')).statusCode, 200)
})

t.test('on a Unix socket there is no address: all streams share the empty key', { skip: process.platform === 'win32' }, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'eventfeed-'))
  t.teardown(() => rm(directory, { recursive: true, force: true }))
  const app = fastify({ forceCloseConnections: true })
  t.teardown(() => app.close())
  await app.register(eventfeed, { maxConnectionsPerKey: 1, drainTimeoutMs: 1 })
  const chat = app.feed('chat')
  app.get('/', (_request, reply) => reply.sse(chat.subscribe()))
  const path = join(directory, 'socket')
  await app.listen({ path })
  const statusOf = (accept: string): Promise<number | undefined> => new Promise((resolve, reject) => {
    ask({ socketPath: path, path: '/', headers: { accept } }, (response) => { resolve(response.statusCode); response.resume().on('error', () => {}) }).on('error', reject).end()
  })
  t.equal(await statusOf('*/*'), 200)
  t.equal(await statusOf('*/*'), 429)
  t.equal(app.eventfeed.kick(''), 1)
})
