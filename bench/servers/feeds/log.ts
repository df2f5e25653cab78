/**
 * A feed with a history, whose clients come back.
 *
 * - `number <count>`: publishes so many numbered events in one tick; answers the last number, and the id of the first
 * - `cut`: destroys the sockets of all who are connected; answers how many
 * - `streams`: answers how many streams are open
 */
import type { Socket } from 'node:net'
import { EVENT_TYPE, nextEvent } from '../event.ts'
import { application, serve } from './server.ts'

const app = await application()
const feed = app.feed('prices')
const sockets = new Set<Socket>()
let number = 0

app.server.on('connection', (socket) => {
  sockets.add(socket)
  socket.on('close', () => { sockets.delete(socket) })
})
app.get('/prices', (_request, reply) => reply.sse(feed.subscribe()))

await serve(app, () => {}, {
  number: async (count) => {
    const ids = Array.from({ length: Number(count) }, () => feed.publish({ event: EVENT_TYPE, data: { ...nextEvent().data, number: ++number } }))
    return `${number} ${await ids[0]}`
  },
  cut: () => {
    const count = sockets.size
    for (const socket of sockets) socket.destroy()
    return String(count)
  },
  streams: () => String(app.eventfeed.stats().connections)
})
