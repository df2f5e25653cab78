/**
 * What the recipes share: who is logged in. A session in a cookie, because an `EventSource` sends cookies but no headers
 * of yours. A logout ends the streams of that login, and no others. A real application checks a password where this one
 * takes any name.
 */
import cookie from '@fastify/cookie'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import { randomUUID } from 'node:crypto'
import { Type } from 'typebox'

/** One session of a user; the same object for all its requests. */
export interface Login { readonly user: string, readonly session: string }

/** What each stream of the recipes carries as its `tag`: whose it is. Some carry more. */
export class Visit {
  constructor (readonly login: Login) {}
}

declare module 'fastify' {
  interface FastifyRequest { login: Login }
}

/** An error with the status that Fastify answers. */
export function refusal (statusCode: number, message: string): Error {
  return Object.assign(new Error(message), { statusCode })
}

const plugin: FastifyPluginAsyncTypebox = async (app) => {
  const logins = new Map<string, Login>()
  await app.register(cookie)
  app.decorateRequest('login')

  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.url === '/login') return
    const login = logins.get(request.cookies['session'] ?? '')
    // an EventSource that gets 401 stops for good
    if (login === undefined) throw refusal(401, 'log in first')
    request.login = login
  })

  app.post('/login', { schema: { body: Type.Object({ user: Type.String() }) } }, async (request, reply) => {
    const login = { user: request.body.user, session: randomUUID() }
    logins.set(login.session, login)
    reply.setCookie('session', login.session, { path: '/', httpOnly: true, sameSite: 'lax' })
    return { user: login.user }
  })

  app.post('/logout', async ({ login }) => {
    logins.delete(login.session)
    return { streams: app.eventfeed.kick(({ tag }) => tag instanceof Visit && tag.login === login, 'logout') }
  })
}

export const login = fp(plugin)
