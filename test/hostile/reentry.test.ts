/** Sources that call back into their own stream from within `next()`, before they have given anything. */
import t from 'tap'
import { RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

t.test('a synchronous generator that calls ready() in its body streams on', async (t) => {
  const { port, ends, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(({ ready }) => (function * () { ready(); yield 'one'; ready(); yield 'two' })()))
  })
  const client = await RawClient.get(t, port, '/')
  await client.whole()
  t.match(client.body, /data: one\n\ndata: two\n\nevent: stream:done/)
  t.strictSame(await ends(1), ['done'])
  t.strictSame(log.filter(({ level }) => level >= 40), [])
})

t.test('an iterator whose next() calls ready() is not asked for two events at once', async (t) => {
  let running = 0
  let most = 0
  let count = 0
  const { port } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(({ ready }) => ({
      [Symbol.asyncIterator]: () => ({
        async next () {
          most = Math.max(most, ++running)
          if (count === 0) ready()
          await new Promise((resolve) => { setImmediate(resolve) })
          running--
          return count++ < 3 ? { done: false as const, value: 'event' } : { done: true as const, value: undefined }
        }
      })
    })))
  })
  const client = await RawClient.get(t, port, '/')
  await client.whole()
  t.equal(most, 1)
})

t.test('a synchronous generator that kicks its own stream runs its finally, once', async (t) => {
  let ended = 0
  const { app, port, ends, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(function * () {
      try {
        yield 'one'
        app.eventfeed.kick('me')
        yield 'two'
      } finally { ended++ }
    }))
  }, { connectionKey: () => 'me' })
  const client = await RawClient.get(t, port, '/')
  await client.whole()
  t.strictSame(await ends(1), ['kick'])
  t.equal(app.eventfeed.stats().connections, 0)
  t.equal(ended, 1)
  t.strictSame(log.filter(({ level }) => level >= 40), [])
})
