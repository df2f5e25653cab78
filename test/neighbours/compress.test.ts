/** Beside @fastify/compress: a compressor holds back what has not filled a block, so a stream is never given to one. */
import compress, { type FastifyCompressOptions } from '@fastify/compress'
import type { FastifyInstance, RouteShorthandOptions } from 'fastify'
import { PassThrough, type Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { eventually, RawClient } from '../story/raw-client.ts'
import { ORDERS, serveBeside, type ServedBeside } from './serve-beside.ts'

const LONG = 'long '.repeat(2_000)

/** A feed at `/feed`, and an answer that is worth compressing at `/long`. */
function routes (app: FastifyInstance, options: RouteShorthandOptions = {}): void {
  const feed = app.feed('said')
  app.get('/feed', options, (_request, reply) => reply.sse(feed.subscribe()))
  app.post('/feed', async () => await feed.publish({ event: 'said', data: 'published' }))
  app.get('/long', async () => ({ is: LONG }))
}

/** Claims that an event comes while its stream is open, as it is. */
async function flows (t: Test, { app, port }: ServedBeside, acceptEncoding: string | undefined): Promise<void> {
  const client = await RawClient.get(t, port, '/feed', acceptEncoding === undefined ? {} : { 'accept-encoding': acceptEncoding })
  await client.until('event: stream:bookmark')
  await app.inject({ method: 'POST', url: '/feed' })
  await client.until('data: published')
  t.equal(client.status, 200)
  t.strictSame(client.head.filter((line) => line.startsWith('content-encoding')), [], `accept-encoding: ${acceptEncoding}`)
  t.equal(client.text.match(/^retry: /gm)?.length, 1)
  client.destroy()
}

const EVERYTHING = { threshold: 0, customTypes: /./u }
const SETTINGS: ReadonlyArray<readonly [title: string, options: FastifyCompressOptions, route?: RouteShorthandOptions]> = [
  ['global: true', { global: true, threshold: 0 }],
  ['global: true, for all types', { global: true, ...EVERYTHING }],
  ['a route with compress options', { global: false }, { compress: EVERYTHING }],
  ['inflateIfDeflated', { ...EVERYTHING, inflateIfDeflated: true }]
]

for (const order of ORDERS) {
  for (const [title, options, route] of SETTINGS) {
    t.test(`${title}, registered ${order} the plugin: a stream is neither compressed nor held back, whatever the client takes`, async (t) => {
      const served = await serveBeside(t, async (app) => { await app.register(compress, options) }, order, (app) => { routes(app, route) })
      for (const acceptEncoding of ['gzip', 'br', 'deflate', 'zstd, br;q=0.9', '*', 'identity', undefined]) await flows(t, served, acceptEncoding)
      const long = await fetch(`${served.url}/long`, { headers: { 'accept-encoding': 'gzip' } })
      t.equal(long.headers.get('content-encoding'), options.global === false ? null : 'gzip', 'other routes are compressed where they were')
      t.strictSame(await long.json(), { is: LONG })
      await served.closeQuietly()
    })
  }

  t.test(`registered ${order} the plugin, beside a hook that wraps payloads: a stream is neither compressed nor held back`, async (t) => {
    const wraps = (app: FastifyInstance): void => {
      app.addHook('onSend', async (_request, _reply, payload) => payload instanceof Object && 'pipe' in payload ? (payload as Readable).pipe(new PassThrough()) : payload)
    }
    for (const isFirst of [true, false]) {
      const served = await serveBeside(t, async (app) => {
        if (isFirst) wraps(app)
        await app.register(compress, EVERYTHING)
        if (!isFirst) wraps(app)
      }, order, routes)
      await flows(t, served, 'gzip, br')
      await served.closeQuietly()
    }
  })

  t.test(`registered ${order} the plugin: an error in place of a stream is compressed like any other`, async (t) => {
    const { url, closeQuietly } = await serveBeside(t, async (app) => { await app.register(compress, { threshold: 0 }) }, order, (app) => {
      app.get('/', (_request, reply) => reply.sse(async () => { throw Object.assign(new Error(LONG), { statusCode: 409 }) }))
    })
    const response = await fetch(url, { headers: { 'accept-encoding': 'gzip' } })
    t.equal(response.status, 409)
    t.equal(response.headers.get('content-encoding'), 'gzip')
    t.match(response.headers.get('content-type'), 'application/json')
    t.match(await response.json(), { message: LONG })
    await closeQuietly()
  })

  // @fastify/compress 9.2 asks onUnsupportedEncoding of all that it does not compress, an image too, without a look at what the client takes
  t.test(`onUnsupportedEncoding, registered ${order} the plugin, answers in place of a stream, which is let go of, unless the route says compress: false`, async (t) => {
    let left = 0
    const served = await serveBeside(t, async (app) => {
      await app.register(compress, { threshold: 0, onUnsupportedEncoding: (_encoding, _request, reply) => { reply.code(406); return 'no such encoding' } })
    }, order, (app) => {
      routes(app, { compress: false })
      app.get('/image', async (_request, reply) => reply.type('image/png').send('image'))
      app.get('/taken', (_request, reply) => reply.sse(async function * () { try { yield 'taken' } finally { left++ } }))
    })
    await flows(t, served, 'gzip')
    for (const path of ['/image', '/taken']) {
      const response = await fetch(served.url + path, { headers: { 'accept-encoding': 'gzip' } })
      t.equal(response.status, 406)
      t.equal(await response.text(), 'no such encoding')
    }
    await eventually(() => left === 1 && served.app.eventfeed.stats().connections === 0, 'the source is let go of')
    await served.closeQuietly()
  })
}
