/**
 * Clients that are no `EventSource`: they get events and gaps and nothing else, and see by the end of the response
 * whether the source has said all.
 */
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { openFrames, type FrameSource, type SourceEnd } from '../../lib/wire/frame-source.ts'
import { Batch } from '../../lib/wire/batch.ts'
import type { SourceArguments } from '../../lib/index.ts'
import { eventually, RawClient } from './raw-client.ts'
import { serve } from './serve.ts'

/** A source that says one event, and then ends in some way. */
function ending (end: SourceEnd): { [openFrames] (): FrameSource } {
  return {
    [openFrames]: () => {
      let isRead = false
      return {
        read: () => {
          if (isRead) return undefined
          isRead = true
          return new Batch('data: one\nid: 1\n\n', 1, '1')
        },
        get end () { return isRead ? end : undefined },
        quiet: () => undefined,
        behind: () => ({ entries: 0, bytes: 0 }),
        cancel: () => undefined,
        release: () => {}
      }
    }
  }
}

/** What follows the opening `retry:`. */
function after (client: RawClient): string {
  return client.body.replace(/^retry: \d+\n/, '')
}

async function ask (t: Parameters<typeof serve>[0], handler: (app: FastifyInstance) => void, accept: string): Promise<RawClient> {
  const { port } = await serve(t, handler)
  const client = await RawClient.get(t, port, '/', { accept })
  await client.until(/0\r\n\r\n$|data: one/)
  return client
}

t.test('a source that ends by itself is a plain end, without a word', async (t) => {
  const client = await ask(t, (app) => { app.get('/', (_request, reply) => reply.sse([{ data: 'one', id: 1 }])) }, '*/*')
  await client.whole()
  t.equal(after(client), 'data: one\nid: 1\n\n')
})

t.test('a source that fails after its first event cuts the line', async (t) => {
  const client = await ask(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * () {
      yield { data: 'one', id: 1 }
      throw new Error('broken')
    }))
  }, '*/*')
  await client.closed()
  t.equal(after(client), 'data: one\nid: 1\n\n')
  t.notMatch(client.text, /0\r\n\r\n$/, 'the last chunk is missing, so no client takes the answer for whole')
})

t.test('a source that was stopped ends plainly, and says why to an EventSource', async (t) => {
  const source = ending({ kind: 'done', reason: 'user' })
  const handler = (app: FastifyInstance): void => { app.get('/', (_request, reply) => reply.sse(source as never, { done: '[DONE]' })) }
  const plain = await ask(t, handler, '*/*')
  await plain.whole()
  t.equal(after(plain), 'data: one\nid: 1\n\ndata: [DONE]\n\n')
  const events = await ask(t, handler, 'text/event-stream')
  await events.whole()
  t.equal(after(events), 'data: one\nid: 1\n\ndata: [DONE]\n\nevent: stream:done\ndata: {"reason":"user"}\nid: ~done.1\n\n')
})

t.test('after a failure that is final an EventSource gets 204, and all others are cut off', async (t) => {
  const source = ending({ kind: 'failed', error: new Error('secret'), code: 'RUN_FAILED', isFinal: true })
  const { port, log } = await serve(t, (app) => { app.get('/', (_request, reply) => reply.sse(source as never)) })
  const events = await RawClient.get(t, port, '/', { accept: 'text/event-stream', 'cache-control': 'no-cache' })
  await events.whole()
  t.match(after(events), /^data: one\nid: 1\n\nevent: stream:error\ndata: \{"code":"RUN_FAILED"\}\nretry: \d+\nid: ~done\.1\n\n$/)
  const back = await RawClient.get(t, port, '/', { accept: 'text/event-stream', 'cache-control': 'no-cache', 'last-event-id': '~done.1' })
  await back.until('204')
  const plain = await RawClient.get(t, port, '/', { accept: '*/*' })
  await plain.closed()
  t.equal(after(plain), 'data: one\nid: 1\n\n')
  t.notMatch(plain.text, /0\r\n\r\n$/)
  t.strictSame(log.filter(({ level }) => level === 50), [], 'whoever made the source reports its error')
})

t.test('a kick cuts the line', async (t) => {
  const { port, app } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(async function * ({ until }: SourceArguments) {
      yield { data: 'one', id: 1 }
      await until(new Promise(() => {}))
    }))
  }, { connectionKey: () => 'me' })
  const client = await RawClient.get(t, port, '/', { accept: '*/*' })
  await client.until('data: one')
  t.equal(app.eventfeed.kick('me'), 1)
  await client.closed()
  t.equal(after(client), 'data: one\nid: 1\n\n')
  t.notMatch(client.text, /0\r\n\r\n$/)
})

t.test('a feed says nothing but its events: the head comes at once, and no bookmark', async (t) => {
  const { port, app } = await serve(t, (app) => {
    const feed = app.feed('numbers')
    app.get('/', (_request, reply) => reply.sse(feed.subscribe()))
    app.post('/', async () => ({ id: await feed.publish({ event: 'number', data: 1 }) }))
    app.delete('/', async () => { feed.end() })
  }, { commitDelayMs: 1_000_000 })
  const client = await RawClient.get(t, port, '/', { accept: '*/*' })
  await client.until('retry: ')
  const { id } = (await app.inject({ method: 'POST', url: '/' })).json<{ id: string }>()
  await client.until(id)
  await app.inject({ method: 'DELETE', url: '/' })
  await client.whole()
  t.equal(after(client), `event: number\ndata: 1\nid: ${id}\n\n`)
})

t.test('a gap is told to every client', async (t) => {
  const { port } = await serve(t, (app) => {
    const feed = app.feed('numbers')
    app.get('/', (_request, reply) => reply.sse(feed.subscribe()))
  })
  const client = await RawClient.get(t, port, '/', { accept: '*/*', 'last-event-id': 'of another server' })
  await client.until('malformed')
  t.match(after(client), /^event: stream:gap\ndata: \{"requested":"of another server","oldest":null,"reason":"malformed"\}\nid: [^\n]+\n\n$/)
})

t.test('while the application closes, open streams are cut off, and who asks then is refused by a status', async (t) => {
  let waiting = 0
  let letGo = (): void => {}
  const drained = new Promise<void>((resolve) => { letGo = resolve })
  const { port, app } = await serve(t, (app) => {
    app.get('/open', (_request, reply) => reply.sse(async function * ({ until }: SourceArguments) {
      yield 'one'
      await until(new Promise(() => {}))
    }))
    app.get('/late', async (_request, reply) => {
      waiting++
      await drained
      return reply.sse(['late'])
    })
  })
  const open = await RawClient.get(t, port, '/open', { accept: '*/*' })
  await open.until('data: one')
  const late = await RawClient.get(t, port, '/late', { accept: '*/*' })
  const browser = await RawClient.get(t, port, '/late', { accept: 'text/event-stream' })
  await eventually(() => waiting === 2, 'both requests are with their handlers')
  const closing = app.close()
  await open.closed()
  t.notMatch(open.text, /0\r\n\r\n$/)
  letGo()
  await late.until('FST_EVENTFEED_DRAINING')
  t.equal(late.status, 503)
  t.ok(late.head.some((line) => /^retry-after: \d+$/.test(line)))
  await browser.until(/retry: \d+\n\n/)
  t.equal(browser.status, 200, 'an EventSource would give up for good')
  for (const client of [late, browser]) {
    t.ok(client.head.includes('vary: accept'))
    client.destroy()
  }
  await closing
})
