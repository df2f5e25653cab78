/**
 * A feed with very many followers, and a watch on the event loop.
 *
 * - `watch`: begins to take the delay of the event loop
 * - `watched`: ends that; answers its 99th percentile and its worst, in microseconds
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { application, serve } from './server.ts'

const app = await application()
const feed = app.feed('prices')
const delay = monitorEventLoopDelay({ resolution: 1 })

app.get('/prices', (_request, reply) => reply.sse(feed.subscribe()))

await serve(app, ({ event, data }) => { feed.publish({ event, data }) }, {
  watch: () => {
    delay.reset()
    delay.enable()
    return ''
  },
  watched: () => {
    delay.disable()
    return [delay.percentile(99), delay.max].map((nanoseconds) => Math.round(nanoseconds / 1000)).join(' ')
  }
})
