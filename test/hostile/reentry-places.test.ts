/**
 * Whatever an application's function calls from within, its stream gets every event once, or comes back and gets the rest; nobody
 * else notices.
 */
import t from 'tap'
import { ACTIONS, check, connectionKey } from './reentry-actions.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { CallingLog, play, type Kind, type Place, type World } from './reentry-world.ts'

/** @property isThorough tried with streams of each kind; else with one after the other */
const PLACES: Readonly<Record<string, Place & { isThorough?: boolean }>> = {
  where: { isThorough: true, at: 5, subscribe: ({ trigger }) => ({ where: () => { trigger(); return true } }) },
  'where, on replay': { at: 1, subscribe: ({ trigger }) => ({ where: () => { trigger(); return true } }) },
  'where, of the last': { at: 1, subscribe: ({ trigger }) => ({ from: { last: 100 }, where: () => { trigger(); return true } }) },
  as: { isThorough: true, at: 4, subscribe: ({ trigger }) => ({ as: ({ event, data }) => { trigger(); return { event, data } } }) },
  initial: { at: 1, subscribe: ({ trigger, published }) => ({ initial: () => { const state = stateOf(published); trigger(); return state } }) },
  'initial, later': {
    at: 1,
    subscribe: ({ trigger, published }) => ({
      initial: async ({ position }) => {
        const state = stateOf(published)
        await Promise.resolve()
        trigger()
        return { events: state, after: position }
      }
    })
  },
  'what initial returns': {
    at: 1,
    subscribe: ({ trigger, published }) => ({ initial: () => { const state = stateOf(published); return (function * () { trigger(); yield * state })() } })
  },
  onGap: { at: 1, lastEventId: 'nothing', subscribe: ({ trigger, published }) => ({ onGap: () => { const state = stateOf(published); trigger(); return state } }) },
  'a listener for gaps': { at: 1, lastEventId: 'nothing', listen: 'fastify-eventfeed:gap' },
  'a listener for lag': { at: 1, feed: () => ({ slowConsumer: 'skip', maxLagBytes: 500 }), listen: 'fastify-eventfeed:lagged' },
  'a listener for beginnings': { at: 1, listen: 'fastify-eventfeed:opened' },
  'a listener for ends': { at: 1, listen: 'fastify-eventfeed:ended', subscribe: ({ app, responses }) => ({ where: () => { if (responses.length === 1) app.eventfeed.kick('127.0.0.1'); return true } }) },
  connectionKey: { at: 5, plugin: (world) => ({ connectionKey: (request: { url: string }) => { world().trigger(); return connectionKey(request) } }) },
  'an onSend hook': { at: 1, onSend: true },
  'a getter in what is published': { at: 4, data: ({ trigger }) => (take) => ({ get n () { trigger(); return take() } }) },
  'append of the log': { at: 5, feed: (world) => ({ log: new CallingLog('append', () => { world().trigger() }) }) },
  'locate of the log': { at: 1, lastEventId: 'nothing', feed: (world) => ({ log: new CallingLog('locate', () => { world().trigger() }) }) },
  'earliest of the log': { at: 5, feed: (world) => ({ log: new CallingLog('earliest', () => { world().trigger() }) }) },
  'page of the log': {
    at: 1,
    feed: (world) => {
      const log = new PagedLog()
      log.onPage = () => { world().trigger() }
      return { log, retain: { entries: 1 } }
    }
  },
  recheck: {
    at: 1,
    isTimed: true,
    plugin: (world) => ({
      connectionKey,
      recheckIntervalMs: 1_000,
      recheck: ({ url }: { url: string }) => { if (url === '/mine') world().trigger(); return true }
    })
  },
  'recheck, later': {
    at: 1,
    isTimed: true,
    plugin: (world) => ({
      connectionKey,
      recheckIntervalMs: 1_000,
      recheck: async ({ url }: { url: string }) => {
        await Promise.resolve()
        if (url === '/mine') world().trigger()
        return true
      }
    })
  },
  'an onError hook': {
    at: 1,
    isRefusedFirst: true,
    source: failingAtFirst,
    application: (world, app) => { app.addHook('onError', async () => { world().trigger() }) }
  },
  'an error handler': {
    at: 1,
    isRefusedFirst: true,
    source: failingAtFirst,
    application: (world, app) => {
      app.setErrorHandler((_error, _request, reply) => {
        world().trigger()
        return reply.code(429).send({})
      })
    }
  },
  'an error handler that answers by a stream': {
    at: 1,
    isRefusedFirst: true,
    source: failingAtFirst,
    application: (world, app) => {
      app.setErrorHandler((_error, _request, reply) => {
        world().trigger()
        return reply.sse(world().feed.subscribe({ from: 'earliest' }))
      })
    }
  },
  'a function that promises a subscription': {
    at: 1,
    source: ({ feed, trigger }) => async () => feed.subscribe({ from: 'earliest', where: () => { trigger(); return true } })
  }
}

const KINDS: readonly Kind[] = ['plain', 'keyed', 'merged']

for (const [place, [name, { isThorough = false, ...calls }]] of Object.entries(PLACES).entries()) {
  t.test(`${name}: whatever it calls, no event is lost or doubled`, async (t) => {
    for (const [index, [does, action]] of Object.entries(ACTIONS).entries()) {
      for (const kind of isThorough ? KINDS : KINDS.slice((place + index) % KINDS.length).slice(0, 1)) {
        await t.test(`${kind}, ${does}`, async (t) => { await check(t, await play(t, { plugin: () => ({ connectionKey }), ...calls }, kind, action)) })
      }
    }
  })
}

/** Fails before its first event, and follows the feed when its client has come back. */
function failingAtFirst ({ feed, responses }: World): unknown {
  // the default handler does not log a failure that is the client's own
  if (responses.length === 1) throw Object.assign(new Error('not now'), { statusCode: 429 })
  return feed.subscribe({ from: 'earliest' })
}

function stateOf (numbers: readonly number[]): Array<{ event: 'message', data: { n: number }, key: string }> {
  return numbers.map((n) => ({ event: 'message', data: { n }, key: 'a' }))
}
