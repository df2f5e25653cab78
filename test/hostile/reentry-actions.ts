/** What is called from within, and what must hold whatever that is. */
import type { Test } from 'tap'
import { eventually } from '../story/raw-client.ts'
import type { Action, Outcome } from './reentry-world.ts'

export const ACTIONS: Readonly<Record<string, Action>> = {
  'kicks its stream': ({ app }) => { app.eventfeed.kick('127.0.0.1') },
  'ends the feed': ({ feed, beside }) => {
    feed.end()
    beside.end()
  },
  'closes the application': ({ app }) => { app.close().catch(() => {}) },
  'destroys the response': ({ responses }) => { responses.at(-1)?.destroy() },
  publishes: ({ publishNext }) => { publishNext() },
  'begins another stream': ({ beginAnother }) => { beginAnother() },
  'follows a key': ({ subscriptions }) => { for (const subscription of subscriptions) attempt(() => { subscription.follow('b') }) },
  'follows no key any more, and then again': ({ subscriptions }) => {
    for (const subscription of subscriptions) {
      attempt(() => {
        subscription.unfollow('c')
        subscription.follow('c')
      })
    }
  },
  'opens a loop, and leaves it': ({ feed }) => { feed.subscribe({ from: 'earliest' })[Symbol.asyncIterator]().return?.().catch(() => {}) },
  'asks for figures': ({ app }) => { app.eventfeed.stats() }
}

/** Its own stream alone is kicked: the others have other keys. */
export const connectionKey = ({ url }: { url: string }): string => url === '/mine' ? '127.0.0.1' : url

/** @param last the last number of a source that counts by itself */
export async function check (t: Test, { mine, others, refusing, published, log, isFired, isRefusedFirst, isOver, isClosed, app, feed }: Outcome, last?: number): Promise<void> {
  t.ok(isFired, 'the place was reached')
  const all = (): number => published.length
  for (const follower of [mine, ...others]) {
    const expected = follower === mine && last !== undefined ? () => last : all
    if (follower === mine && isOver && last !== undefined) {
      await eventually(() => mine.isOver || mine.numbers.length >= last, 'the source is over')
    } else if (isOver) await eventually(() => follower.isOver, `the client stays away: ${JSON.stringify(follower.got)}`)
    else await eventually(() => follower.numbers.at(-1) === expected(), `${JSON.stringify(follower.got)} end with ${expected()}`)
    checkOrder(t, follower.got)
    if (follower.got.includes('gap')) continue
    // when it came back, the feed had ended and all others had left: nothing of it is kept
    if (follower === mine && isRefusedFirst && isOver && mine.got.length === 0) continue
    const numbers = Array.from({ length: expected() }, (_, index) => index + 1)
    // an application that has closed need not have said all; what it has said has no hole
    t.strictSame(follower.numbers, isClosed ? numbers.slice(0, follower.numbers.length) : numbers)
  }
  // what a filter refuses never arrives
  for (const { numbers } of refusing) t.strictSame(numbers, [])
  // a feed that has ended says all it has, and nobody but the one is cut
  if (!isOver) {
    for (const { connects } of others) t.equal(connects, 1)
    await eventually(() => feed.stats().streams === app.eventfeed.stats().connections, 'the feed has no stream but those that are open')
  }
  // a log that takes its time may be closed before it has taken the last
  const isLate = (msg: string): boolean => isClosed && msg.includes('its log did not take an event')
  t.strictSame(log.filter(({ level, msg }) => level >= 50 && !isLate(msg)).map(({ msg, err }) => `${msg}: ${err?.stack ?? ''}`), [])
  await app.close()
  t.equal(app.eventfeed.stats().connections, 0)
}

/** Each once and in order, and no hole that was not told. */
function checkOrder (t: Test, got: Outcome['mine']['got']): void {
  let before = 0
  let isGap = false
  for (const item of got) {
    if (item === 'gap') isGap = true
    else {
      if (item !== before + 1 && !(isGap && item > before)) t.fail(`${item} does not follow ${before} in ${JSON.stringify(got)}`)
      before = item
      isGap = false
    }
  }
}

/** Only a subscription with keys has something to follow. */
function attempt (run: () => void): void {
  try {
    run()
  } catch { /* it has none */ }
}
