/** Bookmarks: a client whose filter or keys left everything out resumes from where the log is, not from where it last got an event. */
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { SubscribeOptions } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { eventually } from '../story/raw-client.ts'
import { appOf, listen, Listener } from './listener.ts'

const WAYS: Record<string, SubscribeOptions> = {
  'a filter': { where: ({ key }) => key === 'friend' },
  keys: { keys: ['friend'] },
  'keys and a filter': { keys: ['friend', 'stranger'], where: ({ key }) => key === 'friend' }
}

for (const [name, options] of Object.entries(WAYS)) {
  t.test(`a client with ${name} that got no event for an hour, while the log moved on, resumes without a gap and without a loss`, async (t) => {
    const clock = new ManualClock()
    const app = await appOf(t, { clock })
    const feed = app.feed('chat', { retain: { entries: 10 } })
    app.get('/', (_request, reply) => reply.sse(feed.subscribe(options)))
    await listen(app)
    const publish = async (data: string, key: string): Promise<string> => await feed.publish({ event: 'message', data, key })
    const quiet = await (await Listener.open(t, app, '/')).opening()
    let newest = ''
    for (let minute = 0; minute < 60; minute++) {
      for (let count = 0; count < 5; count++) newest = await publish(`stranger ${minute}`, 'stranger')
      // the fan-out of what was published, and the heartbeats behind it
      await turn()
      clock.advance(60_000)
      await eventually(() => { clock.advance(1_000); return quiet.lastEventId === newest }, 'a bookmark tells where the log is')
    }
    t.strictSame(quiet.own, [])
    quiet.leave()
    await publish('stranger', 'stranger')
    await publish('hello', 'friend')
    const back = await (await Listener.open(t, app, '/', quiet.lastEventId)).count(1)
    t.strictSame(back.gaps, [])
    t.strictSame(back.own.map(({ data }) => data), ['hello'])
  })
}

t.test('a stream that got all there is says no bookmark on its heartbeats', async (t) => {
  const clock = new ManualClock()
  const app = await appOf(t, { clock })
  const feed = app.feed('chat')
  app.get('/', (_request, reply) => reply.sse(feed.subscribe({ keys: ['a'] })))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).opening()
  await feed.publish({ event: 'message', data: 1, key: 'a' })
  await listener.count(1)
  clock.advance(60_000)
  await listener.until(({ text }) => text.endsWith(':\n'))
  t.equal(listener.control('bookmark').length, 1, 'the first')
})
