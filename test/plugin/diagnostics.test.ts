/** What is told on Node's diagnostics channels. */
import type { FastifyRequest } from 'fastify'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t, { type Test } from 'tap'
import { gapTold, readerLagged } from '../../lib/feed/diagnostics.ts'
import type { EndedMessage, OpenedMessage } from '../../lib/index.ts'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

const never = (): Promise<never> => new Promise(() => {})

/** The messages on a channel, until the test ends or `stop` is called. */
function listen<Message> (t: Test, channel: string): { messages: Message[], stop: () => void } {
  const messages: Message[] = []
  const listener = (message: unknown): void => { messages.push(message as Message) }
  const stop = (): void => { unsubscribe(channel, listener) }
  subscribe(channel, listener)
  t.teardown(stop)
  return { messages, stop }
}

t.test('each stream is told when it is opened, and when it has ended', async (t) => {
  const opened = listen<OpenedMessage>(t, 'fastify-eventfeed:opened')
  const ended = listen<EndedMessage>(t, 'fastify-eventfeed:ended')
  const requests: FastifyRequest[] = []
  const { app, port } = await serve(t, (app) => {
    app.addHook('onRequest', async (request) => { requests.push(request) })
    app.get<{ Params: { id: string } }>('/done/:id', ({ params: { id } }, reply) => reply.sse(['a', 'b'], { tag: id }))
    app.get('/failed', (_request, reply) => reply.sse(() => { throw new Error('before the head') }))
    app.get('/open', (_request, reply) => reply.sse(async function * ({ until }) { yield 'c'; await until(never()) }))
  }, { connectionKey: ({ headers }) => String(headers['x-user']) })

  const done = await app.inject({ url: '/done/7', headers: { 'x-user': 'ada' } })
  t.strictSame(opened.messages.map(({ request, ...message }) => message), [{ route: 'GET /done/:id', connectionKey: 'ada', tag: '7' }])
  t.equal(opened.messages[0]?.request, requests[0])
  t.equal(ended.messages[0]?.request, requests[0])
  t.strictSame(ended.messages.map(({ request, durationMs, ...message }) => message), [
    { route: 'GET /done/:id', connectionKey: 'ada', tag: '7', reason: 'done', detail: undefined, events: 2, bytes: done.rawPayload.length }
  ])
  t.ok(Number.isInteger(ended.messages[0]?.durationMs))

  await app.inject({ url: '/failed', headers: { 'x-user': 'bob' } })
  t.match(ended.messages[1], { route: 'GET /failed', connectionKey: 'bob', reason: 'failed', events: 0, bytes: 0 })
  t.notOk('error' in (ended.messages[1] ?? {}), 'the error is in the log alone')

  const client = await RawClient.get(t, port, '/open', { 'x-user': 'eve' })
  await client.until('data: c')
  t.equal(opened.messages.length, 3)
  t.equal(ended.messages.length, 2)
  app.eventfeed.kick('eve', 'banned')
  await eventually(() => ended.messages.length === 3, 'its end is told')
  t.match(ended.messages[2], { route: 'GET /open', connectionKey: 'eve', reason: 'kick', detail: 'banned', events: 1 })

  opened.stop()
  ended.stop()
  await app.inject({ url: '/done/8', headers: { 'x-user': 'ada' } })
  t.equal(opened.messages.length, 3, 'who does not listen is told nothing')
  t.equal(ended.messages.length, 3)
  t.equal(app.eventfeed.stats().opened, 4)
})

t.test('what is refused is not opened', async (t) => {
  const opened = listen(t, 'fastify-eventfeed:opened')
  const { app } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(['a'])) }, { maxConnections: 0 })
  t.equal((await app.inject('/')).statusCode, 503)
  t.strictSame(opened.messages, [])
})

t.test('a feed tells of gaps, and of readers that lag', async (t) => {
  const gap = { feed: 'chat', requested: 'e-1', oldest: null, reason: 'trimmed' } as const
  const lagged = { feed: 'chat', mode: 'disconnect', entries: 10, bytes: 1_000 } as const
  gapTold(gap)
  readerLagged(lagged)
  const gaps = listen(t, 'fastify-eventfeed:gap')
  const laggeds = listen(t, 'fastify-eventfeed:lagged')
  gapTold(gap)
  readerLagged(lagged)
  t.strictSame(gaps.messages, [gap])
  t.strictSame(laggeds.messages, [lagged])
})
