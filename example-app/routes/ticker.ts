/**
 * GET /ticker/events: prices, as they change. Only the newest price of a share matters, so a reader that is too slow
 * gets a gap and then just those (`slowConsumer: 'latest'`), and a first connect begins with all of them (`initial`).
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { EventLog } from 'fastify-eventfeed'
import { Type } from 'typebox'
import { Market, type MarketOptions } from '../market.ts'
import type { OpenLines } from '../open-lines.ts'
import { StreamId } from './cut.ts'

/** About a minute of prices: enough for a line that was cut, and quick to read for a client that reconnects. */
const RETAINED_PRICES = 1_000

const Price = Type.Object({
  symbol: Type.String(),
  name: Type.String(),
  price: Type.Number(),
  change: Type.Number({ description: 'since the application was started, in percent' })
}, { $id: 'Price' })

/** What the routes need. */
interface TickerOptions {
  lines: OpenLines
  log?: EventLog | undefined
  market?: MarketOptions | undefined
}

export const tickerRoutes: FastifyPluginAsyncTypebox<TickerOptions> = async (app, { lines, log, market: options }) => {
  const ticker = app.feed('ticker', {
    events: { price: Price },
    retain: { entries: RETAINED_PRICES },
    log,
    slowConsumer: 'latest',
    initial: () => market.prices.map((data) => ({ event: 'price' as const, data, key: data.symbol }))
  })
  const market = new Market((data) => { ticker.publish({ event: 'price', data, key: data.symbol }) }, options)

  app.get('/ticker/events', {
    schema: {
      operationId: 'followPrices',
      summary: 'Follow the prices',
      description: 'All prices at a first connect, then each that changes.',
      tags: ['ticker'],
      querystring: Type.Object({ stream: Type.Optional(StreamId) }),
      events: { price: Price }
    }
  }, (request, reply) => {
    return reply.sse(({ signal }) => {
      lines.add(request.query.stream, reply.raw, signal)
      market.join(signal)
      return ticker.subscribe()
    })
  })
}
