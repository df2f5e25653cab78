/** An application that listens, with its log kept for the test. */
import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import eventfeed, { type EventfeedOptions } from '../../lib/index.ts'
import { eventually } from './raw-client.ts'

export interface LogLine { level: number, msg: string, reqId?: string, route?: string, err?: { message: string, stack: string, code?: string }, stream?: { reason: string, detail?: string } }

export interface Served {
  readonly app: FastifyInstance
  readonly port: number
  /** What was logged. */
  readonly log: LogLine[]
  /** Waits until no socket and no stream is open. */
  empty (): Promise<void>
  /** Waits until the ends of so many streams are logged; gives their reasons. */
  ends (count: number): Promise<string[]>
}

/** Where pino writes to: the lines, parsed. */
export function keptLog (): { lines: LogLine[], logger: { level: string, stream: { write (line: string): void } } } {
  const lines: LogLine[] = []
  return { lines, logger: { level: 'debug', stream: { write: (line) => { lines.push(JSON.parse(line)) } } } }
}

/** Listens on a free port. All is closed when the test ends. */
export async function serve (
  t: Test, routes: (app: FastifyInstance) => void | Promise<void>, options: EventfeedOptions = {}, serverOptions: FastifyServerOptions & { exposeHeadRoutes?: boolean } = {}
): Promise<Served> {
  const { lines: log, logger } = keptLog()
  const app = fastify({ logger, ...serverOptions })
  await app.register(eventfeed, { drainTimeoutMs: 2_000, ...options })
  await routes(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    // an HTTP/2 server has no such function: its clients leave by themselves
    app.server.closeAllConnections?.()
    await app.close()
  })
  const ends = (): string[] => log.filter(({ stream }) => stream !== undefined).map(({ stream }) => stream?.reason ?? '')
  return {
    app,
    port: (app.server.address() as AddressInfo).port,
    log,
    empty: () => eventually(async () => app.eventfeed.stats().connections === 0 && await openSockets(app) === 0, 'no stream and no socket is open'),
    ends: async (count) => {
      await eventually(() => ends().length >= count, `${count} streams end`)
      return ends()
    }
  }
}

/** How many sockets a server has open. */
export function openSockets (app: FastifyInstance): Promise<number> {
  return new Promise((resolve, reject) => {
    app.server.getConnections((error, count) => { if (error === null) resolve(count); else reject(error) })
  })
}
