/** What all servers of feeds have in common: no heartbeats in the figures, and the commands that all obey. */
import eventfeed, { type EventfeedOptions } from 'fastify-eventfeed'
import fastify, { type FastifyInstance } from 'fastify'
import type { BenchEvent } from '../event.ts'
import { obey, type Commands } from '../control.ts'

/** What the workload wants of this server. */
export const setting = JSON.parse(process.env.BENCH_SETTING ?? '{}') as Record<string, unknown>

/** An application with the plugin. */
export async function application (options: EventfeedOptions = {}): Promise<FastifyInstance> {
  const app = fastify()
  await app.register(eventfeed, { heartbeatIntervalMs: Infinity, ...options })
  return app
}

/** Listens, and obeys. `heap` answers how many bytes the heap, and what stands outside of it, take. */
export async function serve (app: FastifyInstance, publish: (event: BenchEvent) => void, commands: Commands = {}): Promise<void> {
  await app.listen({ host: '127.0.0.1', port: 0 })
  obey(app.server, publish, { heap: heapBytes, ...commands })
}

function heapBytes (): string {
  const { heapUsed, external } = process.memoryUsage()
  return String(heapUsed + external)
}
