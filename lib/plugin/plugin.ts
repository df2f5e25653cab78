/** The plugin's shell: what is decorated, and when all of it ends. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { AlreadyRegistered, ReplySseTaken } from '../errors.ts'
import type { FeedOptions } from '../feed/feed-options.ts'
import type { RoomsOptions } from '../rooms/options.ts'
import type { RunsOptions } from '../runs/options.ts'
import './augmentation.ts'
import { drain } from './drain.ts'
import { Feeds } from './feeds.ts'
import { logError } from './log.ts'
import { MisheardTypes } from './misheard.ts'
import { acceptsEventStream } from './negotiation.ts'
import { readSettings, type EventfeedOptions, type EventStreamOptions } from './options.ts'
import { sendEventStream } from './reply-sse.ts'
import { watchRoutes } from './route-events.ts'
import { RoomFamilies } from './room-families.ts'
import { RunFamilies } from './run-families.ts'
import { Streams } from './streams.ts'
import { Workshop } from './workshop.ts'

/** Serves event streams by `reply.sse` too: of the two, one would take the other's place without a word. */
const OTHER_PLUGIN = '@fastify/sse'

const register: FastifyPluginAsync<EventfeedOptions<FastifyRequest>> = async (app, options) => {
  if (app.hasDecorator('eventfeed')) throw new AlreadyRegistered()
  // @fastify/sse sets reply.sse on each reply, without decorating
  if (app.hasReplyDecorator('sse') || app.hasPlugin(OTHER_PLUGIN)) throw new ReplySseTaken()
  const settings = readSettings(options)
  const misheard = new MisheardTypes(() => app.log)
  const streams = new Streams(settings, watchRoutes(app, settings.validateEvents, misheard), (error, what) => { logError(app.log, error, what) })
  const workshop = new Workshop(app, settings.clock, settings.validateEvents, misheard)
  const feeds: Feeds = new Feeds(workshop, (name) => rooms.owns(name))
  const rooms: RoomFamilies = new RoomFamilies(workshop, () => feeds.names)
  const runs = new RunFamilies(workshop)

  app.decorateReply('sse', function (this: FastifyReply, source: unknown, streamOptions?: EventStreamOptions<FastifyRequest>) {
    // a reply is returned for `return reply.sse(…)`; that it is void besides lets handlers with a response schema do so
    return sendEventStream(this, streams, source, streamOptions) as FastifyReply & void
  })
  app.decorateRequest('acceptsEventStream', { getter: function (this: FastifyRequest) { return acceptsEventStream(this) } })
  const feed = (name: string, feedOptions: FeedOptions = {}) => feeds.define(name, feedOptions)
  // what a feed of this name holds, its definition knows
  app.decorate('feed', Object.assign(feed, { get: (name: string) => feeds.get(name) ?? rooms.get(name) }) as typeof app.feed)
  app.decorate('feeds', ((name: string, roomsOptions: RoomsOptions = {}) => rooms.define(name, roomsOptions)) as typeof app.feeds)
  app.decorate('runs', ((name: string, runsOptions: RunsOptions = {}) => runs.define(name, runsOptions)) as typeof app.runs)
  app.decorate('eventfeed', {
    stats: () => ({ ...streams.stats(), refused: streams.refusals.counts, feeds: { ...feeds.stats(), ...rooms.stats() }, runs: runs.stats() }),
    kick: (whose: unknown, reason?: unknown) => streams.kick(whose, reason),
    // a type guard says what its caller gets
    streams: ((isListed?: unknown) => streams.list(isListed)) as typeof app.eventfeed.streams
  })

  app.addHook('onReady', async () => {
    if (app.hasPlugin(OTHER_PLUGIN)) throw new ReplySseTaken()
    await feeds.ready()
  })
  app.addHook('preClose', async () => {
    const { clock, drainTimeoutMs } = settings
    const until = clock.elapsed() + drainTimeoutMs
    rooms.stop()
    await drain(app, streams, runs)
    // while what `onIdle` needs, such as a database, has not closed
    await rooms.drain(until - clock.elapsed())
  })
  app.addHook('onClose', async () => {
    await runs.close(settings.drainTimeoutMs)
    await rooms.close(settings.drainTimeoutMs)
    await feeds.close(settings.drainTimeoutMs)
    streams.close()
  })
}

/** The Fastify plugin. Register it once, on the instance whose routes are to stream. */
export const eventfeed: FastifyPluginAsync<EventfeedOptions<FastifyRequest>> = fp(register, { name: 'fastify-eventfeed', fastify: '5.x' })
