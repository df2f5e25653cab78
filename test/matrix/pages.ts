/** The pages of clients that run in browsers, and the modules that these pages load. */
import type { FastifyInstance } from 'fastify'
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { CLIENTS } from './installed.ts'

const TYPES: Record<string, string> = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.html': 'text/html' }

/** Adds `/pages/<file>`, beside the clients, and `/modules/<path>`, what npm has installed for them. */
export function addPages (app: FastifyInstance): void {
  const folders = [['/pages/*', 'pages'], ['/modules/*', 'node_modules']] as const
  for (const [url, folder] of folders) {
    app.get<{ Params: { '*': string } }>(url, async (request, reply) => {
      // modules of @microsoft/fetch-event-source name each other without an extension
      const path = extname(request.params['*']) === '' ? `${request.params['*']}.js` : request.params['*']
      const text = await readFile(join(CLIENTS, folder, normalize(`/${path}`)), 'utf8')
      return reply.type(TYPES[extname(path)] ?? 'text/plain').send(text)
    })
  }
}
