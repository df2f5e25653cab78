/**
 * The chat: one feed for all streams. Each stream chooses its own shape, and either all messages or only those of its
 * user's friends.
 *
 * To keep the example short there is no login: every request is believed when it says who its user is. Before you copy
 * this, take the name from your login (a session, a token), never from the query, the path or the body, and limit how
 * fast one client may write (`@fastify/rate-limit`).
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { projection, type EntryView, type EventLog, type FeedSubscription } from 'fastify-eventfeed'
import { Type, type Static } from 'typebox'
import { FriendStreams } from '../friend-streams.ts'
import { Friends, MAX_FRIENDS, MAX_NAMES } from '../friends.ts'
import type { OpenLines } from '../open-lines.ts'
import { Problem } from '../problem.ts'
import { StreamId } from './cut.ts'

/** A first connect that asks for history gets at most the newest 1,000 messages, which is also what the page keeps. */
const MAX_HISTORY = 1_000
/** The longest message takes 50 KB where each character is escaped in JSON. */
const MAX_MESSAGE_BYTES = 64 * 1024

const Name = Type.String({ minLength: 1, maxLength: 64 })
const FriendList = Type.Object({ friends: Type.Array(Name, { maxItems: MAX_FRIENDS }) })

const ChatMessage = Type.Object({
  from: Name,
  text: Type.String({ minLength: 1, maxLength: 4_000 })
})
const SimpleMessage = Type.Object({
  from: Type.String(),
  text: Type.String()
}, { $id: 'SimpleMessage' })
const DetailedMessage = Type.Object({
  id: Type.String(),
  from: Type.String(),
  text: Type.String(),
  at: Type.String({ format: 'date-time', description: 'ISO 8601, UTC' }),
  friend: Type.Boolean({ description: 'whether the author was a friend of the user when this was sent' })
}, { $id: 'DetailedMessage' })
const ChatQuery = Type.Object({
  user: Type.String({ minLength: 1, maxLength: 64, default: 'ada' }),
  friends: Type.Boolean({ default: false, description: 'only messages of friends, and one\'s own' }),
  format: Type.Enum(['simple', 'detailed'], { default: 'simple' }),
  history: Type.Boolean({ default: false, description: `begin with the newest ${MAX_HISTORY} messages` }),
  stream: Type.Optional(StreamId)
})

/** What filters and projections see of a message. */
type Said = EntryView<'message', Static<typeof ChatMessage>>
/** What a stream follows, in either shape. */
type Timeline = FeedSubscription<{ event: 'message', data: Static<typeof SimpleMessage | typeof DetailedMessage> }>

export const chatRoutes: FastifyPluginAsyncTypebox<{ lines: OpenLines, log?: EventLog | undefined }> = async (app, { lines, log }) => {
  const chat = app.feed('chat', { events: { message: ChatMessage }, log })
  const friends = new Friends()
  const friendStreams = new FriendStreams<Timeline>()

  const detailed = (isFriend: (name: string) => boolean) => projection(DetailedMessage, ({ id, data, at }: Said) => ({
    data: { id, from: data.from, text: data.text, at: new Date(at).toISOString(), friend: isFriend(data.from) }
  }))
  // The same for everybody, so it is made once, and all streams share its bytes.
  const simple = projection(SimpleMessage, ({ data }: Said) => ({ data: { from: data.from, text: data.text } }))

  app.get('/chat-updates', {
    schema: {
      operationId: 'followChat',
      summary: 'Follow the chat',
      description: 'Each message as it is said: of everybody, or of friends only, in a short or a long shape.',
      tags: ['chat'],
      querystring: ChatQuery,
      events: { message: Type.Union([SimpleMessage, DetailedMessage]) }
    }
  }, (request, reply) => {
    const { user, friends: friendsOnly, format, history, stream } = request.query
    const from = history ? { last: MAX_HISTORY } as const : 'latest'

    return reply.sse(({ signal }) => {
      lines.add(stream, reply.raw, signal)
      if (!friendsOnly) {
        // Who is a friend changes while the stream is open, so this projection is made for the stream alone.
        const isFriend = (name: string) => name !== user && friends.of(user).has(name)
        return chat.subscribe({ from, as: format === 'simple' ? simple : detailed(isFriend) })
      }
      return friendStreams.share(user, `${format} ${history}`, signal, () => chat.subscribe({
        from,
        // A message has its author as its key, so messages of authors that it does not follow cost a stream nothing.
        keys: [user, ...friends.of(user)],
        // Only friends come here, so the streams of this user can share what is made.
        as: format === 'simple' ? simple : detailed((name) => name !== user)
      }))
    })
  })

  app.post('/chat/messages', {
    bodyLimit: MAX_MESSAGE_BYTES,
    schema: {
      operationId: 'say',
      summary: 'Say something',
      tags: ['chat'],
      body: ChatMessage,
      response: { 201: Type.Object({ id: Type.String({ description: 'the event ID of the message' }) }) }
    }
  }, async ({ body: { from, text } }, reply) => {
    const id = await chat.publish({ event: 'message', data: { from, text }, key: from })
    return reply.code(201).send({ id })
  })

  const params = Type.Object({ user: Name })

  app.get('/chat/friends/:user', {
    schema: { operationId: 'listFriends', summary: 'Who the friends of a user are', tags: ['chat'], params, response: { 200: FriendList } }
  }, async ({ params: { user } }) => ({ friends: [...friends.of(user)] }))

  app.put('/chat/friends/:user', {
    schema: {
      operationId: 'replaceFriends',
      summary: 'Change the friends of a user',
      description: 'This holds for open streams from the next message on.',
      tags: ['chat'],
      params,
      body: FriendList,
      response: { 200: FriendList, 409: Problem }
    }
  }, async ({ params: { user }, body }, reply) => {
    const before = friends.of(user)
    if (!friends.replace(user, new Set(body.friends))) {
      return reply.code(409).send({
        statusCode: 409,
        error: 'Conflict',
        message: `No room for body/friends: all lists together hold at most ${MAX_NAMES} names. Shorten another list first.`
      })
    }
    // This holds for open streams from the next message on.
    friendStreams.change(user, before, friends.of(user))
    return { friends: [...friends.of(user)] }
  })
}
