/**
 * Serves the example app at HOST and PORT (127.0.0.1 and 3000), and closes it on SIGINT and SIGTERM: open streams get
 * what remains for them before the process ends. With FEED_FILE=feeds.db chat and ticker are kept in that file: kill the
 * server, start it again, and the open pages go on without a gap.
 */
import { buildApp } from './app.ts'

const host = process.env.HOST ?? '127.0.0.1'
const port = Number(process.env.PORT ?? 3000)

const feedFile = process.env.FEED_FILE

const app = await buildApp({ feedFile, logger: { level: process.env.LOG_LEVEL ?? 'warn' } })
console.log(`example app: ${await app.listen({ host, port })}/`)

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => app.close())
