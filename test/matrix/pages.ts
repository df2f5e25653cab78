/** The pages of clients that run in browsers, and the modules that these pages load. */
import type { FastifyInstance } from 'fastify'
import { readFile } from 'node:fs/promises'
import { extname, join, normalize } from 'node:path'
import { CLIENTS } from './installed.ts'

const TYPES: Record<string, string> = { '.html': 'text/html' }

/** Adds `/pages/<file>`, beside the clients, and `/modules/<path>`, what npm has installed for them. */
export function addPages (app: FastifyInstance): void {
  const folders = [['/pages/*', 'pages'], ['/modules/*', 'node_modules']] as const
  for (const [url, folder] of folders) {
    app.get<{ Params: { '*': string } }>(url, async (request, reply) => {
      const path = request.params['*']
      const text = await readFirst([path, `${path}.js`, `${path}/index.js`].map((path) => join(CLIENTS, folder, normalize(`/${path}`))))
      return reply.type(TYPES[extname(path)] ?? 'text/javascript').send(text)
    })
  }
}

/** The first file that is there: modules of some packages name each other without an extension, or by their folder. */
async function readFirst ([path, ...others]: string[]): Promise<string> {
  if (path === undefined) throw new Error('there is no such file')
  return await readFile(path, 'utf8').catch(() => readFirst(others))
}
