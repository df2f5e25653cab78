/**
 * Notifications for users and groups, in one feed. Each names all whom it concerns, and a page gets the last 20 that
 * concern its user, then those that come. Who joins a group while a page is open gets the group's last 5 at once; who
 * leaves it gets no more. A logout ends the streams of that login.
 */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import eventfeed, { type EventfeedOptions, type EventLog } from 'fastify-eventfeed'
import { Type } from 'typebox'
import { login, Visit } from './login.ts'

const Notice = Type.Object({ text: Type.String() })
const Sent = Type.Object({
  to: Type.Array(Type.String({ pattern: '^(user|group):.' }), { minItems: 1, maxItems: 64 }),
  text: Type.String()
})
const Membership = Type.Object({ group: Type.String(), user: Type.String() })

/** `groups` says which groups a user is in; `log` keeps the notifications over a restart. */
export async function buildApp (groups: Map<string, Set<string>>, log?: EventLog, options: EventfeedOptions = {}) {
  const app = Fastify().withTypeProvider<TypeBoxTypeProvider>()
  await app.register(eventfeed, options)
  await app.register(login)
  const events = { notice: Notice }
  const notices = app.feed('notices', { events, log, retain: { entries: 500, perKey: 20 } })

  const open = (user: string) => notices.subscribe({
    keys: [`user:${user}`, ...[...groups.get(user) ?? []].map((group) => `group:${group}`)], from: { last: 20 }
  })
  class Inbox extends Visit { readonly notices = open(this.login.user) }
  const inboxesOf = (user: string) => app.eventfeed.streams().flatMap(({ tag }) => {
    return tag instanceof Inbox && tag.login.user === user ? [tag.notices] : []
  })

  app.get('/notices', { schema: { events } }, ({ login }, reply) => {
    const inbox = new Inbox(login)
    return reply.sse(inbox.notices, { tag: inbox })
  })
  // who may notify whom, and who lets others into a group, is for your application to say
  app.post('/notices', { schema: { body: Sent } }, async ({ body: { to, text } }) => {
    return { id: await notices.publish({ event: 'notice', data: { text }, keys: to }) }
  })
  app.put('/groups/:group/:user', { schema: { params: Membership } }, async ({ params: { group, user } }) => {
    groups.set(user, (groups.get(user) ?? new Set()).add(group))
    for (const inbox of inboxesOf(user)) inbox.follow(`group:${group}`, { last: 5 })
    return { group, user }
  })
  app.delete('/groups/:group/:user', { schema: { params: Membership } }, async ({ params: { group, user } }) => {
    groups.get(user)?.delete(group)
    for (const inbox of inboxesOf(user)) inbox.unfollow(`group:${group}`)
    return { group, user }
  })
  return app
}
