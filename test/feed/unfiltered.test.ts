/** What is published is kept as text: it is parsed when a filter or a projection asks for it, and not before. */
import t from 'tap'
import { Type } from 'typebox'
import type { LogFeed } from '../../lib/subscription/feed.ts'
import { appOf } from './listener.ts'
import { feedOf, OpenStream, turn } from './open-stream.ts'

/** In all that is published here, and in nothing else that is parsed meanwhile. */
const MARK = 'unfiltered-'

/** Events that come alone, and events that come together. */
const WAYS: Readonly<Record<string, readonly number[]>> = { alone: [1, 1, 1], 'in bursts': [4, 3], 'alone, beside bursts': [1, 4, 1, 3, 1] }

let published = 0

/** Publishes as many events in each tick. Gives how often any of them was parsed in between. */
async function parsesOf (feed: Pick<LogFeed, 'publish'>, ticks: readonly number[], key?: string): Promise<number> {
  return await counting(async () => {
    for (const count of ticks) {
      for (let left = count; left > 0; left--) feed.publish({ event: 'message', data: { mark: `${MARK}${++published}` }, key })
      await turn()
      await turn()
    }
  })
}

/** How often something that was published here is parsed while that runs. */
async function counting (run: () => void | Promise<void>): Promise<number> {
  const { parse } = JSON
  let parses = 0
  JSON.parse = (text: string, ...rest: []): unknown => {
    if (text.includes(MARK)) parses++
    return parse(text, ...rest)
  }
  try {
    await run()
  } finally {
    JSON.parse = parse
  }
  return parses
}

function sum (ticks: readonly number[]): number {
  return ticks.reduce((one, other) => one + other, 0)
}

for (const [how, ticks] of Object.entries(WAYS)) {
  t.test(`events published ${how} are not parsed where nobody filters, and take no bytes for that`, async (t) => {
    const feed = feedOf()
    t.equal(await parsesOf(feed, ticks), 0, 'nobody is there')
    const streams = [{}, { keys: ['a'] }, { keys: ['b'] }].map((options) => new OpenStream(feed.subscribe(options)))
    const stalled = new OpenStream(feed.subscribe(), { isStalled: true })
    t.equal(await parsesOf(feed, ticks, 'a'), 0)
    t.equal(await counting(() => { stalled.resume() }), 0)
    t.equal(await counting(() => { streams.push(new OpenStream(feed.subscribe({ from: 'earliest' }))) }), 0, 'nor for a replay')
    t.strictSame(streams.map(({ own }) => own.length), [sum(ticks), sum(ticks), 0, 2 * sum(ticks)])
    const { bytes } = feed.stats()
    const filtered = new OpenStream(feed.subscribe({ from: 'earliest', where: () => false }))
    t.ok(feed.stats().bytes > bytes, 'the parsed data of those that are filtered counts')
    for (const stream of [...streams, stalled, filtered]) stream.close()
  })

  t.test(`events published ${how} are parsed once, however many filters and projections look at them`, async (t) => {
    const feed = feedOf()
    const seen: unknown[] = []
    const streams = [
      { where: ({ data }: { data: unknown }) => { seen.push(data); return true } },
      { where: () => false },
      { as: ({ data }: { data: unknown }) => ({ event: 'other', data }) },
      {}
    ].map((options) => new OpenStream(feed.subscribe(options)))
    t.equal(await parsesOf(feed, ticks), sum(ticks))
    t.equal(seen.length, sum(ticks))
    t.strictSame(streams.map(({ own }) => own.length), [sum(ticks), 0, sum(ticks), sum(ticks)])
    for (const stream of streams) stream.close()
    t.equal(await parsesOf(feed, ticks), 0, 'they have left')
  })

  t.test(`events published ${how} are not parsed for a filter that is not asked about them`, async (t) => {
    const feed = feedOf()
    const ofItsKeys = new OpenStream(feed.subscribe({ keys: ['a'], where: () => true }))
    const stalled = new OpenStream(feed.subscribe({ where: () => true }), { isStalled: true })
    t.equal(await parsesOf(feed, ticks, 'b'), 0)
    t.equal(await counting(() => { stalled.resume() }), sum(ticks), 'it is asked now')
    stalled.close()
    t.equal(await parsesOf(feed, ticks, 'a'), sum(ticks))
    t.strictSame([ofItsKeys.own.length, stalled.own.length], [sum(ticks), sum(ticks)])
    ofItsKeys.close()
  })

  t.test(`events of a schema that are published ${how} are read back once, when they are published`, async (t) => {
    const app = await appOf(t)
    const feed = app.feed('checked', { events: { message: Type.Object({ mark: Type.String() }) } })
    const parses = await parsesOf(feed as Pick<LogFeed, 'publish'>, ticks) // of any event, as those without a schema
    t.equal(parses, sum(ticks))
  })
}
