/**
 * Rooms, and one feed for as many streams.
 *
 * - `open <count>`: opens so many rooms to which nobody comes; answers the microseconds of each
 * - `pass <count>`: opens so many rooms, each of which is freed at once; answers the microseconds of each, how many are left,
 *   and by how many bytes the heap has grown
 */
import { setTimeout } from 'node:timers/promises'
import { EVENT_TYPE } from '../event.ts'
import { application, serve } from './server.ts'

/** So many are opened before timers may run. */
const AT_ONCE = 5_000
/** Longer than it takes to free the last of them. */
const FREED_MS = 100

const app = await application()
// a schema as TypeBox makes it, which is not there where this runs
const events = { [EVENT_TYPE]: { type: 'object', properties: { text: { type: 'string' } } } }
const rooms = app.feeds('room', { events, maxOpen: Infinity })
const short = app.feeds('short', { events, maxOpen: Infinity, freeWhenIdleMs: 0 })
let opened = 0

app.get('/rooms', (_request, reply) => reply.sse(async () => (await rooms.open(`${opened++}`)).subscribe()))
app.get('/alone', (_request, reply) => reply.sse(async () => (await rooms.open('one')).subscribe()))

await serve(app, () => {}, {
  open: async (count) => {
    const began = performance.now()
    for (let left = Number(count); left > 0; left--) await rooms.open(`${opened++}`)
    return String((performance.now() - began) * 1000 / Number(count))
  },
  pass: async (count) => {
    const before = heldBytes()
    const began = performance.now()
    for (let left = Number(count); left > 0; left--) {
      await short.open(`${opened++}`)
      if (left % AT_ONCE === 0) await setTimeout(1)
    }
    const microseconds = (performance.now() - began) * 1000 / Number(count)
    await setTimeout(FREED_MS)
    return `${microseconds} ${short.size} ${heldBytes() - before}`
  }
})

function heldBytes (): number {
  for (let round = 0; round < 3; round++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}
