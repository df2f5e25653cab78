/**
 * The example app: its pages, their event streams, a way to cut the line, and a description of all that. The files that
 * it serves are in `public/`, but for the code of htmx and Scalar; nothing else of this folder can be fetched.
 */
import fastifyStatic from '@fastify/static'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyServerOptions } from 'fastify'
import eventfeed, { type EventfeedOptions } from 'fastify-eventfeed'
import { sqliteLogs } from 'fastify-eventfeed/sqlite'
import { fileURLToPath } from 'node:url'
import { documentRoutes } from './docs.ts'
import type { MarketOptions } from './market.ts'
import { OpenLines } from './open-lines.ts'
import { chatRoutes } from './routes/chat.ts'
import { clockRoutes } from './routes/clock.ts'
import { cutRoutes } from './routes/cut.ts'
import { reportRoutes } from './routes/report.ts'
import { taskRoutes, type TaskOptions } from './routes/tasks.ts'
import { tickerRoutes } from './routes/ticker.ts'
import { validatorCompiler } from './validation.ts'

/** Fastify's own options, those of the plugin, and those of the ticker. */
export interface AppOptions extends FastifyServerOptions {
  /** Options of `fastify-eventfeed`, over those that the example sets. */
  eventfeed?: EventfeedOptions
  /** The file that keeps the chat and the ticker; without it a restart forgets them. */
  feedFile?: string | undefined
  /** How the prices of the ticker move. */
  market?: MarketOptions
  /** How long tasks take, and how long they are kept. */
  tasks?: TaskOptions
}

/**
 * Browsers reconnect after one second instead of the usual three, because here people cut the line to see just that.
 */
const RETRY_MS = 1_000
/**
 * One address may have 100 streams open: enough for an office behind one router, and no single client can take all that
 * the server has (`maxConnections`). Behind a proxy, set Fastify's `trustProxy`, or all clients share the proxy's
 * address.
 */
const MAX_STREAMS_PER_ADDRESS = 100

/** Fastify also checks the length of a parameter in its URL-encoded form, where one character can take twelve. */
const MAX_PARAM_LENGTH = 64 * 12

/** Apart, because the types of Fastify 5.0 to 5.4 do not know the option; they ignore it, and take parameters of 100 bytes. */
const ROUTER = { routerOptions: { maxParamLength: MAX_PARAM_LENGTH } }

/** The pages need nothing but what is served here: no inline code, no other origin. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
  "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"
].join('; ')

/** Builds the app without listening: the caller does that, or uses `app.inject()`. Closing it ends all streams. */
export async function buildApp ({ eventfeed: options, feedFile, market, tasks, ...serverOptions }: AppOptions = {}) {
  const app = Fastify({ ...ROUTER, ...serverOptions })
    .withTypeProvider<TypeBoxTypeProvider>()
    .setValidatorCompiler(validatorCompiler)
  const lines = new OpenLines()
  // Nothing is opened yet: each log opens with its feed, and closes with the application.
  const logs = feedFile === undefined ? undefined : sqliteLogs({ file: feedFile })

  await app.register(eventfeed, { retryMs: RETRY_MS, maxConnectionsPerKey: MAX_STREAMS_PER_ADDRESS, ...options })
  await app.register(fastifyStatic, {
    root: fileURLToPath(new URL('./public/', import.meta.url)),
    redirect: true,
    setHeaders (reply) {
      reply.header('content-security-policy', CONTENT_SECURITY_POLICY)
      reply.header('x-content-type-options', 'nosniff')
    }
  })
  await documentRoutes(app)
  await app.register(clockRoutes, { lines })
  await app.register(chatRoutes, { lines, log: logs?.('chat') })
  await app.register(tickerRoutes, { lines, log: logs?.('ticker'), market })
  await app.register(reportRoutes)
  await app.register(taskRoutes, { lines, tasks })
  await app.register(cutRoutes, { lines })
  return app
}
