/**
 * An application behind nginx, which serves it under `/app/` (`proxy.conf` beside this file is nginx's part), for a
 * page of another origin that sends its cookies along. The streams need no option: they are neither buffered nor
 * compressed on their way, and their headers are those that CORS asks for.
 */
import compress from '@fastify/compress'
import cors from '@fastify/cors'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify from 'fastify'
import eventfeed, { type EventfeedOptions } from 'fastify-eventfeed'
import { Type } from 'typebox'
import { login, Visit } from './login.ts'

const Price = Type.Object({ symbol: Type.String(), price: Type.Number() })

/** `pages` are the origins that may use the application, such as `https://page.example`. */
export async function buildApp (pages: string[], options: EventfeedOptions = {}) {
  // the address of a client is the one that nginx names, and each client may have ten streams
  const app = Fastify({ trustProxy: 'loopback' }).withTypeProvider<TypeBoxTypeProvider>()
  await app.register(cors, { origin: pages, credentials: true })
  await app.register(compress)
  await app.register(eventfeed, { maxConnectionsPerKey: 10, ...options })
  await app.register(login)
  const prices = app.feed('prices', { events: { price: Price } })

  // nginx takes `/app` off, so routes are those of an application without a proxy; a page says
  // new EventSource('https://shop.example/app/prices', { withCredentials: true })
  app.get('/prices', { schema: { events: { price: Price } } }, (request, reply) => {
    return reply.sse(prices.subscribe({ from: { last: 100 } }), { tag: new Visit(request.login) })
  })
  app.put('/prices', { schema: { body: Price } }, async (request) => {
    return { id: await prices.publish({ event: 'price', data: request.body, key: request.body.symbol }) }
  })
  app.get('/catalogue', async () => Array.from({ length: 1_000 }, (_, number) => ({ symbol: `S${number}` })))
  return app
}
