/** Sources whose methods answer with a promise where there should be none: what it is rejected with ends nothing. */
import { Readable } from 'node:stream'
import t from 'tap'
import { RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

const reject = (): never => Promise.reject(new Error('it is a promise')) as never // it should be none

t.test('an iterator that is a rejected promise fails its stream, and nothing else', async (t) => {
  const { app } = await serve(t, (app) => {
    app.get('/async', (_request, reply) => reply.sse({ [Symbol.asyncIterator]: reject }))
    app.get('/sync', (_request, reply) => reply.sse({ [Symbol.iterator]: reject }))
    app.get('/web', (_request, reply) => reply.sse({ getReader: reject }))
  })
  for (const url of ['/async', '/sync', '/web']) t.equal((await app.inject(url)).statusCode, 500, url)
  t.equal(app.eventfeed.stats().connections, 0)
})

t.test('a stream whose destroy() answers with a rejected promise is let go of', async (t) => {
  const { port, ends } = await serve(t, (app) => {
    const source = new Readable({ objectMode: true, read () {} })
    source.push('event')
    t.teardown(() => { Readable.prototype.destroy.call(source) })
    app.get('/', (_request, reply) => reply.sse(Object.assign(source, { destroy: reject })))
  })
  const client = await RawClient.get(t, port, '/')
  await client.until('data: event')
  client.destroy()
  t.strictSame(await ends(1), ['client'])
})
