/** Feeds whose logs are in SQLite: what their streams see of restarts and restored files, and how they end. */
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import Fastify, { type FastifyInstance } from 'fastify'
import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import eventfeed, { type Feed } from '../../lib/index.ts'
import { sqliteLogs, type SqliteLogs } from '../../lib/sqlite/index.ts'
import { folderFor, openDatabase, row, skip } from './database.ts'
import { numbers } from './listener.ts'

t.setTimeout(300_000)

interface Server { readonly app: FastifyInstance, readonly feed: Feed, readonly logs: SqliteLogs }

/** An application with a feed in a file; it is closed after the test. */
async function serve (t: Test, file: string): Promise<Server> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed, { drainTimeoutMs: 100 })
  const logs = sqliteLogs({ file, retain: { entries: 1000 } })
  const feed = app.feed('chat', { log: logs('chat'), retain: { entries: 10 } })
  app.get('/chat', (_request, reply) => reply.sse(feed.subscribe({ from: 'earliest' })))
  await app.ready()
  return { app, feed, logs }
}

/** What a client gets that comes back with an event ID: all until an event with this data. */
async function get (app: FastifyInstance, after: string | undefined, last: string): Promise<EventSourceMessage[]> {
  const leaving = new AbortController()
  const headers = { accept: 'text/event-stream;control=events, text/event-stream', ...after === undefined ? {} : { 'last-event-id': after } }
  const response = await app.inject({ url: '/chat', headers, payloadAsStream: true, signal: leaving.signal })
  const events: EventSourceMessage[] = []
  const parser = createParser({ onEvent: (event) => { events.push(event) } })
  for await (const bytes of response.stream()) {
    parser.feed(String(bytes))
    if (events.some(({ data }) => data === last)) break
  }
  leaving.abort()
  return events
}

async function publish (feed: Feed, data: unknown): Promise<string> {
  return await feed.publish({ event: 'said', data })
}

function dataOf (events: readonly EventSourceMessage[]): string[] {
  return events.filter(({ event }) => event === 'said').map(({ data }) => data)
}

function gapsOf (events: readonly EventSourceMessage[]): unknown[] {
  return events.filter(({ event }) => event === 'stream:gap').map(({ data }) => JSON.parse(data).reason)
}

t.test('a client goes on across a restart, from before the window too', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const first = await serve(t, file)
  const ids: string[] = []
  for (const number of numbers(30)) ids.push(await publish(first.feed, number))
  await first.app.close()

  const { app, feed } = await serve(t, file)
  await publish(feed, 31)
  for (const seen of [0, 1, 15, 25, 29, 30]) {
    const events = await get(app, ids[seen - 1], '31')
    t.strictSame(dataOf(events), numbers(31).slice(seen).map(String), `from ${seen}`)
    t.strictSame(gapsOf(events), [])
  }
})

t.test('every client learns that the file was restored from an older copy, also one that has seen only what was in it', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const first = await serve(t, file)
  const common = await publish(first.feed, 1)
  const reader = openDatabase(file)
  reader.exec(`VACUUM INTO '${file}.backup'`)
  reader.close()
  const lost = [await publish(first.feed, 2), await publish(first.feed, 3)]
  await first.app.close()
  copyFileSync(`${file}.backup`, file)

  const { app, feed } = await serve(t, file)
  for (const data of [11, 12, 13]) await publish(feed, data)
  for (const id of lost) {
    const events = await get(app, id, '13')
    t.strictSame(gapsOf(events), ['epoch'])
    t.strictSame(dataOf(events), ['1', '11', '12', '13'])
  }
  const events = await get(app, common, '13')
  t.strictSame([gapsOf(events), dataOf(events)], [[], ['11', '12', '13']], 'for it nothing is missing')
})

t.test('a feed that has ended is deleted after its last stream, and the next one of its name is of another epoch', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const { app, feed, logs } = await serve(t, file)
  const id = await publish(feed, 1)
  const response = await app.inject({ url: '/chat', headers: { accept: 'text/event-stream' }, payloadAsStream: true })
  const read = (async () => {
    let text = ''
    for await (const bytes of response.stream()) text += String(bytes)
    return text
  })()
  await feed.end()
  t.match(await read, 'data: 1\n', 'the stream gets what remains, and its end')
  while ((await logs.names()).length > 0) { /* asked again: the log is deleted when the stream has left */ }
  await app.close()

  const second = await serve(t, file)
  await publish(second.feed, 2)
  const events = await get(second.app, id, '2')
  t.strictSame([gapsOf(events), dataOf(events)], [['epoch'], ['2']])
})

t.test('an application does not get ready where its file cannot be used', { skip }, async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(eventfeed)
  app.feed('chat', { log: sqliteLogs({ file: join(folderFor(t), 'nowhere/feeds.db') })('chat') })
  await t.rejects(async () => { await app.ready() }, { code: 'FST_EVENTFEED_LOG_UNUSABLE' })
})

t.test('what was published and not awaited is in the file when the application has closed', { skip }, async (t) => {
  const file = join(folderFor(t), 'feeds.db')
  const { app, feed } = await serve(t, file)
  const published = numbers(500).map((number) => publish(feed, number))
  await app.close()
  const results = await Promise.allSettled(published)
  const database = openDatabase(file)
  t.equal(Number(row(database, 'SELECT count(*) AS count FROM eventfeed_entries')['count']), results.filter(({ status }) => status === 'fulfilled').length)
  t.ok(results.some(({ status }) => status === 'fulfilled'))
  database.close()
})
