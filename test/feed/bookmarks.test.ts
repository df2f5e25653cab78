/** Bookmarks: a client whose filter or keys left everything out resumes from where the log is, not from where it last got an event. */
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { SubscribeOptions } from '../../lib/index.ts'
import { ManualClock } from '../clock.ts'
import { eventually } from '../story/raw-client.ts'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import { PagedLog } from '../contract/paged-log.ts'
import { appOf, listen, Listener } from './listener.ts'
import { feedOf, OpenStream, turn as tick, until } from './open-stream.ts'

const WAYS: Record<string, SubscribeOptions> = {
  'a filter': { where: ({ key }) => key === 'friend' },
  keys: { keys: ['friend'] },
  'event types': { events: ['friend'] },
  'keys and a filter': { keys: ['friend', 'stranger'], where: ({ key }) => key === 'friend' },
  'a projection': { as: ({ key, data }) => key === 'friend' ? { data } : undefined }
}

for (const [name, options] of Object.entries(WAYS)) {
  t.test(`a client with ${name} that got no event for an hour, while the log moved on, resumes without a gap and without a loss`, async (t) => {
    const clock = new ManualClock()
    const app = await appOf(t, { clock })
    const feed = app.feed('chat', { retain: { entries: 10 } })
    app.get('/', (_request, reply) => reply.sse(feed.subscribe(options)))
    await listen(app)
    const publish = async (data: string, key: string): Promise<string> => await feed.publish({ event: key, data, key })
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

/** With so many entries of 1 KB, one each millisecond, each of these logs turns over once. */
const TURNOVER = 240
/** Logs that turn over by count, by bytes and by age. */
const BOUNDS = [
  ['count', { entries: TURNOVER }],
  ['bytes', { bytes: TURNOVER * 1_400 }],
  ['age', { ageMs: TURNOVER }],
  ['all of them', { entries: TURNOVER, bytes: TURNOVER * 1_400, ageMs: TURNOVER }]
] as const

for (const [way, options] of Object.entries(WAYS)) {
  for (const [bound, retain] of BOUNDS) {
    t.test(`no heartbeat is needed: a client with ${way} comes back to no gap, however much of others passed, in a log bound by ${bound}`, async (t) => {
      const clock = new ManualClock()
      const feed = feedOf({ clock, retain })
      const stream = new OpenStream(feed.subscribe(options))
      const said: number[] = []
      for (let number = 0; number < 5 * TURNOVER; number++) {
        publishStranger(feed)
        clock.advance(1)
        await tick()
        said.push(bookmarksOf(stream))
        const back = new OpenStream(feed.subscribe(options), { after: stream.lastEventId })
        if (back.gaps.length > 0) t.fail(`a gap after ${number} entries: ${JSON.stringify(back.gaps)}`)
        back.close()
      }
      const most = Math.max(...said.map((count, index) => count - (said[index - TURNOVER] ?? 0)))
      t.ok(most <= 4, `${most} bookmarks while the log turned over once`)
      if (way === 'a filter' || way === 'keys') t.ok(stream.wakes <= 5 * 4, `${stream.wakes} wakes: the entries between cost nothing`)
      stream.close()
      feed.end()
      await until(() => clock.timers === 0, 'no timer is left')
    })
  }
}

t.test('a burst of one tick, or one large entry, that takes the place of the whole log is followed by a bookmark', async (t) => {
  const feed = feedOf({ retain: { entries: 100, bytes: 100_000 } })
  const stream = new OpenStream(feed.subscribe({ keys: ['friend'] }))
  for (let number = 0; number < 250; number++) publishStranger(feed, 1)
  await until(() => stream.lastEventId === headOf(feed), 'the bookmark of the burst')
  publishStranger(feed, 99_000)
  await until(() => stream.lastEventId === headOf(feed), 'the bookmark of the large entry')
  t.equal(bookmarksOf(stream), 2)
  stream.close()
})

t.test('a client that stalls is told when it reads again, and once for all that it missed of others', async (t) => {
  const feed = feedOf({ retain: { entries: 30 } })
  for (const options of Object.values(WAYS).slice(0, 3)) {
    const stream = new OpenStream(feed.subscribe(options))
    const opened = stream.events.length
    stream.stall()
    for (let number = 0; number < 25; number++) {
      publishStranger(feed, 1)
      await tick()
    }
    stream.resume()
    await until(() => stream.lastEventId === headOf(feed), 'it is told')
    t.equal(stream.events.length - opened, 1)
    stream.close()
  }
})

t.test('one that comes back to the oldest part of the log, and finds nothing there for it, is told where it stands', async (t) => {
  const feed = feedOf({ retain: { entries: 100 } })
  const ids = Array.from({ length: 300 }, () => publishStranger(feed, 1))
  const stream = new OpenStream(feed.subscribe({ keys: ['friend'] }), { after: ids[205] })
  t.strictSame([stream.gaps, stream.lastEventId], [[], ids.at(-1)])
  const newer = new OpenStream(feed.subscribe({ keys: ['friend'] }), { after: ids[290] })
  t.strictSame([newer.lastEventId, bookmarksOf(newer)], [ids[290], 0], 'one that is newer is told with all others')
  stream.close()
  newer.close()
})

t.test('on a stream of several feeds the id of such a bookmark carries the positions of all', async (t) => {
  const app = await appOf(t, { heartbeatIntervalMs: Infinity })
  const [chat, news] = [app.feed('chat', { retain: { entries: 30 } }), app.feed('news', { retain: { entries: 30 } })]
  const subscriptions = (): unknown => [chat.subscribe({ keys: ['friend'] }), news.subscribe({ where: () => false })]
  app.get('/', (_request, reply) => reply.sse(subscriptions() as never))
  await listen(app)
  const listener = await (await Listener.open(t, app, '/')).until(({ events }) => events.length >= 2)
  for (const [name, feed] of [['chat', chat], ['news', news]] as const) {
    let newest = ''
    for (let number = 0; number < 21; number++) newest = String(await feed.publish({ event: 'message', data: number, key: 'stranger' }))
    await listener.until(({ lastEventId }) => lastEventId?.includes(`${name}=`) === true && Number(lastEventId.split(`${name}=`)[1]?.split(/[-,]/)[1]) >= 20)
    t.match(listener.lastEventId, /^chat=[^,]+,news=[^,]+$/, newest)
  }
  for (let number = 0; number < 25; number++) for (const feed of [chat, news]) await feed.publish({ event: 'message', data: number, key: 'stranger' })
  await listener.until(({ lastEventId }) => lastEventId?.split(/[-,]/).filter((part) => Number(part) > 40).length === 2)
  const back = await (await Listener.open(t, app, '/', listener.lastEventId)).until(({ events }) => events.length >= 2)
  t.strictSame(back.gaps, [])
})

t.test('of a log that keeps more than its window, streams say where they stand when that log turns over, and not with each window', async (t) => {
  const KEPT = 300
  const log = new PagedLog({ retain: { entries: KEPT } })
  const feed = feedOf({ log, retain: { entries: 30 } })
  const stream = await OpenStream.begun(feed.subscribe({ keys: ['friend'] }))
  const said: number[] = []
  for (let number = 0; number < 4 * KEPT; number++) {
    await feed.publish({ event: 'message', data: number, key: 'stranger' })
    await tick()
    said.push(bookmarksOf(stream))
    const { kind } = await log.locate(stream.lastEventId ?? '')
    if (kind === 'gap') t.fail(`a gap after ${number} entries`)
  }
  const most = Math.max(...said.map((count, index) => count - (said[index - KEPT] ?? 0)))
  t.ok(most <= 4, `${most} bookmarks while the log turned over once`)
  t.ok(bookmarksOf(stream) >= 3)
  stream.close()
})

t.test('the age of an entry counts from when it was published, though its log took its time', async (t) => {
  for (const waitMs of [15, 35]) {
    const clock = new ManualClock()
    const log = new PagedLog({ retain: { ageMs: 41 }, clock })
    const feed = feedOf({ log, clock, retain: { entries: 3 } })
    const stream = await OpenStream.begun(feed.subscribe({ keys: ['friend'] }))
    const published = feed.publish({ event: 'message', data: 1, key: 'stranger' })
    clock.advance(waitMs)
    await published
    clock.advance(42 - waitMs)
    await tick()
    t.equal((await log.locate(stream.lastEventId ?? '')).kind, 'found', `${waitMs} ms`)
    stream.close()
    await feed.close()
    t.equal(clock.timers, 0)
  }
})

t.test('a log that cannot say whether it keeps a position is asked no more than that: all streams say where they stand', async () => {
  for (const fail of [() => { throw new Error('no connection') }, async () => { throw new Error('no connection') }]) {
    const log = new PagedLog({ retain: { entries: 1000 } })
    const feed = feedOf({ log, retain: { entries: 9 } })
    const stream = await OpenStream.begun(feed.subscribe({ keys: ['friend'] }))
    log.locate = fail
    for (let number = 0; number < 27; number++) await feed.publish({ event: 'message', data: number, key: 'stranger' })
    await until(() => bookmarksOf(stream) > 2, 'it is told each time')
    stream.close()
  }
})

t.test('a round of 2,000 streams is told in slices; one that ends meanwhile gets nothing more', async (t) => {
  const clock = new ManualClock()
  const feed = feedOf({ clock, retain: { entries: 30 } })
  const subscription = feed.subscribe({ keys: ['friend'] })
  const streams = Array.from({ length: 2_000 }, () => new OpenStream(subscription))
  const { elapsed } = clock
  // each look at the clock finds that the slice is over
  let looks = 0
  clock.elapsed = () => elapsed.call(clock) + 10 * looks++
  for (let number = 0; number < 20; number++) publishStranger(feed, 1)
  await tick()
  const told = streams.filter((stream) => bookmarksOf(stream) === 1).length
  t.ok(told > 0 && told < 2_000, `${told} in the first slice`)
  const leaving = streams.filter((stream) => bookmarksOf(stream) === 0).slice(-10)
  for (const stream of leaving) stream.close()
  await until(() => streams.every((stream) => leaving.includes(stream) || bookmarksOf(stream) === 1), 'all are told')
  for (const stream of leaving) t.equal(bookmarksOf(stream), 0)
  for (const stream of streams) stream.close()
})

function publishStranger (feed: LogFeed, bytes = 1_000): string {
  return String(feed.publish({ event: 'message', data: 'x'.repeat(bytes), key: 'stranger' }))
}

function headOf ({ window }: LogFeed): string {
  return window.positionBefore(window.next)
}

/** How many bookmarks came behind the first. */
function bookmarksOf ({ events }: OpenStream): number {
  return events.filter(({ event }) => event === 'stream:bookmark').length - 1
}
