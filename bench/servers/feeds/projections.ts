/**
 * Streams that share two projections, and beside them as many that have none.
 *
 * - `shaped <count>`, `plain <count>`: publishes so many events in one tick, for the ones or the others
 * - `calls`: answers how often a projection was called so far
 */
import type { EntryView } from 'fastify-eventfeed'
import { nextEvent } from '../event.ts'
import { application, serve } from './server.ts'

const app = await application()
const shaped = app.feed('shaped')
const plain = app.feed('plain')
let calls = 0
let opened = 0

app.get('/shaped', (_request, reply) => reply.sse(shaped.subscribe({ as: opened++ % 2 === 0 ? short : long })))
app.get('/plain', (_request, reply) => reply.sse(plain.subscribe()))

await serve(app, () => {}, {
  shaped: (count) => publish(shaped, Number(count)),
  plain: (count) => publish(plain, Number(count)),
  calls: () => String(calls)
})

function publish (feed: typeof shaped, count: number): undefined {
  for (let left = count; left > 0; left--) feed.publish({ event: 'price', data: nextEvent().data })
}

function short ({ data }: EntryView): { data: object } {
  calls++
  const { number, text } = data as { number: number, text: string } // what is published above
  return { data: { number, text } }
}

function long ({ id, at, data }: EntryView): { data: object } {
  calls++
  return { data: { ...data as object, id, at } } // what is published above
}
