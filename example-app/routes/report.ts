/**
 * GET /report/events: a report that is made while it is read, as fragments of HTML for htmx. Its source ends, so the
 * stream does: by `stream:done`, which htmx must name to stop, or it would come back for ever. The id of a fragment is
 * its number, so that a report goes on where its line was cut.
 */
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { createRequire } from 'node:module'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Type } from 'typebox'

const LINES = [
  'Lines opened: 1,204', 'Lines cut: 37', 'Lines that came back: 37', 'Events sent: 88,410', 'Events missed: 0'
]
/** Long enough to see each fragment arrive. */
const LINE_MS = 400

/** The folders of htmx 2, its extension, and htmx 4. */
const SCRIPTS = ['htmx-2', 'htmx-ext-sse', 'htmx-4']

export const reportRoutes: FastifyPluginAsyncTypebox = async (app) => {
  const { resolve } = createRequire(import.meta.url)
  for (const name of SCRIPTS) {
    await app.register(fastifyStatic, {
      root: dirname(resolve(`${name}/package.json`)),
      prefix: `/scripts/${name}/`,
      decorateReply: false,
      // the code alone
      allowedPath: (path) => path.endsWith('.js')
    })
  }

  app.get('/report/events', {
    schema: {
      operationId: 'followReport',
      summary: 'Follow a report as it is made',
      tags: ['report'],
      events: { message: Type.String({ description: 'a fragment of HTML' }) }
    }
  }, (_request, reply) => {
    return reply.sse(async function * ({ signal, lastEventId }) {
      for (let number = numberFrom(lastEventId); number < LINES.length; number++) {
        await sleep(LINE_MS, undefined, { signal })
        yield { id: number + 1, data: `<li>${LINES[number]}</li>` }
      }
    })
  })
}

/** A client can send anything as its last event ID. Anything but the number of a line starts again. */
function numberFrom (lastEventId: string | undefined): number {
  return /^\d$/.test(lastEventId ?? '') ? Number(lastEventId) : 0
}
