/** What `publish` promises where its log takes its time, and nobody may be waiting. */
import t from 'tap'
import { MemoryLog, type EventLog, type LogDraft } from '../../lib/index.ts'
import { keptLog } from '../story/serve.ts'
import { appOf } from './listener.ts'
import { feedOf, turn } from './open-stream.ts'

/** A log whose `append` promises, and fails when it is told to. */
class LaterLog extends MemoryLog {
  fails = false
  /** By another kind of promise than Node's. */
  isForeign = false

  override append (draft: LogDraft): string {
    const promise = this.fails ? Promise.reject(new Error('the disk is full')) : Promise.resolve(super.append(draft))
    const appended = this.isForeign ? { then: promise.then.bind(promise) } : promise
    // the contract allows a promise, the class that it extends does not
    return appended as unknown as string
  }
}

t.test('a publish that fails and that nobody awaits is logged once, and does not end the process', async (t) => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => { unhandled.push(error) }
  process.on('unhandledRejection', note)
  t.teardown(() => { process.off('unhandledRejection', note) })
  const { lines, logger } = keptLog()
  const app = await appOf(t, {}, { logger })
  const log = new LaterLog()
  const feed = app.feed('numbers', { log: log as EventLog })
  for (const isForeign of [false, true]) {
    log.isForeign = isForeign
    log.fails = true
    lines.length = 0
    feed.publish({ event: 'message', data: 1 })
    await t.rejects(Promise.resolve(feed.publish({ event: 'message', data: 2 })), { message: 'the disk is full' })
    await turn()
    const errors = lines.filter(({ level }) => level === 50)
    t.strictSame(errors.map(({ err }) => err?.message), ['the disk is full', 'the disk is full'])
    t.match(errors[0]?.msg, /"numbers".*its log did not take an event/)
    log.fails = false
    t.match(await feed.publish({ event: 'message', data: 3 }), /-\d$/)
  }
  t.strictSame(unhandled, [])
  t.strictSame(feed.stats().published, 2)
})

t.test('data that ends its own feed while it is written is refused, and so is what comes later', async (t) => {
  const feed = feedOf()
  t.throws(() => { feed.publish({ event: 'message', data: { toJSON () { feed.end(); return 1 } } }) }, { code: 'FST_EVENTFEED_FEED_ENDED' })
  t.throws(() => { feed.publish({ event: 'message', data: 1 }) }, { code: 'FST_EVENTFEED_FEED_ENDED' })
  t.equal(feed.stats().published, 0)
})
