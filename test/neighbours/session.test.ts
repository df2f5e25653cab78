/** Beside @fastify/session and @fastify/cookie: a session is saved before the head is out, and read by the handler that streams. */
import cookie from '@fastify/cookie'
import session, { type FastifySessionOptions } from '@fastify/session'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { RawClient } from '../story/raw-client.ts'
import { ORDERS, serveBeside } from './serve-beside.ts'

type Store = NonNullable<FastifySessionOptions['store']>

/** A store that answers later, as one in a database does. */
class SlowStore implements Store {
  readonly sessions = new Map<string, Parameters<Store['set']>[1]>()

  set (...[id, session, done]: Parameters<Store['set']>): void {
    setImmediate(() => { this.sessions.set(id, structuredClone({ ...session })); done() })
  }

  get (...[id, done]: Parameters<Store['get']>): void {
    setImmediate(() => { done(null, this.sessions.get(id)) })
  }

  destroy (...[id, done]: Parameters<Store['destroy']>): void {
    setImmediate(() => { this.sessions.delete(id); done() })
  }
}

const read = (request: FastifyRequest, key: string): unknown => Reflect.get(request.session, key)

function write (request: FastifyRequest, key: string, value: unknown): void {
  Reflect.set(request.session, key, value)
}

function routes (app: FastifyInstance): void {
  app.get('/enter', (request, reply) => {
    write(request, 'user', 'ada')
    return reply.sse([`welcome ${read(request, 'user')}`])
  })
  app.get('/reads', (request, reply) => reply.sse([`user ${read(request, 'user')}`]))
  app.get('/writes', (request, reply) => reply.sse(async function * () {
    yield 'begun'
    write(request, 'isGreeted', true)
    await request.session.save()
    yield 'saved'
  }))
  app.get('/leaves', async (request, reply) => {
    await request.session.destroy()
    return reply.sse(['bye'])
  })
  app.get('/json', async (request) => ({ user: read(request, 'user'), isGreeted: read(request, 'isGreeted') }))
}

for (const order of ORDERS) {
  t.test(`@fastify/session, registered ${order} the plugin`, async (t) => {
    const store = new SlowStore()
    const { port, url, closeQuietly } = await serveBeside(t, async (app) => {
      await app.register(cookie)
      await app.register(session, { secret: 'a secret of thirty-two characters', cookie: { secure: false }, saveUninitialized: false, rolling: false, store })
    }, order, routes)
    const client = await RawClient.connect(t, port)
    const json = async (crumb: string): Promise<unknown> => await (await fetch(`${url}/json`, { headers: { cookie: crumb } })).json()

    client.ask('/enter')
    await client.whole()
    t.match(client.body, 'data: welcome ada\n\n')
    // lower case in the head, so from the text
    const [, crumb = ''] = /^set-cookie: (sessionId=[^;]+)/im.exec(client.text) ?? []
    await t.test('a session that the handler began is saved, and its cookie is good for the next request', async (t) => {
      t.equal(store.sessions.size, 1)
      t.strictSame(await json(crumb), { user: 'ada' })
    })

    await t.test('a handler that streams reads the session; what its source saves is saved, though the head is out', async (t) => {
      client.forget()
      client.ask('/reads', { cookie: crumb })
      await client.whole()
      t.match(client.body, 'data: user ada\n\n')
      t.notMatch(client.head.join('\n'), 'set-cookie', 'an unchanged session needs no cookie again')
      client.forget()
      client.ask('/writes', { cookie: crumb })
      await client.whole()
      t.match(client.body, 'data: begun\n\ndata: saved\n\n')
      t.strictSame(await json(crumb), { user: 'ada', isGreeted: true })
    })

    await t.test('a session that the handler destroyed is gone', async (t) => {
      client.forget()
      client.ask('/leaves', { cookie: crumb })
      await client.whole()
      t.match(client.body, 'data: bye\n\n')
      t.equal(store.sessions.size, 0)
      t.strictSame(await json(crumb), {})
    })
    await closeQuietly()
  })
}
