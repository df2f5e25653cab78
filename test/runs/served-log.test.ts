/** Runs of an application whose logs answer nothing. */
import type { FastifyInstance } from 'fastify'
import t, { type Test } from 'tap'
import { MemoryLog, type EventLog } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { appOf } from '../feed/listener.ts'
import { eventually } from '../story/raw-client.ts'

const NEVER = new Promise<never>(() => {})

/** A log in memory of which one method never answers. */
function silent (method: 'tail' | 'close'): EventLog {
  const log = new MemoryLog()
  return new Proxy(log, {
    get (target, name): unknown {
      const value: unknown = Reflect.get(target, name)
      if (name === method) return () => NEVER
      return typeof value === 'function' ? value.bind(target) : value
    }
  })
}

const DRAIN_MS = 20

/** An application, and how it is closed while time passes. */
async function closable (t: Test): Promise<{ app: FastifyInstance, close: () => Promise<void> }> {
  const clock = new ManualClock()
  const app = await appOf(t, { clock, drainTimeoutMs: DRAIN_MS })
  const close = async (): Promise<void> => {
    let hasClosed = false
    app.close().then(() => { hasClosed = true }, () => {})
    await eventually(() => {
      clock.advance(DRAIN_MS)
      return hasClosed
    }, 'it closes')
  }
  return { app, close }
}

t.test('a log of a run that never closes does not keep the application from closing, nor the feeds from being freed', async (t) => {
  const { app, close } = await closable(t)
  const runs = app.runs('answers', { log: () => silent('close') })
  const feed = app.feed('chat')
  const run = runs.start(['one'])
  await eventually(() => run.state === 'done', 'it ends')
  await close()
  t.throws(() => feed.publish({ event: 'message', data: 'late' }), { code: 'FST_EVENTFEED_LOG_CLOSED' })
})

t.test('a log of a run that never opens does not keep the application from closing', async (t) => {
  const { app, close } = await closable(t)
  const runs = app.runs('answers', { log: () => silent('tail') })
  const run = runs.start(['one'])
  runs.get('of another process').catch(() => {})
  await close()
  t.not(run.state, 'running')
})
