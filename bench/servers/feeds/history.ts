/**
 * Two feeds that nobody follows: one keeps the newest 20 entries of each of 10,000 keys, the other no histories.
 *
 * - `fill`: publishes 20 small entries with each key, and as many as the log keeps with another; answers how many entries are
 *   kept by key, their bytes by the feed's account, and by how many bytes the heap has grown by the first feed, after a collection
 * - `compare <entries>`: publishes so many in each feed, in turn, each with the next key; answers the CPU time of both, in
 *   microseconds, the feed with histories first
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { application, serve } from './server.ts'

const KEYS = 10_000
const PER_KEY = 20
const BYTES = 256 * 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void // as the flag has it

const app = await application()
const withHistories = app.feed('histories', { retain: { bytes: BYTES, perKey: PER_KEY } })
const without = app.feed('plain', { retain: { bytes: BYTES } })
let number = 0

await serve(app, () => {}, {
  fill: () => fill().join(' '),
  compare: (entries) => compare(Number(entries)).join(' ')
})

function publish (feed: typeof without, key: string): void {
  feed.publish({ event: 'message', data: { number: number++, text: 'hello' }, key })
}

function fill (): number[] {
  // the plain feed is full before: what grows is the histories
  for (const feed of [without, withHistories]) for (let left = PER_KEY * KEYS; left > 0; left--) publish(feed, 'loud')
  collectGarbage()
  const before = process.memoryUsage().heapUsed
  for (let left = PER_KEY * KEYS; left > 0; left--) publish(withHistories, `key ${left % KEYS}`)
  for (let left = KEYS; left > 0; left--) publish(withHistories, 'loud')
  collectGarbage()
  const { entries, bytes } = withHistories.stats().kept
  return [entries, bytes, process.memoryUsage().heapUsed - before]
}

/** Small pieces of both in turn: what else the machine does hits both alike. */
function compare (entries: number): number[] {
  const costs = [0, 0]
  for (let left = entries; left > 0; left -= KEYS) {
    for (const [which, feed] of [withHistories, without].entries()) {
      const before = process.cpuUsage()
      for (let key = 0; key < KEYS; key++) publish(feed, `key ${(key * 7919) % KEYS}`)
      const { user, system } = process.cpuUsage(before)
      costs[which] = (costs[which] ?? 0) + user + system
    }
  }
  return costs
}
