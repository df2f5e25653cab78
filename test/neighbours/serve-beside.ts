/** An application with neighbours: other plugins, registered before ours or after it, or without it for comparison. */
import fastify, { type FastifyInstance } from 'fastify'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import eventfeed, { type EventfeedOptions } from '../../lib/index.ts'
import { keptLog, type LogLine } from '../story/serve.ts'

/** When the neighbours are registered, as seen from our plugin; `alone`: they are, and it is not. */
export type Order = 'before' | 'after' | 'alone'

/** The orders in which our plugin is there. */
export const ORDERS = ['before', 'after'] as const

/** pino's number for `warn`. */
const WARN = 40

export type Register = (app: FastifyInstance) => void | Promise<void>

export interface ServedBeside {
  readonly app: FastifyInstance
  readonly port: number
  readonly url: string
  readonly log: LogLine[]
  /** Closes the application; claims that this comes to an end, and that nothing was logged as a warning or an error, but what `isExpected`. */
  closeQuietly (isExpected?: (line: LogLine) => boolean): Promise<void>
}

/** Listens on a free port. All is closed when the test ends. */
export async function serveBeside (t: Test, neighbours: Register, order: Order, routes: Register, options: EventfeedOptions = {}): Promise<ServedBeside> {
  return await listen(t, async (app) => {
    if (order === 'before') await neighbours(app)
    if (order !== 'alone') await app.register(eventfeed, { drainTimeoutMs: 2_000, ...options })
    if (order !== 'before') await neighbours(app)
    await routes(app)
  })
}

/** Listens with what `build` has registered. */
export async function listen (t: Test, build: Register): Promise<ServedBeside> {
  const { lines: log, logger } = keptLog()
  const app = fastify({ logger })
  await build(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  const { port } = app.server.address() as AddressInfo
  return {
    app,
    port,
    url: `http://127.0.0.1:${port}`,
    log,
    closeQuietly: async (isExpected = () => false) => {
      await app.close()
      t.strictSame(log.filter(({ level }) => level >= WARN).filter((line) => !isExpected(line)), [], 'nothing is logged as a warning or an error')
    }
  }
}
