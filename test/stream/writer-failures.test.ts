/** Node, or another plugin in its place, throws while a stream is written to: that hurts this stream alone. */
import t from 'tap'
import { RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'

for (const [method, ended] of [['write', 'failed'], ['end', 'kick']] as const) {
  t.test(`a socket or response whose ${method}() throws is cut, and its neighbours go on`, async (t) => {
    const { app, port, ends, log } = await serve(t, (app) => {
      const feed = app.feed('numbers')
      app.get('/publish', async () => await feed.publish({ data: 'event' }))
      app.get('/:name', (_request, reply) => reply.sse(feed.subscribe()))
      app.addHook('preHandler', async (request, reply) => {
        if (request.url !== '/broken') return
        // as middleware in Express's manner does
        const object: object | null = method === 'write' ? reply.raw.socket : reply.raw
        if (object !== null) broken.push(() => { Object.assign(object, { [method]: () => { throw new Error('it is broken') } }) })
      })
    }, { connectionKey: ({ url }) => url })
    const broken: Array<() => void> = []
    const [one, other] = [await RawClient.get(t, port, '/broken'), await RawClient.get(t, port, '/other')]
    await one.until('stream:bookmark')
    await other.until('stream:bookmark')
    for (const breakIt of broken) breakIt()
    if (method === 'end') app.eventfeed.kick('/broken')
    await app.inject('/publish')
    await app.inject('/publish')
    await other.until(/data: event\n[^]*data: event\n/)
    await one.closed()
    t.strictSame(await ends(1), [ended])
    t.equal(app.eventfeed.stats().connections, 1)
    if (method === 'write') t.ok(log.some(({ level, err }) => level === 50 && err?.message === 'it is broken'))
  })
}
