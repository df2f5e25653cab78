/** Data that is no JSON, and data that is very deep: neither ends the process, and neither stops a feed. */
import t, { type Test } from 'tap'
import { Type, type TSchema } from 'typebox'
import { Entry } from '../../lib/feed/entry.ts'
import { MemoryLog } from '../../lib/log/memory-log.ts'
import type { Feed } from '../../lib/subscription/feed.ts'
import { appOf, listen, Listener } from './listener.ts'
import { feedOf, OpenStream, turn } from './open-stream.ts'

/** Deeper than a recursive function can go, and not deeper than a serializer can. */
const DEPTH = 7_255

interface Nested { inner?: Nested }

function nested (depth: number): Nested {
  let value: Nested = {}
  for (let level = 0; level < depth; level++) value = { inner: value }
  return value
}

async function feedWith (t: Test, schema: TSchema): Promise<Feed<{ message: unknown }>> {
  const app = await appOf(t)
  return app.feed('numbers', { events: { message: schema } })
}

const UNSAFE = { ...Type.Object({ text: Type.Unsafe<unknown>({ type: 'string', format: 'unsafe' }) }) } as TSchema
const HOLES: unknown[] = [1]
HOLES[2] = 3

for (const [what, schema, data] of [
  ['undefined in a list of anything', Type.Object({ list: Type.Array(Type.Unknown()) }), { list: [1, undefined, 2] }],
  ['a hole in a list of anything', Type.Object({ list: Type.Array(Type.Any()) }), { list: HOLES }],
  ['a function', Type.Object({ list: Type.Array(Type.Unknown()) }), { list: [() => 1] }],
  ['a symbol', Type.Unknown(), Symbol('a')],
  ['what is its own serialization, and is none', UNSAFE, { text: '"' }],
  ['an object that becomes nothing', Type.Object({ text: Type.String() }), { text: { toString: () => ({ toJSON: () => undefined }) } }]
] as const) {
  t.test(`publish refuses ${what} where its serializer writes no JSON of it, and adds nothing`, async (t) => {
    const feed = await feedWith(t, schema)
    t.throws(() => feed.publish({ event: 'message', data }), { code: 'FST_EVENTFEED_INVALID_DATA', message: /no JSON/ })
    t.match(feed.stats(), { entries: 0, published: 0 })
  })

  t.test(`a generator that yields ${what} fails: what is no JSON does not leave the server`, async (t) => {
    const app = await appOf(t)
    app.get('/', { schema: { events: { message: schema } } }, (_request, reply) => reply.sse(function * () { yield { event: 'message' as const, data: data as never } }))
    await listen(app)
    const listener = await (await Listener.open(t, app, '/')).ended()
    t.equal(listener.status, 500)
    t.match(listener.text, /FST_EVENTFEED_INVALID_DATA/)
  })
}

t.test('a serializer of the application that writes no text at all is refused as one that writes no JSON', async (t) => {
  const app = await appOf(t)
  app.setSerializerCompiler(() => () => undefined as unknown as string)
  const feed = app.feed('numbers', { events: { message: Type.Number() } })
  t.throws(() => feed.publish({ event: 'message', data: 1 }), { code: 'FST_EVENTFEED_INVALID_DATA', message: /no JSON/ })
})

t.test('an event in a snapshot that is no JSON fails the stream that asked for it', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers', { events: { message: Type.Array(Type.Unknown()) }, initial: () => [{ event: 'message', data: [undefined] }] })
  app.get('/', (_request, reply) => reply.sse(feed.subscribe()))
  await listen(app)
  t.equal((await Listener.open(t, app, '/')).status, 500)
})

t.test('an event as deep as its recursive schema allows is published, filtered and frozen all the way down', async (t) => {
  const app = await appOf(t)
  const schema = { $id: 'Deep', type: 'object', properties: { inner: { $ref: 'Deep#' } } } as unknown as TSchema
  const feed = app.feed('numbers', { events: { message: schema } })
  const seen: Nested[] = []
  app.get('/', (_request, reply) => reply.sse(feed.subscribe({ where: ({ data }) => { seen.push(data as Nested); return true } })))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).opening()
  let depth = DEPTH
  // how deep a serializer can go depends on the machine
  for (let isTooDeep = true; isTooDeep; depth -= isTooDeep ? 500 : 0) {
    try {
      await feed.publish({ event: 'message', data: nested(depth) })
      isTooDeep = false
    } catch (error) {
      t.match(error, { code: 'FST_EVENTFEED_INVALID_DATA' })
    }
  }
  t.ok(depth > 1_000)
  await listener.count(1)
  let levels = 0
  for (let at = seen[0]; at?.inner !== undefined; at = at.inner) {
    if (!Object.isFrozen(at)) return t.fail('a level is not frozen')
    levels++
  }
  t.equal(levels, depth)
})

t.test('data that is too deep to be written is refused, with and without a schema', async (t) => {
  const app = await appOf(t)
  const schema = { $id: 'Deep', type: 'object', properties: { inner: { $ref: 'Deep#' } } } as unknown as TSchema
  const declared = app.feed('declared', { events: { message: schema } })
  t.throws(() => declared.publish({ event: 'message', data: nested(100_000) }), { code: 'FST_EVENTFEED_INVALID_DATA' })
  const open = app.feed('open')
  const publish = (): unknown => open.publish({ event: 'message', data: nested(100_000) })
  // JSON.stringify() of newer versions of Node knows no depth that is too much
  if (isTooDeep(nested(100_000))) t.throws(publish, { code: 'FST_EVENTFEED_BAD_FIELD' })
  else t.doesNotThrow(publish)
})

function isTooDeep (data: unknown): boolean {
  try {
    JSON.stringify(data)
    return false
  } catch {
    return true
  }
}

t.test('what reads back from JSON is frozen, however deep it is', (t) => {
  const depth = 100_000
  const entry = new Entry({ event: 'message', json: `${'[{"in":'.repeat(depth)}1${'}]'.repeat(depth)}`, keys: [], at: 0, position: 'a-1' }, 1)
  let value: unknown = entry.view.data
  while (typeof value === 'object' && value !== null) {
    if (!Object.isFrozen(value)) return t.fail('a level is not frozen')
    value = Array.isArray(value) ? value[0] : (value as { in: unknown }).in
  }
  t.equal(value, 1)
  t.ok(Object.isFrozen(entry.view))
  t.end()
})

t.test('a log whose entry is no JSON stops nobody: all are told of a gap, and it is reported once', async (t) => {
  const log = new MemoryLog()
  const faults: string[] = []
  const feed = feedOf({ log, onFault: (error, what) => { faults.push(`${what}: ${String(error)}`) } })
  const plain = new OpenStream(feed.subscribe())
  const filtered = new OpenStream(feed.subscribe({ where: () => true }))
  log.append({ event: 'message', json: '{broken', keys: [], at: Date.now() })
  await turn()
  feed.publish({ event: 'message', data: 2 })
  await turn()
  for (const stream of [plain, filtered]) t.match([stream.data, stream.gaps], [[2], [{ oldest: null, reason: 'failed' }]])
  t.equal(faults.length, 1)
  t.match(faults[0], /the schema of the feed failed at the event .* of type "message"/)
  for (const stream of [plain, filtered]) stream.close()
})
