/** The page of the chat, on the same origin as its routes, and whose request it is: that of the cookie `user`. */
import { readFile } from 'node:fs/promises'
import type { FastifyInstance } from 'fastify'

const HTML = '<!doctype html><meta charset="utf-8"><title>Chat</title><link rel="icon" href="data:,">' +
  '<div id="root"></div><script src="/page.js"></script>'

/** Serves `/`, with a script. */
export async function servePage (app: FastifyInstance, script: string): Promise<void> {
  const text = await readFile(script, 'utf8')
  app.decorateRequest('user')
  app.addHook('onRequest', async (request) => {
    const id = /(?:^|; )user=(\w+)/.exec(request.headers.cookie ?? '')?.[1]
    Object.assign(request, { user: { id } })
  })
  app.get('/', (_request, reply) => reply.type('text/html').send(HTML))
  app.get('/page.js', (_request, reply) => reply.type('text/javascript').send(text))
}
