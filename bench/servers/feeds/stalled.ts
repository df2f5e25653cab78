/**
 * A feed whose readers may stall. The socket's time-out is long, because what is asked is what a stalled one costs, not when it is cut.
 *
 * - `flood <count>`: publishes so many numbered events of 16 KiB in one tick, each with its key and its time; answers the last number
 * - `log`: answers how many bytes the log holds
 */
import { keyOf, type SlowConsumerMode } from '../../continuity.ts'
import { application, serve, setting } from './server.ts'

const TEXT = 'x'.repeat(16 * 1024)
const WRITE_TIMEOUT_MS = 600_000
const STAMP_DIGITS = 16

const { mode, retainBytes } = setting as { mode: SlowConsumerMode, retainBytes?: number } // as the workload says it
const app = await application({ writeTimeoutMs: WRITE_TIMEOUT_MS })
const feed = app.feed('prices', { slowConsumer: mode, retain: retainBytes === undefined ? undefined : { bytes: retainBytes } })
let number = 0

app.get('/prices', (_request, reply) => reply.sse(feed.subscribe()))

await serve(app, () => {}, {
  flood: (count) => {
    for (let left = Number(count); left > 0; left--) {
      number++
      feed.publish({ event: 'price', data: { number, text: TEXT, stamp: `$${stamp()}` }, key: keyOf(number) })
    }
    return String(number)
  },
  log: () => String(feed.stats().bytes)
})

/** Microseconds of the monotonic clock, which the load client reads too. */
function stamp (): string {
  return String(process.hrtime.bigint() / 1000n).padStart(STAMP_DIGITS, '0')
}
