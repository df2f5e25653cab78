/**
 * Another plugin has put its own `write` in the place of that of the response, or of its socket, and calls back from
 * within it, before the bytes have left: what is read by that follows them, so no event is lost, doubled, or
 * overtaken.
 */
import type { FastifyReply } from 'fastify'
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { HEARTBEAT_INTERVAL_MS } from '../../lib/defaults.ts'
import type { Feed } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'
import { ACTIONS, check, connectionKey } from './reentry-actions.ts'
import { LAST, play, type Action, type Place, type World } from './reentry-world.ts'

/** More than one thing at once: what is published is there to be read when the stream is to end. */
const MORE_ACTIONS: Readonly<Record<string, Action>> = {
  ...ACTIONS,
  'publishes, and kicks its stream': ({ app, publishNext }) => {
    publishNext()
    app.eventfeed.kick('127.0.0.1')
  },
  'publishes, and ends the feed': ({ feed, beside, publishNext }) => {
    publishNext()
    feed.end()
    beside.end()
  }
}

const OBJECTS = {
  response: ({ raw }: FastifyReply) => raw,
  socket: ({ raw }: FastifyReply) => raw.socket ?? raw
} as const

/** Calls back, and writes then. */
function calling (of: keyof typeof OBJECTS): (world: World, reply: FastifyReply) => void {
  return ({ trigger }, reply) => {
    const object = OBJECTS[of](reply)
    const { write } = object
    object.write = ((...args: unknown[]): boolean => {
      trigger()
      return Reflect.apply(write, object, args) as boolean
    }) as typeof write // it has several forms, and takes what they take
  }
}

const SOURCES: Readonly<Record<string, Place>> = {
  'a subscription': {},
  'a filtered subscription': { subscribe: () => ({ where: () => true }) },
  // the first event waits for the head; the second is ready before the first has left
  'a generator': {
    source: () => async function * ({ lastEventId = '0' }: { lastEventId?: string }) {
      for (let n = Number(lastEventId) + 1; n <= LAST; n++) {
        yield { id: n, data: { n } }
        if (n > 2) await turn()
      }
    }
  }
}

for (const of of ['response', 'socket'] as const) {
  for (const [name, source] of Object.entries(SOURCES)) {
    for (const isHeldBack of [false, true]) {
      const where = `write of the ${of}, ${name}${isHeldBack ? ', whose head is held back' : ''}`
      t.test(`${where}: whatever it calls, no event is lost or doubled`, async (t) => {
        for (const [does, action] of Object.entries(MORE_ACTIONS)) {
          for (const at of [1, 3]) {
            await t.test(`${does}, at write ${at}`, async (t) => {
              const place = { ...source, at, patch: calling(of), isHeldBack, plugin: () => ({ connectionKey }) }
              await check(t, await play(t, place, 'plain', action), source.source === undefined ? undefined : LAST)
            })
          }
        }
      })
    }
  }
}

t.test('what is published while a heartbeat is written comes after it, so its bookmark takes no client back', async (t) => {
  const clock = new ManualClock()
  let publishAndKick: (() => void) | undefined
  let feed: Feed | undefined
  const { app, port, ends } = await serve(t, (app) => {
    feed = app.feed('numbers')
    app.get('/', (_request, reply) => {
      const { socket } = reply.raw
      const { write } = socket ?? reply.raw
      Reflect.set(socket ?? reply.raw, 'write', (...args: unknown[]) => {
        publishAndKick?.()
        publishAndKick = undefined
        return Reflect.apply(write, socket, args) as boolean
      })
      return reply.sse(feed?.subscribe({ where: ({ data }) => data !== 'of others' }) ?? [])
    })
  }, { clock, connectionKey: () => 'me' })
  const client = await RawClient.get(t, port, '/')
  await client.until('stream:bookmark')
  const first = await feed?.publish({ data: 'of others' })
  // its filter is asked at the end of this tick
  await turn()
  let last: string | Promise<string> | undefined
  publishAndKick = () => {
    last = feed?.publish({ data: 'the last' })
    app.eventfeed.kick('me')
  }
  clock.advance(HEARTBEAT_INTERVAL_MS)
  await client.whole()
  t.strictSame(await ends(1), ['kick'])
  const ids = [...client.body.matchAll(/^id: ?(.+)$/gm)].map(([, id]) => id)
  t.strictSame(ids.slice(-2), [first, last], 'the bookmark, and then the event')
  t.match(client.body, /data: the last\n/)
})
