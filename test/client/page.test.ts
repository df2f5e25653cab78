/** What a page learns, on a clock that is moved by hand: each signal at each moment of a line. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { PageSignal } from '../../lib/client/environment.ts'
import { Line } from '../../lib/client/line.ts'
import type { FeedState } from '../../lib/client/index.ts'
import { ManualClock } from '../clock.ts'
import { eventually } from '../story/raw-client.ts'

/** A line to a server that gives each answer once, in a page that this test plays. */
function play (t: Test, answers: Array<() => Response | Promise<Response>>, isOffline = false) {
  const clock = new ManualClock()
  const states: FeedState[] = []
  let signal: ((signal: PageSignal) => void) | undefined
  let asked = 0
  const page = { isOffline }
  const line = new Line({
    request: async () => await answers[Math.min(asked++, answers.length - 1)]?.() ?? Response.error(),
    onEvent: () => {},
    onState: (state) => { states.push(state) },
    ready: () => undefined
  }, {
    clock,
    silenceMs: 45_000,
    maxLineLength: 1_000,
    maxAttempts: Infinity,
    firstDelayMs: 1_000,
    longestDelayMs: 30_000,
    surroundings: {
      isOffline: () => page.isOffline,
      listen (listener) {
        signal = listener
        return () => { signal = undefined }
      }
    }
  }, '')
  const running = line.run()
  t.teardown(async () => {
    line.close({ isFinal: true })
    await running
    if (clock.timers > 0 || signal !== undefined) throw new Error('a timer or a listener is left')
  })
  const settled = async (): Promise<void> => { for (let turn = 0; turn < 5; turn++) await nextTurn() }
  return {
    clock,
    states,
    page,
    asked: () => asked,
    says: async (name: PageSignal) => {
      signal?.(name)
      await settled()
    },
    passes: async (ms: number) => {
      clock.advance(ms)
      await settled()
    },
    until: async (count: number) => { await eventually(() => states.length >= count, `${count} states`) }
  }
}

const stream = (): Response => new Response(new ReadableStream(), { headers: { 'content-type': 'text/event-stream' } })
const refused = (): Response => { throw new TypeError('refused') }
const busy = (): Response => new Response(null, { status: 503, headers: { 'retry-after': '10' } })

t.test('without a network the client waits for 30 s, and comes back at once when there is one', async (t) => {
  const { passes, says, asked, until, states } = play(t, [refused], true)
  await until(1)
  t.match(states[0], { state: 'retrying', delayMs: 30_000 })
  await passes(29_999)
  t.equal(asked(), 1)
  await says('online')
  t.equal(asked(), 2)
})

t.test('who said when to come back is not asked earlier, whatever the page learns', async (t) => {
  const { passes, says, asked, until } = play(t, [busy])
  await until(1)
  for (const signal of ['online', 'awake', 'back'] as const) await says(signal)
  t.equal(asked(), 1)
  await passes(9_999)
  t.equal(asked(), 1)
  await passes(1_001)
  t.equal(asked(), 2)
})

t.test('a page whose timers are late is back as soon as it is seen', async (t) => {
  const { clock, says, asked, until } = play(t, [refused])
  await until(1)
  await says('awake')
  t.equal(asked(), 1, 'it is not due')
  clock.set(60_000)
  await says('awake')
  t.equal(asked(), 2)
})

t.test('a page that is kept aside lets go, asks nothing though its timer fires, and asks when it is back', async (t) => {
  const open = play(t, [stream])
  await open.until(1)
  await open.says('hidden-away')
  t.match(open.states[1], { state: 'retrying', delayMs: Infinity, error: { code: 'FST_EVENTFEED_CLIENT_SUSPENDED' } })
  await open.passes(3_600_000)
  for (const signal of ['online', 'awake'] as const) await open.says(signal)
  t.equal(open.asked(), 1)
  await open.says('back')
  t.equal(open.asked(), 2)
  t.strictSame(open.states.map(({ state }) => state), ['open', 'retrying', 'open'])

  for (const answer of [refused, busy]) {
    const waiting = play(t, [answer])
    await waiting.until(1)
    await waiting.says('hidden-away')
    await waiting.passes(20_000)
    t.equal(waiting.asked(), 1)
    // a clock that was set back does not matter: the time is over
    waiting.clock.set(-3_600_000)
    await waiting.says('back')
    t.equal(waiting.asked(), 2)
  }
})

t.test('a page that is put aside while it asks gives that up', async (t) => {
  const { says, asked, until, states } = play(t, [() => new Promise(() => {}), stream])
  await eventually(() => asked() === 1, 'it asks')
  await says('hidden-away')
  await until(1)
  await says('back')
  t.equal(asked(), 2)
  t.strictSame(states.map(({ state }) => state), ['retrying', 'open'])
})

t.test('an open line that was silent over a sleep is given up three seconds after it', async (t) => {
  const { clock, says, passes, asked, until, states } = play(t, [stream])
  await until(1)
  await says('online')
  t.equal(asked(), 1, 'an open line is not touched')
  clock.set(3_600_000)
  await says('awake')
  await passes(2_999)
  t.equal(states.length, 1)
  await passes(1)
  t.match(states[1], { state: 'retrying', error: { code: 'FST_EVENTFEED_CLIENT_SILENT' } })
})
