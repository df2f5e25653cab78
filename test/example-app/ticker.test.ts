import type { AddressInfo } from 'node:net'
import t from 'tap'
import { RawClient, eventually } from '../story/raw-client.ts'
import { listen, openApp, read, type Reading } from './app.ts'
import { Beat } from './beat.ts'

/** So many shares there are. */
const SHARES = 10
/** So many prices the feed keeps. */
const RETAINED_PRICES = 1_000

const pricesOf = (events: ReadonlyArray<{ data: string }>) => events.map(({ data }) => JSON.parse(data) as { symbol: string, price: number })
const untilBookmark = async (stream: Reading) => {
  const events = [await stream.next()]
  while (events.at(-1)?.event !== 'stream:bookmark') events.push(await stream.next())
  return events
}

const pricesBehindGap = ({ body }: RawClient) => {
  const [, ...behind] = body.slice(Math.max(0, body.indexOf('event: stream:gap'))).split('\n\n')
  return pricesOf(behind.filter((block) => block.startsWith('event: price')).map((block) => ({ data: /^data: (.*)$/m.exec(block)?.[1] ?? '' })))
}

t.test('a first connect begins with the newest price of each share, without ids, and a bookmark behind them', async (t) => {
  const beat = new Beat()
  const { origin } = await listen(t, { market: beat })
  const first = await read(t, `${origin}/ticker/events`)
  const opening = await untilBookmark(first)
  t.equal(opening.length, SHARES + 1)
  for (const { id } of opening.slice(0, SHARES)) t.equal(id, undefined)
  t.match(opening.at(-1), { event: 'stream:bookmark', id: /./ })
  const start = pricesOf(opening.slice(0, SHARES))
  t.same(Object.keys(start[0] ?? {}), ['symbol', 'name', 'price', 'change'])

  beat.move()
  const moved = await first.take(SHARES)
  for (const [index, price] of pricesOf(moved).entries()) t.ok(price.price > (start[index]?.price ?? NaN), price.symbol)

  const second = await untilBookmark(await read(t, `${origin}/ticker/events`))
  t.same(pricesOf(second.slice(0, SHARES)), pricesOf(moved), 'who comes later begins with the newest')
  t.equal(second.at(-1)?.id, moved.at(-1)?.id, 'and stands where they stand')
})

t.test('a client that was cut gets what it missed, and no snapshot', async (t) => {
  const beat = new Beat()
  const { app, origin } = await listen(t, { market: beat })
  // the timer of the first would stop with it
  await untilBookmark(await read(t, `${origin}/ticker/events`))
  const cut = await read(t, `${origin}/ticker/events?stream=mine`)
  const id = (await untilBookmark(cut)).at(-1)?.id ?? ''
  t.equal((await app.inject({ method: 'POST', url: '/cut?stream=mine' })).statusCode, 204)
  await t.rejects(cut.next())
  beat.move()
  beat.move()
  const back = await read(t, `${origin}/ticker/events`, { 'last-event-id': id })
  t.match(await back.next(), { event: 'stream:bookmark', id })
  const missed = await back.take(2 * SHARES)
  t.equal(new Set(missed.map((event) => event.id)).size, 2 * SHARES)
})

t.test('the timer runs while somebody reads, and stops with the application', async (t) => {
  const beat = new Beat()
  const { app, origin } = await listen(t, { market: beat })
  t.equal(beat.running, 0)
  const [one, two] = await Promise.all([read(t, `${origin}/ticker/events`), read(t, `${origin}/ticker/events`)])
  t.equal(beat.running, 1)
  one.close()
  await eventually(() => app.eventfeed.stats().connections === 1, 'the first has left')
  t.equal(beat.running, 1)
  two.close()
  await eventually(() => beat.running === 0, 'the last has left')
  await read(t, `${origin}/ticker/events`)
  t.equal(beat.running, 1)
  await app.close()
  t.equal(beat.running, 0)
})

t.test('with its own timer the prices move, and nothing is left behind', async (t) => {
  const { origin } = await listen(t)
  const stream = await read(t, `${origin}/ticker/events`)
  await untilBookmark(stream)
  t.equal((await stream.take(1))[0]?.event, 'price')
})

t.test('a reader that stalls is told of the gap, and gets the newest price of each share', async (t) => {
  const beat = new Beat()
  const { app } = await listen(t, { market: beat })
  // A server that listens on a TCP port has no string for an address.
  const { port } = app.server.address() as AddressInfo
  const client = await RawClient.get(t, port, '/ticker/events')
  await client.until('stream:bookmark')
  client.stall()
  const behind = () => app.eventfeed.stats().feeds.ticker?.lag.entries.max ?? 0
  const go = async () => {
    for (let count = 0; count < 10; count++) beat.move()
    await new Promise((resolve) => { setImmediate(resolve) })
  }
  // until the kernel takes no more for it and the log is full of what it has not got; then until the log has none of that
  while (behind() < RETAINED_PRICES) await go()
  for (let count = 0; count < RETAINED_PRICES; count += 10 * SHARES) await go()
  const newest = await read(t, `http://127.0.0.1:${port}/ticker/events`)
  const expected = pricesOf((await untilBookmark(newest)).slice(0, SHARES))
  client.flow()
  await client.until('"lagged"')
  await eventually(() => pricesBehindGap(client).length >= SHARES, 'the newest prices behind the gap')
  t.same(pricesBehindGap(client), expected, 'each once, and it is the newest')
  t.match(app.eventfeed.stats(), { feeds: { ticker: { lagged: 1, gaps: 1 } }, ended: { lagged: 0 } })
})

t.test('a stream id that is too long is refused by name', async (t) => {
  const app = await openApp(t)
  const response = await app.inject(`/ticker/events?stream=${'x'.repeat(65)}`)
  t.equal(response.statusCode, 400)
  t.match(response.json().message, /^querystring\/stream /)
})
