/** Readers that hardly read: others do not notice, and who makes progress is not cut off. */
import t from 'tap'
import { eventually, RawClient } from '../story/raw-client.ts'
import { serve } from '../story/serve.ts'
import { buffersHeld } from './process.ts'

t.test('readers of one byte at a time keep their streams, and others get all at their own pace', async (t) => {
  let publish = async (): Promise<void> => {}
  const { app, port } = await serve(t, (app) => {
    const news = app.feed('news')
    publish = async () => { for (let n = 0; n < 20; n++) await news.publish({ event: 'n', data: 'n'.repeat(10_000) }) }
    app.get('/', (_request, reply) => reply.sse(news.subscribe()))
  })
  const slow = await Promise.all(Array.from({ length: 20 }, () => RawClient.get(t, port, '/')))
  const fast = await RawClient.get(t, port, '/')
  for (const client of [fast, ...slow]) await client.until('stream:bookmark')
  for (const { socket } of slow) {
    socket.removeAllListeners('data')
    socket.pause()
    // read by hand from here on
    socket.on('readable', () => {})
  }
  for (let round = 1; round <= 20; round++) {
    await publish()
    await eventually(() => fast.length > round * 200_000, 'the fast one has all of it')
    for (const { socket } of slow) socket.read(1)
  }
  t.equal(app.eventfeed.stats().connections, 21)
  t.notOk(slow.some(({ isClosed }) => isClosed))
})

t.test('what stalled readers of a feed hold is bounded, however much is published', async (t) => {
  let publish = async (): Promise<void> => {}
  const { app, port } = await serve(t, (app) => {
    const news = app.feed('news', { retain: { bytes: 4 * 1024 * 1024 } })
    publish = async () => { for (let n = 0; n < 100; n++) await news.publish({ event: 'n', data: 'n'.repeat(20_000) }) }
    app.get('/', (_request, reply) => reply.sse(news.subscribe()))
  })
  const stalled = await Promise.all(Array.from({ length: 20 }, () => RawClient.get(t, port, '/')))
  for (const client of stalled) {
    await client.until('stream:bookmark')
    client.stall()
  }
  const before = await buffersHeld()
  for (let round = 0; round < 20; round++) {
    await publish()
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  const held = await buffersHeld() - before
  t.ok(held < 4 * 1024 * 1024 + 20 * 300 * 1024, `${Math.round(held / 1024)} KiB are held`)
  t.equal((await app.inject('/nothing')).statusCode, 404, 'others are served')
})

t.test('a reader of one large write that makes progress outlives writeTimeoutMs; one that makes none does not', async (t) => {
  const LARGE = 16 * 1024 * 1024
  const { port, ends, log } = await serve(t, (app) => {
    app.get('/', (_request, reply) => reply.sse(['l'.repeat(LARGE)], { writeTimeoutMs: 400 }))
  })
  const slow = await RawClient.get(t, port, '/')
  const dead = await RawClient.get(t, port, '/')
  for (const client of [slow, dead]) {
    await client.until('data: l')
    client.stall()
  }
  // while the dead one waits out its time, the other takes a little, again and again
  const isOver = (): boolean => log.some(({ stream }) => stream !== undefined)
  for (let wanted = slow.length; !isOver();) {
    wanted += 256 * 1024
    slow.flow()
    await eventually(() => slow.length >= wanted || isOver() || slow.isClosed, 'a little more')
    slow.stall()
    await new Promise((resolve) => { setTimeout(resolve, 50) })
  }
  t.strictSame(await ends(1), ['write-timeout'])
  t.notOk(slow.isClosed, 'the slow one is not the one that was cut off')
  slow.flow()
  await slow.whole()
  t.ok(slow.length > LARGE)
  t.strictSame((await ends(2)).at(-1), 'done')
  dead.flow()
  await eventually(() => dead.isClosed, 'the dead one is closed')
  t.ok(dead.length < LARGE)
})
