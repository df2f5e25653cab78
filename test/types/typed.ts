/**
 * Type tests: nothing here runs. `tsc --noEmit` checks that what is right is allowed, and that each line under an
 * `@ts-expect-error` is wrong.
 */
import type { FastifyPluginAsyncTypebox, TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { fastify, type FastifyInstance, type FastifyReply, type RouteHandlerMethod } from 'fastify'
import { Type } from 'typebox'
import eventfeed, {
  projection, type EntryView, type EventSource, type Feed, type FeedSubscription, type FeedView, type SourceArguments, type StreamView
} from '../../lib/index.ts'

const Said = Type.Object({ from: Type.String(), text: Type.String() })
const Joined = Type.Object({ who: Type.String() })
const Shout = Type.Object({ loud: Type.Boolean() })

const app = fastify()
const typed = app.withTypeProvider<TypeBoxTypeProvider>()
const chat = app.feed('chat', { events: { message: Said, joined: Joined } })
const open = app.feed('open')
const said = { from: 'ada', text: 'hi' }
const events = { message: Said, joined: Joined }

// publish is typed by the feed
chat.publish({ event: 'message', data: said })
chat.publish({ data: said, key: 'ada' })
chat.publish({ event: 'joined', data: { who: 'ada' } })
open.publish({ event: 'anything', data: 1 })
open.publish({ data: 1 })
open.publish({ data: 1, key: 'ada' })
// @ts-expect-error an event without data is never dispatched
open.publish({ event: 'anything' })
// @ts-expect-error an event type that the feed does not declare
chat.publish({ event: 'left', data: said })
// @ts-expect-error a field has another type
chat.publish({ event: 'joined', data: { who: 1 } })
// @ts-expect-error a field is missing
chat.publish({ event: 'message', data: { from: 'ada' } })
// @ts-expect-error the data of another event
chat.publish({ event: 'joined', data: said })
// a feed that is found by its name has the types that the caller says
app.feed.get<{ message: { text: string } }>('chat')?.publish({ data: { text: 'hi' } })
app.feed.get('chat')?.publish({ event: 'anything', data: 1 })
// @ts-expect-error there may be none
app.feed.get('chat').end()
// rooms are typed by their family, in its hooks too
const rooms = app.feeds('room', {
  events: { message: Said, joined: Joined },
  onOpen: async (id, feed) => {
    await feed.publish({ event: 'joined', data: { who: id } })
    // @ts-expect-error an event type that the family does not declare
    await feed.publish({ event: 'left', data: { who: id } })
  },
  onIdle: (_id, feed) => feed.entries().map(({ data }) => data)
})
rooms.open('7').then((room) => room.publish({ event: 'message', data: said }))
rooms.get('7')?.publish({ data: said })
// @ts-expect-error a field is missing
rooms.get('7')?.publish({ event: 'message', data: { from: 'ada' } })
// @ts-expect-error none may be open
rooms.get('7').end()
// @ts-expect-error it is a promise
rooms.open('7').publish({ data: said })
// @ts-expect-error a family has a function of the id in place of a log
app.feeds('room', { log: new MemoryLog() })
typed.get('/room', { schema: { events } }, (_request, reply) => reply.sse(async () => (await rooms.open('7')).subscribe()))
// @ts-expect-error a key is a string
chat.publish({ event: 'message', data: said, key: 1 })
// @ts-expect-error the log gives the ids
chat.publish({ event: 'message', data: said, id: '1' })

// where and as see the events of the feed
chat.subscribe({ where: (view) => view.event === 'joined' ? view.data.who : view.data.from })
chat.subscribe({ as: (view) => view.event === 'message' ? { data: view.data.text } : undefined })
// @ts-expect-error no event of the feed has this field
chat.subscribe({ where: ({ data }) => data.nothing })
// @ts-expect-error no event of the feed has this type
chat.subscribe({ where: ({ event }) => event === 'left' })
// @ts-expect-error a view cannot be changed
chat.subscribe({ where: (view) => { view.id = '' } })
// @ts-expect-error there are two words for where to begin
chat.subscribe({ from: 'now' })

// a promise is truthy, and no shape of an entry
// @ts-expect-error an asynchronous predicate
chat.subscribe({ where: async () => false })
// @ts-expect-error a predicate that returns a thenable
chat.subscribe({ where: () => ({ then () {} }) })
chat.subscribe({ where: ({ key }) => key?.match(/^a/) })
chat.subscribe({ where: ({ data }) => data && new Date() })
// @ts-expect-error an asynchronous shape
chat.subscribe({ as: async ({ data }) => ({ data }) })
// @ts-expect-error a shape without data
chat.subscribe({ as: () => ({ event: 'empty' }) })

// projections make what their schema says
const shout = projection(Shout, ({ data }: EntryView<'message', { text: string }>) => ({ data: { loud: data.text === '!' } }))
// @ts-expect-error a field has another type
projection(Shout, () => ({ data: { loud: 1 } }))
// @ts-expect-error a field is missing
projection(Shout, () => ({ data: {} }))

const quiet = app.feed('quiet', { events: { message: Said } })
const loud = projection(Shout, () => ({ event: 'shout', data: { loud: true } }))
const perhapsLoud = projection(Shout, ({ key }) => {
  return key === undefined ? { data: { loud: true } } : { event: 'shout', data: { loud: true } }
})

// with TypeBox's type provider
typed.get('/typebox', { schema: { events, response: { 200: Said } } }, (_request, reply) => reply.sse(chat.subscribe()))
typed.get('/typebox/generator', { schema: { events } }, (_request, reply) => reply.sse(function * () {
  yield { event: 'message' as const, data: said }
  yield { event: 'joined' as const, data: { who: 'ada' }, id: 1 }
  yield { data: said }
  yield { comment: 'nothing more' }
}))
typed.get('/typebox/async', { schema: { events } }, (_request, reply) => reply.sse(async function * () { yield { data: said } }))
typed.get('/typebox/name', { schema: { events } }, (_request, reply) => {
  // @ts-expect-error a generator yields an event that is not declared
  return reply.sse(function * () { yield { event: 'left' as const, data: said } })
})
typed.get('/typebox/payload', { schema: { events } }, (_request, reply) => {
  // @ts-expect-error a field has another type
  return reply.sse(function * () { yield { event: 'joined' as const, data: { who: 1 } } })
})
typed.get('/typebox/missing', { schema: { events } }, (_request, reply) => {
  // @ts-expect-error a field is missing
  return reply.sse(function * () { yield { event: 'message' as const, data: { from: 'ada' } } })
})
typed.get('/typebox/async-missing', { schema: { events } }, (_request, reply) => {
  // @ts-expect-error an async generator forgets a field
  return reply.sse(async function * () { yield { event: 'message' as const, data: { from: 'ada' } } })
})
typed.get('/typebox/iterable', { schema: { events } }, (_request, reply) => {
  const left: AsyncIterable<{ event: 'left', data: { who: string } }> = { [Symbol.asyncIterator]: () => { throw new Error('never runs') } }
  // @ts-expect-error an async iterable of events that are not declared
  return reply.sse(left)
})
typed.get('/typebox/text', { schema: { events } }, (_request, reply) => {
  // @ts-expect-error a string is no such object
  return reply.sse(['text'])
})
typed.get('/typebox/subscription', { schema: { events: { joined: Joined } } }, (_request, reply) => {
  // @ts-expect-error the feed has an event that the route does not declare
  return reply.sse(chat.subscribe())
})
typed.get('/typebox/as', { schema: { events: { message: Shout } } }, (_request, reply) => reply.sse(quiet.subscribe({ as: shout })))
typed.get('/typebox/as-wrong', { schema: { events: { message: Said } } }, (_request, reply) => {
  // @ts-expect-error the projection makes another payload
  return reply.sse(quiet.subscribe({ as: shout }))
})
typed.get('/typebox/as-name', { schema: { events: { message: Said } } }, (_request, reply) => {
  // @ts-expect-error the projection makes an event that the route does not declare
  return reply.sse(quiet.subscribe({ as: ({ data }) => ({ event: 'other' as const, data }) }))
})
// an event type that a shape or a projection names is that one, without `as const`
typed.get('/typebox/as-literal', { schema: { events: { short: Said } } }, (_request, reply) => {
  return reply.sse(quiet.subscribe({ as: ({ data }) => ({ event: 'short', data }) }))
})
typed.get('/typebox/as-literals', { schema: { events: { short: Said, loud: Shout } } }, (_request, reply) => {
  return reply.sse(quiet.subscribe({
    as: ({ data }) => data.text === '' ? { event: 'loud', data: { loud: true } } : { event: 'short', data }
  }))
})
const List = Type.Object({ names: Type.Array(Type.String()) })
typed.get('/typebox/as-lists', { schema: { events: { list: List } } }, (_request, reply) => {
  return reply.sse(quiet.subscribe({
    as: ({ data }) => data.text === '' ? undefined : { event: 'list', data: { names: [data.from, 'ada'] } }
  }))
})
typed.get('/typebox/as-literals-wrong', { schema: { events: { short: Said, loud: Shout } } }, (_request, reply) => {
  // @ts-expect-error the data of the one event under the name of the other
  return reply.sse(quiet.subscribe({
    as: ({ data }) => data.text === '' ? { event: 'short', data: { loud: true } } : { event: 'loud', data }
  }))
})
typed.get('/typebox/as-mixed', { schema: { events: { message: Said, short: Said } } }, (_request, reply) => {
  return reply.sse(quiet.subscribe({ as: ({ data }) => data.text === '' ? { data } : { event: 'short', data } }))
})
typed.get('/typebox/projection-literal', { schema: { events: { shout: Shout } } }, (_request, reply) => {
  return reply.sse(quiet.subscribe({ as: loud }))
})
typed.get('/typebox/projection-mixed', { schema: { events: { shout: Shout, message: Shout } } }, (_request, reply) => {
  return reply.sse(quiet.subscribe({ as: perhapsLoud }))
})
typed.get('/typebox/projection-mixed-wrong', { schema: { events: { shout: Shout } } }, (_request, reply) => {
  // @ts-expect-error where it names no event, the feed's counts, and the route does not declare that
  return reply.sse(quiet.subscribe({ as: perhapsLoud }))
})
typed.get('/typebox/as-chosen', { schema: { events: { message: Type.Union([Said, Shout]) } } }, (request, reply) => {
  return reply.sse(quiet.subscribe({ as: request.url === '/' ? shout : undefined }))
})
typed.get('/typebox/many', { schema: { events } }, (_request, reply) => reply.sse([chat.subscribe(), quiet.subscribe()]))
typed.get('/typebox/union', { schema: { events: { message: Type.Union([Said, Shout]) } } }, (_request, reply) => reply.sse(quiet.subscribe({ as: shout })))

// with Fastify's default provider
app.get('/default', { schema: { events } }, (_request, reply) => reply.sse(chat.subscribe()))
app.get('/default/generator', { schema: { events } }, (_request, reply) => reply.sse(function * () { yield { data: said } }))
app.get('/default/name', { schema: { events } }, (_request, reply) => {
  // @ts-expect-error a generator yields an event that is not declared
  return reply.sse(function * () { yield { event: 'left' as const, data: said } })
})
app.get('/default/missing', { schema: { events } }, (_request, reply) => {
  // @ts-expect-error a field is missing
  return reply.sse(function * () { yield { event: 'message' as const, data: { from: 'ada' } } })
})
app.get('/default/subscription', { schema: { events: { joined: Joined } } }, (_request, reply) => {
  // @ts-expect-error the feed has an event that the route does not declare
  return reply.sse(chat.subscribe())
})
app.get('/default/none', (_request, reply) => reply.sse(['text', { event: 'anything', data: 1 }]))

// inside register
export const routes: FastifyPluginAsyncTypebox = async (child) => {
  child.get('/', { schema: { events, response: { 200: Said } } }, (_request, reply) => reply.sse(chat.subscribe()))
  child.get('/name', { schema: { events } }, (_request, reply) => {
    // @ts-expect-error a generator yields an event that is not declared
    return reply.sse(function * () { yield { event: 'left' as const, data: said } })
  })
}
app.register(async (child) => {
  child.withTypeProvider<TypeBoxTypeProvider>().get('/inner', { schema: { events } }, (_request, reply) => {
    // @ts-expect-error a field is missing
    return reply.sse(function * () { yield { event: 'joined' as const, data: {} } })
  })
})

// loops over a subscription are typed by the feed and the projection; a gap may come in place of an event
export async function loops (): Promise<void> {
  for await (const event of chat.subscribe({ keys: ['ada'], from: { last: 10 } })) {
    // @ts-expect-error an event of a snapshot has no id
    const place: string = event.id
    if (event.event === 'stream:gap') event.id.concat(place, event.data.requested, event.data.reason)
    else if (event.event === 'message') event.data.text.concat(event.data.from, event.key ?? '', String(event.at))
    // @ts-expect-error what is neither a gap nor a message is a joined
    else event.data.text.concat('')
  }
  for await (const event of quiet.subscribe({ as: shout, from: { since: new Date() } })) {
    if (event.event === 'stream:gap') continue
    const loud: boolean = event.data.loud
    // @ts-expect-error the projection makes another payload
    const text: string = event.data.text
    text.concat(String(loud))
  }
  for await (const { data } of open.subscribe()) {
    // @ts-expect-error nothing is known of the data of a feed without schemas
    data.text.concat('')
  }
}

// what a loop gives can be yielded on, gaps included
typed.get('/typebox/loop', { schema: { events } }, (_request, reply) => reply.sse(async function * ({ signal }) {
  yield { event: 'joined' as const, data: { who: 'ada' } }
  for await (const event of chat.subscribe({ signal })) yield event
}))
typed.get('/typebox/loop-as', { schema: { events: { message: Shout } } }, (_request, reply) => reply.sse(async function * ({ signal }) {
  for await (const event of quiet.subscribe({ as: shout, signal })) yield event
}))
app.get('/default/loop', { schema: { events } }, (_request, reply) => reply.sse(async function * ({ signal }) {
  for await (const event of chat.subscribe({ signal })) yield event
}))
app.get('/untyped/loop', (_request, reply) => reply.sse(async function * ({ signal }) {
  for await (const event of open.subscribe({ signal })) yield event
}))
app.get('/loop-itself', { schema: { events } }, (_request, reply) => reply.sse(({ signal }) => ({
  [Symbol.asyncIterator]: () => chat.subscribe({ signal })[Symbol.asyncIterator]()
})))
typed.get('/typebox/loop-wrong', { schema: { events: { joined: Joined } } }, (_request, reply) => {
  // @ts-expect-error the feed has an event that the route does not declare
  return reply.sse(async function * ({ signal }: SourceArguments) {
    for await (const event of chat.subscribe({ signal })) yield event
  })
})
// @ts-expect-error a signal, not its controller
chat.subscribe({ signal: new AbortController() })

// snapshots give what could be published
chat.subscribe({ initial: () => [{ data: said, key: 'ada' }, { event: 'joined', data: { who: 'ada' } }] })
chat.subscribe({ onGap: async ({ position, gap }) => ({ events: gap === undefined ? [] : [{ event: 'message', data: said }], after: position }) })
app.feed('snapshots', { events: { message: Said }, onGap: ({ gap }) => [{ data: { from: gap?.requested ?? '', text: '' } }], slowConsumer: 'latest', maxLagBytes: 1 })
// @ts-expect-error an event type that the feed does not declare
chat.subscribe({ initial: () => [{ event: 'left', data: said }] })
// @ts-expect-error a field is missing
chat.subscribe({ onGap: async () => [{ event: 'message', data: { from: 'ada' } }] })
// @ts-expect-error an event ID is a string
chat.subscribe({ onGap: () => ({ events: [], after: 7 }) })
// @ts-expect-error a snapshot is a function
chat.subscribe({ initial: [] })
// @ts-expect-error there are three ways to be slow
app.feed('slow', { slowConsumer: 'drop' })

// keys are strings; a window is a count or a time
chat.subscribe({ keys: new Set(['ada']) }).follow('bob')
// @ts-expect-error keys are strings
chat.subscribe({ keys: [1] })
// @ts-expect-error a key is a string
chat.subscribe({ keys: [] }).unfollow(1)
// @ts-expect-error a count is a number
chat.subscribe({ from: { last: '10' } })
// @ts-expect-error a time is a Date
chat.subscribe({ from: { since: 0 } })

// what a shape says is known as it is written: literals, and lists of them
const Kind = Type.Object({ kind: Type.Union([Type.Literal('short'), Type.Literal('long')]), tags: Type.Array(Type.String()) })
typed.get('/typebox/as-data-literal', { schema: { events: { kind: Kind } } }, (_request, reply) => {
  return reply.sse(quiet.subscribe({
    as: ({ data }) => data.text === '' ? { event: 'kind', data: { kind: 'short', tags: ['a'] } } : { event: 'kind', data: { kind: 'long', tags: [] } }
  }))
})
typed.get('/typebox/generator-literal', { schema: { events: { kind: Kind } } }, (_request, reply) => reply.sse(async function * ({ signal }) {
  if (!signal.aborted) yield { event: 'kind', data: { kind: 'short', tags: ['a', 'b'] } }
}))
typed.get('/typebox/as-data-literal-wrong', { schema: { events: { kind: Kind } } }, (_request, reply) => {
  // @ts-expect-error a literal that the schema does not have
  return reply.sse(quiet.subscribe({ as: () => ({ event: 'kind', data: { kind: 'wide', tags: [] } }) }))
})
typed.get('/typebox/iterable-of-literals', { schema: { events } }, (_request, reply) => reply.sse([{ event: 'message', data: said }, { data: said }]))
typed.get('/typebox/set', { schema: { events } }, (_request, reply) => reply.sse(() => new Set([{ event: 'joined', data: { who: 'ada' } }])))
typed.get('/typebox/promised', { schema: { events } }, (_request, reply) => reply.sse(async () => [{ event: 'joined', data: { who: 'ada' } }]))
typed.get('/typebox/promised-subscription', { schema: { events } }, (_request, reply) => reply.sse(async () => [chat.subscribe()]))

// a type guard in `where` says what is left, and `as` sees no more than that
const isMessage = (view: FeedView<{ message: typeof said, joined: { who: string } }>): view is EntryView<'message', typeof said> => view.event === 'message'
typed.get('/typebox/guard', { schema: { events: { message: Said } } }, (_request, reply) => reply.sse(chat.subscribe({ where: isMessage })))
typed.get('/typebox/guard-written-there', { schema: { events: { message: Said } } }, (_request, reply) => {
  return reply.sse(chat.subscribe({ where: (view): view is EntryView<'message', typeof said> => view.event === 'message' }))
})
typed.get('/typebox/guard-inferred', { schema: { events: { message: Said } } }, (_request, reply) => {
  return reply.sse(chat.subscribe({ where: (view) => view.event === 'message' }))
})
typed.get('/typebox/guard-as', { schema: { events: { short: Type.Object({ text: Type.String() }) } } }, (_request, reply) => {
  return reply.sse(chat.subscribe({ where: isMessage, as: ({ data }) => ({ event: 'short', data: { text: data.text } }) }))
})
typed.get('/typebox/guard-wrong', { schema: { events: { joined: Joined } } }, (_request, reply) => {
  // @ts-expect-error what the guard leaves is not declared
  return reply.sse(chat.subscribe({ where: isMessage }))
})
typed.get('/typebox/no-guard', { schema: { events: { message: Said } } }, (_request, reply) => {
  // @ts-expect-error a predicate that is no guard leaves all types
  return reply.sse(chat.subscribe({ where: ({ event }) => event === 'message' }))
})

// a feed with more events than its route takes those that the route declares
typed.get('/typebox/events', { schema: { events: { message: Said } } }, (_request, reply) => reply.sse(chat.subscribe({ events: ['message'] })))
app.get('/default/events', { schema: { events: { joined: Joined } } }, (_request, reply) => reply.sse(chat.subscribe({ events: ['joined'], keys: ['ada'] })))
typed.get('/typebox/events-both', { schema: { events } }, (_request, reply) => reply.sse([chat.subscribe({ events: ['joined', 'message'] }), quiet.subscribe()]))
typed.get('/typebox/events-as', { schema: { events: { short: Type.Object({ text: Type.String() }) } } }, (_request, reply) => {
  return reply.sse(chat.subscribe({ as: ({ data }) => ({ event: 'short', data: { text: data.text } }), events: ['message'] }))
})
typed.get('/typebox/events-wrong', { schema: { events: { message: Said } } }, (_request, reply) => {
  // @ts-expect-error an event that the route does not declare is taken
  return reply.sse(chat.subscribe({ events: ['message', 'joined'] }))
})
// @ts-expect-error an event type that the feed does not declare
chat.subscribe({ events: ['left'] })
// @ts-expect-error a list, not a name
chat.subscribe({ events: 'message' })
open.subscribe({ events: ['anything'], where: ({ data }) => data !== null })

// what is no source
// @ts-expect-error a string
app.get('/string', (_request, reply) => reply.sse('hello'))
// @ts-expect-error a number
app.get('/number', (_request, reply) => reply.sse(1))
// @ts-expect-error a promise
app.get('/promise', (_request, reply) => reply.sse(Promise.resolve(['text'])))
// @ts-expect-error numbers are no events
app.get('/numbers', (_request, reply) => reply.sse([1, 2]))
// @ts-expect-error nor is what has none of their fields
app.get('/unwrapped', (_request, reply) => reply.sse(async function * () { yield { percent: 1 } }))
// @ts-expect-error nobody knows what these are
app.get('/unknown', (_request, reply) => reply.sse(open as unknown as AsyncIterable<unknown>))

// sources that the route knows nothing of
app.get('/readable', (_request, reply) => reply.sse(process.stdin))
app.get('/readable/typed', { schema: { events } }, (_request, reply) => reply.sse(process.stdin))
app.get('/empty', { schema: { events } }, (_request, reply) => reply.sse([]))
app.get('/strings', (_request, reply) => reply.sse(new Set(['text'])))
export const streamOf = (source: EventSource) => app.get('/source', (_request, reply) => reply.sse(source))
export const typedStreamOf = (source: EventSource<{ message: typeof said }>) => app.get('/source', { schema: { events: { message: Said } } }, (_request, reply) => reply.sse(source))
export function streamAny<Event> (subscription: FeedSubscription<Event>): void { app.get('/any', (_request, reply) => reply.sse(subscription)) }
export function streamFeed<Types> (feed: Feed<Types>): void { app.get('/feed', (_request, reply) => reply.sse(feed.subscribe())) }
streamOf(chat.subscribe())
streamOf(async function * () { yield { event: 'anything', data: 1 } })
typedStreamOf(quiet.subscribe())
streamAny(chat.subscribe())
streamFeed(chat)

// a reply of whatever route is one of Fastify's, and so is an application of whatever type provider
const answer = (reply: FastifyReply): FastifyReply => reply.sse(['text'])
app.get('/helper', (_request, reply) => answer(reply))
typed.get('/helper/typed', { schema: { events, querystring: Said } }, (_request, reply) => answer(reply))
typed.get<{ Params: { user: string } }>('/helper/:user', { schema: { events } }, async ({ params: { user } }, reply) => reply.sse(chat.subscribe({ keys: [user] })))
export const plain: FastifyInstance = typed
const handler: RouteHandlerMethod = (_request, reply) => reply.sse(['text'])
app.get('/handler', { schema: { events } }, handler)

// the source of a run is typed as that of a stream is
const answers = app.runs('answers', { events })
answers.start(async function * ({ id, signal }) { if (!signal.aborted) yield { event: 'message', data: { from: id, text: '' } } })
answers.start(() => [chat.subscribe(), quiet.subscribe()])
app.runs('anything').start(['text', { event: 'anything', data: 1 }])
// @ts-expect-error an event that is not declared
answers.start(async function * () { yield { event: 'left', data: said } })
// @ts-expect-error a field is missing
answers.start(function * () { yield { event: 'message', data: { from: 'ada' } } })
// @ts-expect-error a promise is no source
answers.start(Promise.resolve([]))
typed.get('/runs/guard', { schema: { events: { message: Said } } }, (_request, reply) => reply.sse(answers.follow('1', { where: isMessage })))

// options may be undefined, also where exactOptionalPropertyTypes is on
app.feed('bounded', { retain: { entries: undefined, bytes: undefined }, log: undefined })

// sources and data of every kind
const Tree = Type.Cyclic({ Node: Type.Object({ name: Type.String(), children: Type.Array(Type.Ref('Node')) }) }, 'Node')
const kinds = {
  message: Type.Union([Type.Object({ kind: Type.Literal('a'), count: Type.Number() }), Type.Object({ kind: Type.Literal('b'), text: Type.Optional(Type.String()) })]),
  any: Type.Any(),
  tree: Tree,
  tuple: Type.Tuple([Type.Number(), Type.String()]),
  record: Type.Record(Type.String(), Type.Number()),
  count: Type.Number(),
  nothing: Type.Null()
}
async function * counts () { yield { event: 'count', data: 1 } as const }
typed.get('/kinds', { schema: { events: kinds } }, (_request, reply) => reply.sse(async function * () {
  yield { event: 'message', data: { kind: 'a', count: 1 } }
  yield { data: { kind: 'b' }, id: 1, retry: 5, comment: 'c' }
  yield { event: 'any', data: new Date() }
  yield { event: 'tree', data: { name: 'a', children: [{ name: 'b', children: [] }] } }
  yield { event: 'tuple', data: [1, 'a'] }
  yield { event: 'nothing', data: null }
  yield { comment: 'quiet' }
  yield * counts()
}))
typed.get('/kinds/record', { schema: { events: kinds } }, (_request, reply) => reply.sse(function * () { yield { event: 'record', data: { a: 1, b: 2 } } }))
typed.get('/kinds/iterator', { schema: { events: kinds } }, (_request, reply) => reply.sse(counts()))
typed.get('/kinds/promised', { schema: { events: kinds } }, (_request, reply) => reply.sse(async ({ until }) => until(counts())))
typed.get('/kinds/web', { schema: { events: kinds } }, (_request, reply) => reply.sse(new ReadableStream<{ event: 'count', data: number }>()))
typed.get('/kinds/rows', { schema: { events: kinds } }, (_request, reply) => reply.sse([1, 2].map((data) => ({ event: 'count' as const, data }))))
typed.get('/kinds/wrong', { schema: { events: kinds } }, (_request, reply) => {
  // @ts-expect-error a literal that no member of the union has
  return reply.sse(function * () { yield { event: 'message', data: { kind: 'c' } } })
})
typed.get('/kinds/wrong-id', { schema: { events: kinds } }, (_request, reply) => {
  // @ts-expect-error an id is a string or a number
  return reply.sse(function * () { yield { event: 'count', data: 1, id: true } })
})
typed.get('/kinds/wrong-maybe', { schema: { events: kinds } }, (_request, reply) => {
  // @ts-expect-error undefined is no event
  return reply.sse(function * () { yield undefined; yield { event: 'count', data: 1 } })
})

// who is online: a type guard says what the tags are, and a promise is no answer
interface Member { name: string }
const isMember = (stream: StreamView): stream is StreamView & { tag: Member } => typeof stream.tag === 'object'
app.eventfeed.streams(isMember).map(({ tag }) => tag.name)
app.eventfeed.streams().map(({ key, route, requestId, openedAt, events, bytes }) => `${key}${route}${requestId}${openedAt + events + bytes}`)
app.eventfeed.kick('ada')
app.eventfeed.kick(({ tag }) => tag === said, 'banned')
// @ts-expect-error what a tag holds is not known
app.eventfeed.kick(({ tag }) => tag.name === 'ada')
// @ts-expect-error a promise is always true
app.eventfeed.kick(async () => true)
// @ts-expect-error it may be missing
app.eventfeed.kick(undefined)
// @ts-expect-error a view changes nothing
app.eventfeed.streams().forEach((stream) => { stream.tag = undefined })
app.get('/tagged', (_request, reply) => reply.sse(open.subscribe(), { tag: said }))
// @ts-expect-error a tag is attached to one stream
app.register(eventfeed, { tag: said })
