/**
 * What the recipes share: who is logged in. A session in a cookie, because an `EventSource` sends cookies but no
 * headers of yours. A logout ends the streams of that login, and no others. A real application checks a password
 * where this one takes any name.
 */
import cookie from '@fastify/cookie'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import fp from 'fastify-plugin'
import type { StreamView } from 'fastify-eventfeed'
import { randomUUID } from 'node:crypto'
import { Type } from 'typebox'

/** One session of a user. */
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

/** Whoever knows it can log in as anybody; logins outlive a restart where it is the same. */
const SECRET = process.env['COOKIE_SECRET'] ?? randomUUID()

const plugin: FastifyPluginAsyncTypebox = async (app) => {
  const loggedOut = new Set<string>()
  await app.register(cookie, { secret: SECRET })
  app.decorateRequest('login')

  app.addHook('onRequest', async (request) => {
    if (request.routeOptions.url === '/login') return
    const { value: session } = request.unsignCookie(request.cookies['session'] ?? '')
    // an EventSource that gets 401 stops for good
    if (session === null || loggedOut.has(session)) throw refusal(401, 'log in first')
    request.login = { user: session.slice(session.indexOf(' ') + 1), session }
  })

  app.post('/login', { schema: { body: Type.Object({ user: Type.String() }) } }, async ({ body: { user } }, reply) => {
    reply.setCookie('session', `${randomUUID()} ${user}`, { signed: true, path: '/', httpOnly: true, sameSite: 'lax' })
    return { user }
  })

  app.post('/logout', async ({ login: { session } }) => {
    loggedOut.add(session)
    const isTheirs = ({ tag }: StreamView) => tag instanceof Visit && tag.login.session === session
    return { streams: app.eventfeed.kick(isTheirs, 'logout') }
  })
}

export const login = fp(plugin)
