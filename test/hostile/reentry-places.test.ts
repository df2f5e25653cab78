/**
 * Whatever an application's function calls from within, its stream gets every event once, or comes back and gets the rest; nobody
 * else notices.
 */
import t, { type Test } from 'tap'
import { eventually } from '../story/raw-client.ts'
import { CallingLog, LAST, play, type Action, type Kind, type Outcome, type Place } from './reentry-world.ts'

const ACTIONS: Readonly<Record<string, Action>> = {
  'kicks its stream': ({ app }) => { app.eventfeed.kick('127.0.0.1') },
  'ends the feed': ({ feed, beside }) => {
    feed.end()
    beside.end()
  },
  'closes the application': ({ app }) => { app.close().catch(() => {}) },
  'destroys the response': ({ responses }) => { responses.at(-1)?.destroy() },
  publishes: ({ publishNext }) => { publishNext() },
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
const connectionKey = ({ url }: { url: string }): string => url === '/mine' ? '127.0.0.1' : url

/** @property isThorough tried with streams of each kind; else with one after the other */
const PLACES: Readonly<Record<string, Place & { isThorough?: boolean }>> = {
  where: { isThorough: true, at: 5, subscribe: ({ trigger }) => ({ where: () => { trigger(); return true } }) },
  'where, on replay': { at: 1, subscribe: ({ trigger }) => ({ where: () => { trigger(); return true } }) },
  'where, of the last': { at: 1, subscribe: ({ trigger }) => ({ from: { last: 100 }, where: () => { trigger(); return true } }) },
  as: { isThorough: true, at: 4, subscribe: ({ trigger }) => ({ as: ({ event, data }) => { trigger(); return { event, data } } }) },
  initial: { at: 1, subscribe: ({ trigger, published }) => ({ initial: () => { const state = stateOf(published); trigger(); return state } }) },
  'initial, later': {
    at: 1,
    subscribe: ({ trigger, published }) => ({
      initial: async ({ position }) => {
        const state = stateOf(published)
        await Promise.resolve()
        trigger()
        return { events: state, after: position }
      }
    })
  },
  'what initial returns': {
    at: 1,
    subscribe: ({ trigger, published }) => ({ initial: () => { const state = stateOf(published); return (function * () { trigger(); yield * state })() } })
  },
  onGap: { at: 1, lastEventId: 'nothing', subscribe: ({ trigger, published }) => ({ onGap: () => { const state = stateOf(published); trigger(); return state } }) },
  'a listener for gaps': { at: 1, lastEventId: 'nothing', listen: 'fastify-eventfeed:gap' },
  'a listener for lag': { at: 1, feed: () => ({ slowConsumer: 'skip', maxLagBytes: 500 }), listen: 'fastify-eventfeed:lagged' },
  'a listener for beginnings': { at: 1, listen: 'fastify-eventfeed:opened' },
  'a listener for ends': { at: 1, listen: 'fastify-eventfeed:ended', subscribe: ({ app, responses }) => ({ where: () => { if (responses.length === 1) app.eventfeed.kick('127.0.0.1'); return true } }) },
  connectionKey: { at: 5, plugin: (world) => ({ connectionKey: (request: { url: string }) => { world().trigger(); return connectionKey(request) } }) },
  'an onSend hook': { at: 1, onSend: true },
  'a getter in what is published': { at: 4, data: ({ trigger }) => (take) => ({ get n () { trigger(); return take() } }) },
  'append of the log': { at: 5, feed: (world) => ({ log: new CallingLog('append', () => { world().trigger() }) }) },
  'locate of the log': { at: 1, lastEventId: 'nothing', feed: (world) => ({ log: new CallingLog('locate', () => { world().trigger() }) }) },
  'earliest of the log': { at: 5, feed: (world) => ({ log: new CallingLog('earliest', () => { world().trigger() }) }) },
  'a function that promises a subscription': {
    at: 1,
    source: ({ feed, trigger }) => async () => feed.subscribe({ from: 'earliest', where: () => { trigger(); return true } })
  }
}

/** A source that counts on from where the client is, and calls back from within itself. */
const SOURCES: Readonly<Record<string, Place>> = {
  'next() of a generator': {
    at: 3,
    source: ({ trigger }) => ({ lastEventId }: From) => (function * () { for (let n = nextOf(lastEventId); n <= LAST; n++) { trigger(); yield { id: n, data: { n } } } })()
  },
  'next() of an async generator': {
    at: 3,
    source: ({ trigger }) => async function * ({ lastEventId }: From) { for (let n = nextOf(lastEventId); n <= LAST; n++) { trigger(); yield { id: n, data: { n } } } }
  },
  'an async generator that waits': {
    at: 3,
    source: ({ trigger }) => async function * ({ lastEventId }: From) {
      for (let n = nextOf(lastEventId); n <= LAST; n++) {
        await new Promise((resolve) => { setImmediate(resolve) })
        trigger()
        yield { id: n, data: { n } }
      }
    }
  },
  'toJSON of what is yielded': {
    at: 3,
    source: ({ trigger }) => ({ lastEventId }: From) => (function * () {
      for (let n = nextOf(lastEventId); n <= LAST; n++) yield { id: n, data: { toJSON () { trigger(); return { n } } } }
    })()
  },
  'a getter of what is yielded, later': {
    at: 3,
    source: ({ trigger }) => async function * ({ lastEventId }: From) {
      for (let n = nextOf(lastEventId); n <= LAST; n++) yield { get id () { trigger(); return n }, data: { n } }
    }
  },
  'a listener for the abort': {
    at: 1,
    source: ({ app, responses, trigger }) => async function * ({ lastEventId, signal }: From) {
      signal.addEventListener('abort', trigger)
      for (let n = nextOf(lastEventId); n <= LAST; n++) {
        if (n === 5 && responses.length === 1) app.eventfeed.kick('127.0.0.1')
        yield { id: n, data: { n } }
      }
    }
  },
  'return() of a generator': {
    at: 1,
    source: ({ app, responses, trigger }) => ({ lastEventId }: From) => (function * () {
      try {
        for (let n = nextOf(lastEventId); n <= LAST; n++) {
          if (n === 5 && responses.length === 1) app.eventfeed.kick('127.0.0.1')
          yield { id: n, data: { n } }
        }
      } finally { trigger() }
    })()
  },
  'a function that gives a source': {
    at: 1,
    source: ({ trigger }) => ({ lastEventId }: From) => {
      trigger()
      return (function * () { for (let n = nextOf(lastEventId); n <= LAST; n++) yield { id: n, data: { n } } })()
    }
  }
}

interface From { lastEventId: string | undefined, signal: AbortSignal }

const KINDS: readonly Kind[] = ['plain', 'keyed', 'merged']

for (const [place, [name, { isThorough = false, ...calls }]] of Object.entries(PLACES).entries()) {
  t.test(`${name}: whatever it calls, no event is lost or doubled`, async (t) => {
    for (const [index, [does, action]] of Object.entries(ACTIONS).entries()) {
      for (const kind of isThorough ? KINDS : KINDS.slice((place + index) % KINDS.length).slice(0, 1)) {
        await t.test(`${kind}, ${does}`, async (t) => { await check(t, await play(t, { plugin: () => ({ connectionKey }), ...calls }, kind, action)) })
      }
    }
  })
}

for (const [name, place] of Object.entries(SOURCES)) {
  t.test(`${name}: whatever it calls, its stream can go on`, async (t) => {
    for (const [does, action] of Object.entries(ACTIONS)) {
      await t.test(does, async (t) => { await check(t, await play(t, { plugin: () => ({ connectionKey }), ...place }, 'plain', action), LAST) })
    }
  })
}

/** @param last the last number of a source that counts by itself */
async function check (t: Test, { mine, others, refusing, published, log, isFired, isOver, isClosed, app, feed }: Outcome, last?: number): Promise<void> {
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
  t.strictSame(log.filter(({ level }) => level >= 50).map(({ msg, err }) => `${msg}: ${err?.stack ?? ''}`), [])
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

function stateOf (numbers: readonly number[]): Array<{ event: 'message', data: { n: number }, key: string }> {
  return numbers.map((n) => ({ event: 'message', data: { n }, key: 'a' }))
}

function nextOf (lastEventId: string | undefined): number {
  return lastEventId === undefined ? 1 : Number(lastEventId) + 1
}

/** Only a subscription with keys has something to follow. */
function attempt (run: () => void): void {
  try {
    run()
  } catch { /* it has none */ }
}
