/** Lines on which nothing arrives, and machines that have slept. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import t from 'tap'
import { SilenceWatch } from '../../lib/client/silence.ts'
import { ManualClock } from '../clock.ts'
import { eventually } from '../story/raw-client.ts'
import { DONE, ends, follow, head, numbered, scripted, told } from './servers.ts'

function watched (silenceMs = 1_000): { clock: ManualClock, watch: SilenceWatch, silences: () => number } {
  const clock = new ManualClock()
  let silences = 0
  return { clock, watch: new SilenceWatch(clock, silenceMs, () => { silences++ }), silences: () => silences }
}

t.test('a line is silent after exactly so long without a byte, and that is said once', async (t) => {
  const { clock, watch, silences } = watched()
  clock.advance(600)
  watch.heard()
  clock.advance(999)
  t.equal(silences(), 0)
  clock.advance(1)
  t.equal(silences(), 1)
  clock.advance(10_000)
  t.equal(silences(), 1)
  t.equal(clock.timers, 0)
})

t.test('a byte sets no timer', async (t) => {
  const { clock, watch } = watched()
  const { timersSet } = clock
  for (let count = 0; count < 1_000; count++) watch.heard()
  t.equal(clock.timersSet, timersSet)
  watch.stop()
})

t.test('after a sleep, what waits in the socket has three seconds to arrive', async (t) => {
  const { clock, watch, silences } = watched()
  // the machine sleeps: its wall clock goes on, its timers do not
  clock.set(3_600_000)
  clock.advance(1_000)
  t.equal(silences(), 0, 'the timer was late')
  clock.advance(2_999)
  t.equal(silences(), 0)
  clock.advance(1)
  t.equal(silences(), 1)

  const woken = watched()
  woken.clock.set(3_600_000)
  woken.watch.wake()
  woken.clock.advance(2_999)
  woken.watch.heard()
  woken.clock.advance(1)
  t.equal(woken.silences(), 0, 'a byte came in time')
  woken.watch.stop()
  watch.stop()
})

t.test('a page that wakes soon changes nothing, and a clock that is set back delays at most by the whole time', async (t) => {
  const { clock, watch, silences } = watched()
  watch.wake()
  t.equal(clock.nextTimerInMs, 1_000)
  clock.set(-3_600_000)
  clock.advance(1_000)
  t.equal(clock.nextTimerInMs, 1_000)
  t.equal(silences(), 0)
  watch.heard()
  clock.advance(999)
  t.equal(silences(), 0)
  clock.advance(1)
  t.equal(silences(), 1)
})

t.test('nobody is silent who is not read', async (t) => {
  const { clock, watch, silences } = watched()
  watch.stop()
  watch.wake()
  clock.advance(10_000)
  watch.resume()
  clock.advance(999)
  t.equal(silences(), 0)
  clock.advance(1)
  t.equal(silences(), 1)
})

t.test('a server that stalls is left after 45 s, and the client goes on elsewhere; a heartbeat counts', async (t) => {
  let stalled: import('node:http').ServerResponse | undefined
  const server = await scripted(t, (response) => {
    stalled = response
    head(response).write(numbered(1))
  }, ends(`${numbered(2)}${DONE}`))
  const { feed, clock, states } = follow(t, server.url)
  const loop = feed[Symbol.asyncIterator]()
  await loop.next()
  const second = loop.next()
  // half of a multi-byte character is a byte as well
  for (const bytes of [Buffer.from(':\n'), Buffer.from([0xe2])]) {
    clock.advance(40_000)
    const { bytesWritten } = stalled?.socket ?? { bytesWritten: 0 }
    stalled?.write(bytes)
    await eventually(() => (stalled?.socket?.bytesWritten ?? 0) > bytesWritten, 'it is written')
    // the client reads it before the clock moves on
    for (let turn = 0; turn < 20; turn++) await nextTurn()
  }
  clock.advance(44_999)
  t.strictSame(told(states), ['open'])
  clock.advance(1)
  t.equal((await second).value?.data, 2)
  t.strictSame(told(states), ['open', 'retrying SILENT', 'open'])
  t.equal((await loop.next()).done, true)
})

t.test('a server that accepts and never answers is left too', async (t) => {
  const server = await scripted(t, () => {}, ends(`${numbered(1)}${DONE}`))
  const { feed, clock, states } = follow(t, server.url)
  const first = feed[Symbol.asyncIterator]().next()
  await eventually(() => server.requests.length === 1, 'it is asked')
  clock.advance(45_000)
  t.equal((await first).value?.data, 1)
  t.strictSame(told(states).slice(0, 2), ['retrying SILENT', 'open'])
})
