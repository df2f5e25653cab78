/** The plugins that a stream meets: how each is registered, what a request needs, and what it puts on every head. */
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import rateLimit from '@fastify/rate-limit'
import session from '@fastify/session'
import swagger from '@fastify/swagger'
import underPressure from '@fastify/under-pressure'
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'

export interface Neighbour {
  readonly name: string
  /** Registers it, for all routes that follow. */
  register (app: FastifyInstance): Promise<void>
  /** The headers of a request that it lets pass. Default: none. */
  request? (app: FastifyInstance): Record<string, string>
  /** What it puts on the head of every answer: lines in lower case. Default: nothing. */
  readonly head?: ReadonlyArray<string | RegExp>
}

/** Secrets of tests: the shortest that @fastify/session takes. */
const SECRET = 'a secret of thirty-two characters'

async function registerCookie (app: FastifyInstance): Promise<void> {
  if (!app.hasPlugin('@fastify/cookie')) await app.register(cookie)
}

/** One after the other; in `together` all are registered in this order. */
const single: readonly Neighbour[] = [
  {
    name: '@fastify/cors',
    async register (app) { await app.register(cors, { origin: ['https://page.example'], credentials: true, exposedHeaders: ['x-shown'] }) },
    request: () => ({ origin: 'https://page.example' }),
    head: ['access-control-allow-origin: https://page.example', 'access-control-allow-credentials: true', 'access-control-expose-headers: x-shown', /^vary: .*origin/]
  },
  {
    name: '@fastify/helmet',
    async register (app) { await app.register(helmet) },
    head: ['x-content-type-options: nosniff', 'x-frame-options: sameorigin', /^content-security-policy: /, /^strict-transport-security: /]
  },
  {
    name: '@fastify/cookie',
    async register (app) {
      await registerCookie(app)
      app.addHook('onRequest', async (request, reply) => { reply.setCookie('crumb', `after-${request.cookies['crumb']}`) })
    },
    request: () => ({ cookie: 'crumb=first' }),
    head: [/^set-cookie: crumb=after-first(?:;|$)/]
  },
  {
    name: '@fastify/session',
    async register (app) {
      await registerCookie(app)
      await app.register(session, { secret: SECRET, cookie: { secure: false } })
    },
    head: [/^set-cookie: sessionid=[^;]+; path=\/; httponly/]
  },
  {
    name: '@fastify/jwt',
    async register (app) {
      await app.register(jwt, { secret: SECRET })
      app.addHook('onRequest', async (request) => { await request.jwtVerify() })
    },
    request: (app) => ({ authorization: `Bearer ${app.jwt.sign({ sub: 'ada' })}` })
  },
  {
    name: '@fastify/rate-limit',
    async register (app) { await app.register(rateLimit, { max: 1_000 }) },
    head: ['x-ratelimit-limit: 1000', /^x-ratelimit-remaining: \d+$/, /^x-ratelimit-reset: \d+$/]
  },
  {
    name: '@fastify/compress',
    async register (app) { await app.register(compress, { threshold: 0 }) }
  },
  {
    name: '@fastify/under-pressure',
    async register (app) { await app.register(underPressure, { maxHeapUsedBytes: 2 ** 50, healthCheck: async () => true, healthCheckInterval: 100 }) }
  },
  {
    name: '@fastify/websocket',
    async register (app) { await app.register(websocket) }
  },
  {
    name: '@fastify/swagger',
    async register (app) { await app.register(swagger, { openapi: {} }) }
  }
]

const together: Neighbour = {
  name: 'all of them together',
  async register (app) { for (const neighbour of single) await neighbour.register(app) },
  request: (app) => Object.assign({}, ...single.map((neighbour) => neighbour.request?.(app) ?? {})),
  head: single.flatMap(({ head = [] }) => head)
}

/** Each alone, one that takes all types for compressible, and all at once. */
export const NEIGHBOURS: readonly Neighbour[] = [
  ...single,
  {
    name: '@fastify/compress for all types',
    async register (app) { await app.register(compress, { global: true, threshold: 0, customTypes: /./u }) }
  },
  together
]
