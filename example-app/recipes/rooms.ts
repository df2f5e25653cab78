/**
 * Chat rooms that are open while somebody is in them: any number of them share one schema. A room loads its messages
 * when it is opened, and stores them when everybody has left. It can list who is there. Only its members come in: a
 * room that does not exist is a 404, one of others a 403.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyRequest } from 'fastify'
import eventfeed, { type EventfeedOptions } from 'fastify-eventfeed'
import { Type, type Static } from 'typebox'
import { login, refusal, Visit, type Login } from './login.ts'

const Message = Type.Object({ from: Type.String(), text: Type.String() })
const RoomId = Type.Object({ id: Type.String() })
export type Messages = Array<Static<typeof Message>>

/** Your database. */
export interface Store {
  /** `undefined` where there is no such room. */
  members (room: string): Promise<string[] | undefined>
  load (room: string): Promise<Messages>
  save (room: string, messages: Messages): Promise<void>
}

class Seat extends Visit {
  constructor (login: Login, readonly room: string) { super(login) }
}

export async function buildApp (store: Store, freeWhenIdleMs = 60_000, options: EventfeedOptions = {}) {
  const app = Fastify().withTypeProvider<TypeBoxTypeProvider>()
  await app.register(eventfeed, options)
  await app.register(login)
  const events = { message: Message }
  const messagesOf = new WeakMap<object, Messages>()
  const rooms = app.feeds('room', {
    events,
    freeWhenIdleMs,
    onOpen: async (id, room) => {
      const messages = await store.load(id)
      messagesOf.set(room, messages)
      for (const data of messages) await room.publish({ event: 'message', data })
    },
    onIdle: async (id, room) => { await store.save(id, messagesOf.get(room) ?? []) }
  })

  const members = async ({ login, params }: FastifyRequest<{ Params: { id: string } }>) => {
    const members = await store.members(params.id)
    if (members === undefined) throw refusal(404, 'no such room')
    if (!members.includes(login.user)) throw refusal(403, 'you are not a member of this room')
  }
  app.get('/rooms/:id', {
    preHandler: members, schema: { params: RoomId, events }
  }, async ({ login, params }, reply) => {
    const room = await rooms.open(params.id)
    return reply.sse(room.subscribe({ from: { last: 50 } }), { tag: new Seat(login, params.id) })
  })
  app.post('/rooms/:id', {
    preHandler: members, schema: { params: RoomId, body: Type.Object({ text: Type.String() }) }
  }, async ({ login, params, body }) => {
    const room = await rooms.open(params.id)
    const message = { from: login.user, text: body.text }
    const id = await room.publish({ event: 'message', data: message })
    messagesOf.get(room)?.push(message)
    return { id }
  })
  app.get('/rooms/:id/people', { preHandler: members, schema: { params: RoomId } }, async ({ params }) => {
    return [...new Set(app.eventfeed.streams().flatMap(({ tag }) => {
      return tag instanceof Seat && tag.room === params.id ? [tag.login.user] : []
    }))]
  })
  return app
}
