/**
 * Subscriptions with 50 keys of 5,000 each, such that each key has the same number of takers; and beside them a feed that is
 * followed as a whole, by as many as one key has takers, and 50 more of that kind.
 *
 * - `keyed <key>`, `keyed random`: publishes one entry with this key, or with one by chance
 * - `thirds <keys>`: publishes one entry in a third feed, whose streams follow the key `all`, and one of three others in turn;
 *   with `all`, or with those three: both reach as many streams
 * - `plain`: publishes one entry in the other feed
 * - `others`: publishes one entry in one of the 50, by chance
 * - `bare`: writes the same bytes to as many sockets by chance, without a feed: what cold sockets cost
 *
 * None is answered.
 */
import type { Socket } from 'node:net'
import { nextEvent } from '../event.ts'
import { application, serve, setting } from './server.ts'

/** The keys stand in so many groups, and each subscription has one key of each group. */
const GROUPS = 50
const KEYS_OF_GROUP = 100
const OTHERS = 50
const THIRDS = ['third-0', 'third-1', 'third-2']

const subscriptions = Number(setting.subscriptions)
const takers = subscriptions / KEYS_OF_GROUP
const app = await application()
const keyed = app.feed('keyed')
const plain = app.feed('plain')
const thirds = app.feed('thirds')
const others = Array.from({ length: OTHERS }, (_, number) => app.feed(`other-${number}`))
const groups = Array.from({ length: GROUPS }, () => shuffled(Array.from({ length: subscriptions }, (_, index) => index % KEYS_OF_GROUP)))
const sockets: Socket[] = []

app.get('/keyed', (request, reply) => {
  const number = sockets.push(request.socket) - 1
  return reply.sse(keyed.subscribe({ keys: groups.map((keys, group) => nameOf(group, keys[number] ?? 0)) }))
})
app.get('/plain', (_request, reply) => reply.sse(plain.subscribe()))
let third = 0
app.get('/thirds', (_request, reply) => reply.sse(thirds.subscribe({ keys: ['all', THIRDS[third++ % 3] ?? ''] })))
let opened = 0
app.get('/others', (_request, reply) => reply.sse((others[opened++ % OTHERS] ?? plain).subscribe()))

await serve(app, () => {}, {
  keyed: (key = '') => {
    keyed.publish({ event: 'price', data: nextEvent().data, key: key === 'random' ? nameOf(chance(GROUPS), chance(KEYS_OF_GROUP)) : key })
    return undefined
  },
  thirds: (keys = '') => {
    thirds.publish({ event: 'price', data: nextEvent().data, keys: keys === 'all' ? ['all'] : THIRDS })
    return undefined
  },
  plain: () => {
    plain.publish({ event: 'price', data: nextEvent().data })
    return undefined
  },
  others: () => {
    others[chance(OTHERS)]?.publish({ event: 'price', data: nextEvent().data })
    return undefined
  },
  bare: () => {
    const text = `event: price\ndata: ${JSON.stringify(nextEvent().data)}\nid: 0123456789-123\n\n`
    const chunk = Buffer.from(`${text.length.toString(16)}\r\n${text}\r\n`)
    for (let left = takers; left > 0; left--) sockets[chance(subscriptions)]?.write(chunk)
    return undefined
  }
})

function nameOf (group: number, key: number): string {
  return `key-${group * KEYS_OF_GROUP + key}`
}

function shuffled (items: number[]): number[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = chance(last + 1)
    const item = items[last] ?? 0
    items[last] = items[other] ?? 0
    items[other] = item
  }
  return items
}

/** A whole number from 0, below `bound`. */
function chance (bound: number): number {
  return Math.floor(Math.random() * bound)
}
