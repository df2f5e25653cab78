/**
 * Subscriptions whose `where` refuses what is published.
 *
 * - `compare <entries>`: publishes so many entries, one a turn of the event loop, and calls the same predicates as often in a bare
 *   loop, on the last view; answers the CPU time of both, in microseconds, and how many calls the feed has counted
 */
import { setImmediate } from 'node:timers/promises'
import { application, serve } from './server.ts'

type Predicate = (view: { data: unknown }) => boolean

const app = await application()
const feed = app.feed('messages')
const predicates: Predicate[] = []
let seen: { data: unknown } | undefined
let bareTaken = 0

app.get('/messages', (_request, reply) => {
  const where = predicates.length === 0 ? looking : among(predicates.length)
  predicates.push(where)
  return reply.sse(feed.subscribe({ where }))
})

await serve(app, () => {}, { compare: async (entries) => (await compare(Number(entries))).join(' ') })

async function compare (entries: number): Promise<number[]> {
  const refusedBefore = feed.stats().filtered
  const due = refusedBefore + entries * predicates.length
  const beforeFeed = process.cpuUsage()
  for (let left = entries; left > 0; left--) {
    feed.publish({ event: 'message', data: { from: 'ada', text: 'hello' } })
    await setImmediate()
  }
  const feedCpu = process.cpuUsage(beforeFeed)
  // a fan-out that took longer than a slice goes on in the next turn
  while (feed.stats().filtered < due) await setImmediate()
  const view = seen
  if (view === undefined) throw new Error('no predicate was called')
  const beforeBare = process.cpuUsage()
  for (let left = entries; left > 0; left--) {
    for (const predicate of predicates) if (predicate(view)) bareTaken++
    await setImmediate()
  }
  const bareCpu = process.cpuUsage(beforeBare)
  if (bareTaken > 0) throw new Error('a predicate has taken an entry')
  return [feedCpu.user + feedCpu.system, bareCpu.user + bareCpu.system, feed.stats().filtered - refusedBefore]
}

/** The first keeps the view, for the bare loop. */
function looking (view: { data: unknown }): boolean {
  seen = view
  return false
}

/** The filter of a chat: what one of my friends has posted. */
function among (number: number): Predicate {
  const friends = new Set([`user${number}x`, `user${number}y`])
  return ({ data }) => friends.has((data as { from: string }).from) // what is published above
}
