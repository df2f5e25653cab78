/**
 * Type tests of the client: nothing here runs. One schema types the handler, the publisher and the client, so that a
 * field which is renamed in it breaks all three.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { fastify } from 'fastify'
import { Type } from 'typebox'
import { defineEvents, openFeed, resumingFetch, type FeedEvent, type FeedState, type SchemaEvents } from '../../lib/client/index.ts'
import '../../lib/index.ts'

const events = defineEvents({ message: Type.Object({ from: Type.String(), text: Type.String() }), joined: Type.Object({ who: Type.String() }) })
const schema = { querystring: Type.Object({ from: Type.String() }), events }

const app = fastify().withTypeProvider<TypeBoxTypeProvider>()
const chat = app.feed('chat', { events })
app.get('/chat', { schema }, (request, reply) => reply.sse(chat.subscribe({ where: ({ event, data }) => event === 'joined' || data.from === request.query.from })))

// by the schemas themselves, and by their types alone
const feed = openFeed('/chat', { events })
const typed = openFeed<SchemaEvents<typeof schema>>('/chat', { silenceMs: 1 })
export const shared: Array<SchemaEvents<typeof events>> = [{ message: { from: 'ada', text: 'hi' }, joined: { who: 'ada' } }]
for (const one of [feed, typed]) {
  for await (const event of one) {
    const id: string = event.id
    // a discriminated union
    if (event.event === 'message') console.log(id, event.data.text.length)
    else console.log(event.event satisfies 'joined', event.data.who)
    // @ts-expect-error it may be another event
    console.log(event.data.text)
    // @ts-expect-error no such event is declared
    if (event.event === 'left') console.log(event)
    // @ts-expect-error an event cannot be changed
    event.id = ''
  }
  one.on('message', ({ data }) => { console.log(data.from.length) })
  // @ts-expect-error no such event is declared
  one.on('left', () => {})
  // @ts-expect-error the data of another event
  one.on('joined', ({ data }) => { console.log(data.from) })
}

// without types, data is unknown
const open = openFeed('/chat')
open.on('anything', ({ data }) => {
  // @ts-expect-error nobody knows what it is
  console.log(data.text)
})
// @ts-expect-error a schema that has no events
export const nothing: SchemaEvents<{ querystring: string }> = 1

openFeed('/chat', {
  events,
  headers: async ({ attempt, lastEventId }) => ({ authorization: `Bearer ${attempt.toFixed()} ${lastEventId.length}` }),
  check: (data, event) => data !== undefined && event.length > 0,
  onState (state: FeedState) {
    if (state.state === 'retrying') console.log(state.error.code === 'FST_EVENTFEED_CLIENT_CUT', state.delayMs)
    if (state.state === 'gap') console.log(state.reason === 'trimmed')
    // @ts-expect-error there is no such code
    if (state.state === 'skipped') console.log(state.error.code === 'CUT')
  }
})
// @ts-expect-error a stream cannot be sent again
openFeed('/chat', { body: new ReadableStream() })
const fetched: typeof fetch = resumingFetch({ resumeUrl: ({ headers }) => headers.get('x-run') })
console.log(fetched)

// where `text` is renamed in the schema, each of these is an error
const renamed = defineEvents({ message: Type.Object({ from: Type.String(), words: Type.String() }) })
const renamedFeed = app.feed('renamed', { events: renamed })
// @ts-expect-error the publisher
renamedFeed.publish({ data: { from: 'ada', text: 'hi' } })
// @ts-expect-error the handler: it takes the events of a feed that was not renamed
app.get('/renamed', { schema: { events: renamed } }, (_request, reply) => reply.sse(chat.subscribe({ events: ['message'] })))
app.get('/yielded', { schema: { events: renamed } }, (_request, reply) => reply.sse(async function * () {
  yield { data: { from: 'ada', words: 'hi' } }
}))
app.get('/yielded-wrong', { schema: { events: renamed } }, (_request, reply) => {
  // @ts-expect-error the handler: what it yields
  return reply.sse(async function * () { yield { data: { from: 'ada', text: 'hi' } } })
})
// @ts-expect-error the client: its listener
openFeed('/renamed', { events: renamed }).on('message', ({ data }) => { console.log(data.text) })
// @ts-expect-error the client: its loop
export const said = (event: FeedEvent<SchemaEvents<typeof renamed>>): string => event.data.text
