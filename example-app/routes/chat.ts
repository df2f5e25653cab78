/**
 * The chat: one feed that every stream follows, each in its own shape, and as a whole or only the keys of its user's friends. Who
 * may say what as whom is not this example's subject: there is no login.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { projection, type EntryView } from 'fastify-eventfeed'
import { Type, type Static } from 'typebox'
import { FriendStreams } from '../friend-streams.ts'
import { Friends, MAX_FRIENDS, MAX_NAMES } from '../friends.ts'
import type { OpenLines } from '../open-lines.ts'
import { StreamId } from './cut.ts'

const Name = Type.String({ minLength: 1, maxLength: 64 })
const FriendList = Type.Object({ friends: Type.Array(Name, { maxItems: MAX_FRIENDS }) })

const ChatMessage = Type.Object({
  from: Name,
  text: Type.String({ minLength: 1, maxLength: 4_000 })
})
const SimpleMessage = Type.Object({
  from: Type.String(),
  text: Type.String()
})
const DetailedMessage = Type.Object({
  id: Type.String(),
  from: Type.String(),
  text: Type.String(),
  at: Type.String({ format: 'date-time', description: 'ISO 8601, UTC' }),
  friend: Type.Boolean({ description: 'whether the author was a friend of the user when this was sent out' })
})
const ChatQuery = Type.Object({
  user: Type.String({ minLength: 1, maxLength: 64, default: 'ada' }),
  friends: Type.Boolean({ default: false, description: 'only messages of friends, and one\'s own' }),
  format: Type.Enum(['simple', 'detailed'], { default: 'simple' }),
  history: Type.Boolean({ default: false, description: 'begin a first connect with what the feed still has' }),
  stream: Type.Optional(StreamId)
})

/** What filters and projections see of a message. */
type Said = EntryView<'message', Static<typeof ChatMessage>>

export const chatRoutes: FastifyPluginAsyncTypebox<{ lines: OpenLines }> = async (app, { lines }) => {
  const chat = app.feed('chat', { events: { message: ChatMessage } })
  const friends = new Friends()
  const friendStreams = new FriendStreams()

  // The same for everybody, so it is made once: its bytes are shared by all streams.
  const simple = projection(SimpleMessage, ({ data }: Said) => ({ data: { from: data.from, text: data.text } }))

  app.get('/chat-updates', {
    schema: { querystring: ChatQuery, events: { message: Type.Union([SimpleMessage, DetailedMessage]) } }
  }, (request, reply) => {
    const { user, friends: friendsOnly, format, history, stream } = request.query
    lines.add(stream, request, reply)

    // Who is a friend depends on who asks, so this one is made for each stream.
    const detailed = projection(DetailedMessage, ({ id, data, at }: Said) => ({
      data: { id, from: data.from, text: data.text, at: new Date(at).toISOString(), friend: friends.of(user).has(data.from) }
    }))
    return reply.sse(({ signal }) => {
      const subscription = chat.subscribe({
        from: history ? 'earliest' : 'latest',
        // A message has its author as its key, so one that nobody here reads costs this stream nothing.
        keys: friendsOnly ? [user, ...friends.of(user)] : undefined,
        as: format === 'detailed' ? detailed : simple
      })
      if (friendsOnly) friendStreams.add(user, subscription, signal)
      return subscription
    })
  })

  app.post('/chat/messages', {
    schema: { body: ChatMessage, response: { 201: Type.Object({ id: Type.String() }) } }
  }, async ({ body: { from, text } }, reply) => {
    const id = await chat.publish({ event: 'message', data: { from, text }, key: from })
    return reply.code(201).send({ id })
  })

  const params = Type.Object({ user: Name })

  app.get('/chat/friends/:user', {
    schema: { params, response: { 200: FriendList } }
  }, async ({ params: { user } }) => ({ friends: [...friends.of(user)] }))

  app.put('/chat/friends/:user', {
    schema: { params, body: FriendList }
  }, async ({ params: { user }, body }, reply) => {
    const before = friends.of(user)
    if (!friends.replace(user, new Set(body.friends))) {
      return reply.code(409).send({
        statusCode: 409,
        error: 'Conflict',
        message: `No room for body/friends: all lists together hold at most ${MAX_NAMES} names. Shorten another list first.`
      })
    }
    // Holds for open streams from the next message on.
    friendStreams.change(user, before, friends.of(user))
    return { friends: [...friends.of(user)] }
  })
}
