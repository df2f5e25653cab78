/** The watch over clients that have no socket of their own. */
import t from 'tap'
import { Deadlines } from '../../lib/deadlines.ts'
import { StallWatch } from '../../lib/stream/stall-watch.ts'
import { ManualClock } from '../clock.ts'
import { rethrown } from './rethrown.ts'

/** A watch of 1,000 ms. */
function kit (): { clock: ManualClock, deadlines: Deadlines, watch: StallWatch, told: string[], client: { taken: number, isWaiting: boolean, isGone: boolean } } {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock, rethrown)
  const told: string[] = []
  const client = { taken: 0, isWaiting: true, isGone: false }
  const watch = new StallWatch(client, { onStalled: () => { told.push('stalled') }, onGone: () => { told.push('gone') } }, 1_000, { clock, deadlines })
  return { clock, deadlines, watch, told, client }
}

t.test('a client that takes nothing is stalled after the time-out, not earlier, and once', async (t) => {
  const { clock, deadlines, watch, told } = kit()
  watch.begin()
  clock.advance(500)
  watch.begin()
  clock.advance(499)
  t.strictSame(told, [])
  clock.advance(1)
  t.strictSame(told, ['stalled'])
  t.equal(deadlines.size, 0)
})

t.test('a client that takes something within each time-out is never stalled', async (t) => {
  const { clock, watch, told, client } = kit()
  watch.begin()
  for (let times = 0; times < 20; times++) {
    clock.advance(990)
    client.taken++
  }
  t.strictSame(told, [])
  // what it took last is seen at the next sample
  clock.advance(1_199)
  t.strictSame(told, [])
  clock.advance(1)
  t.strictSame(told, ['stalled'])
})

t.test('where nothing waits the watch ends by itself, and begins again', async (t) => {
  const { clock, deadlines, watch, told, client } = kit()
  watch.begin()
  client.isWaiting = false
  clock.advance(250)
  t.equal(deadlines.size, 0, 'an idle stream has no deadline')
  clock.advance(10_000)
  client.isWaiting = true
  watch.begin()
  clock.advance(999)
  t.strictSame(told, [], 'it has the whole time again')
  clock.advance(1)
  t.strictSame(told, ['stalled'])
})

t.test('a client that is gone is found within a quarter of the time-out', async (t) => {
  const { clock, deadlines, watch, told, client } = kit()
  watch.begin()
  client.isGone = true
  clock.advance(250)
  t.strictSame(told, ['gone'])
  t.equal(deadlines.size, 0)
})

t.test('a watch that was stopped tells nothing', async (t) => {
  const { clock, deadlines, watch, told } = kit()
  watch.begin()
  watch.stop()
  watch.stop()
  clock.advance(10_000)
  t.strictSame(told, [])
  t.equal(deadlines.size, 0)
  t.equal(clock.timers, 0)
})
