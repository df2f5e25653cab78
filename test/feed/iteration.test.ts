/** `for await` over a subscription in server code. */
import t from 'tap'
import { appOf } from './listener.ts'
import { feedOf, turn } from './open-stream.ts'

t.test('a loop reads an entry when it is asked for, and not before', async (t) => {
  const feed = feedOf()
  let looked = 0
  const loop = feed.subscribe({ from: 'earliest', where: () => { looked++; return true } })[Symbol.asyncIterator]()
  for (let data = 1; data <= 5; data++) feed.publish({ event: 'message', data })
  await turn()
  t.equal(looked, 0)
  t.match(await loop.next(), { done: false, value: { event: 'message', data: 1 } })
  t.equal(looked, 1)
  t.equal(feed.stats().lag.entries.max, 4)
  await loop.return?.()
  t.equal(feed.stats().streams, 0)
})

t.test('break lets go of the feed, and so does an error in the loop', async (t) => {
  const feed = feedOf()
  for (let data = 1; data <= 3; data++) feed.publish({ event: 'message', data })
  const seen: unknown[] = []
  for await (const { data } of feed.subscribe({ from: 'earliest' })) {
    seen.push(data)
    if (data === 2) break
  }
  t.strictSame([seen, feed.stats().streams], [[1, 2], 0])
  await t.rejects(async () => { for await (const { data } of feed.subscribe({ from: 'earliest' })) if (data === 2) throw new Error('broken') }, { message: 'broken' })
  t.equal(feed.stats().streams, 0)
})

t.test('return answers a next that waits; calls of next are answered in order', async (t) => {
  const feed = feedOf()
  const loop = feed.subscribe()[Symbol.asyncIterator]()
  const asked = [loop.next(), loop.next(), loop.next(), loop.next()]
  for (const data of [1, 2]) feed.publish({ event: 'message', data })
  t.match(await Promise.all(asked.slice(0, 2)), [{ value: { data: 1 } }, { value: { data: 2 } }])
  t.strictSame(await loop.return?.(), { done: true, value: undefined })
  t.strictSame(await Promise.all(asked.slice(2)), [{ done: true, value: undefined }, { done: true, value: undefined }])
  t.strictSame(await loop.next(), { done: true, value: undefined })
  t.equal(feed.stats().streams, 0)
})

t.test('the end of the feed ends the loop behind what remains, also one of keys, and one with a filter', async (t) => {
  for (const options of [{}, { keys: ['a'] }, { where: () => true }]) {
    const feed = feedOf()
    const seen: unknown[] = []
    const loop = (async () => { for await (const { data } of feed.subscribe(options)) seen.push(data) })()
    await turn()
    for (const data of [1, 2]) feed.publish({ event: 'message', data, key: 'a' })
    feed.end()
    await loop
    t.strictSame([seen, feed.stats().streams], [[1, 2], 0])
  }
})

t.test('app.close ends the loop', async (t) => {
  const app = await appOf(t)
  const feed = app.feed('numbers')
  let isOver = false
  const loop = (async () => { for await (const event of feed.subscribe()) t.fail(`nothing was published: ${event.event}`); isOver = true })()
  await turn()
  await app.close()
  await loop
  t.ok(isOver)
})

t.test('a loop that falls behind fails in the mode disconnect, and gets a gap in the others', async (t) => {
  for (const mode of ['disconnect', 'skip', 'latest'] as const) {
    const feed = feedOf({ mode, retain: { entries: 2 } })
    const loop = feed.subscribe()[Symbol.asyncIterator]()
    const asked = loop.next()
    const ids = [1, 2, 3, 4, 5].map((data) => String(feed.publish({ event: 'message', data, key: String(data % 2) })))
    if (mode === 'disconnect') {
      const start = feed.window.positionBefore(1).replace(/\d+$/, '0')
      await t.rejects(asked, { code: 'FST_EVENTFEED_LAGGED', message: start })
      t.strictSame([await loop.next(), feed.stats().streams], [{ done: true, value: undefined }, 0])
    } else {
      t.match(await asked, { value: { event: 'stream:gap', id: mode === 'skip' ? ids[2] : /-0$/, data: { oldest: ids[3], reason: 'lagged' } } })
      t.match([await loop.next(), await loop.next()], [{ value: { data: 4 } }, { value: { data: 5 } }])
      await loop.return?.()
    }
  }
})

t.test('as, where and keys hold; each value says where it stands', async (t) => {
  const feed = feedOf()
  const options = { from: 'earliest', keys: ['a'], where: ({ data }: { data: unknown }) => data !== 1, as: ({ data }: { data: unknown }) => data === 2 ? undefined : { event: 'made', data: { data } } } as const
  const ids = [1, 2, 3].map((data) => String(feed.publish({ event: 'message', data, key: 'a' })))
  feed.publish({ event: 'message', data: 4 })
  const seen: unknown[] = []
  const loop = (async () => { for await (const event of feed.subscribe(options)) seen.push(event) })()
  feed.end()
  await loop
  t.match(seen, [{ id: ids[2], event: 'made', data: { data: 3 }, key: 'a' }])
  t.equal(seen.length, 1)
})

t.test('a loop gets a snapshot too, and one that fails fails the loop', async (t) => {
  const feed = feedOf()
  const loop = feed.subscribe({ initial: async () => [{ event: 'state', data: 1 }] })[Symbol.asyncIterator]()
  t.match(await loop.next(), { value: { event: 'state', data: 1 } })
  await loop.return?.()
  const failing = feed.subscribe({ initial: async () => { throw new Error('no database') } })[Symbol.asyncIterator]()
  await t.rejects(failing.next(), { message: 'no database' })
  t.equal(feed.stats().streams, 0)
})
