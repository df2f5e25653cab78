/** Many deadlines on one timer. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { LONGEST_DELAY_MS } from '../lib/clock.ts'
import { Deadlines, type Deadline } from '../lib/deadlines.ts'
import { ManualClock } from './clock.ts'
import { rethrown } from './stream/rethrown.ts'

/** A deadline may come this much early, because timers count whole milliseconds. */
const EARLY_MS = 1

interface Kit {
  readonly clock: ManualClock
  readonly deadlines: Deadlines
  /** The names of the deadlines that have come, in their order. */
  readonly come: string[]
  set (name: string, delayMs: number): Deadline
}

function kit (): Kit {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock, rethrown)
  const come: string[] = []
  return { clock, deadlines, come, set: (name, delayMs) => deadlines.set(delayMs, () => { come.push(name) }) }
}

t.test('a deadline comes at its time, once', async (t) => {
  const { clock, deadlines, come, set } = kit()
  set('a', 100)
  t.equal(deadlines.size, 1)
  clock.advance(99)
  t.strictSame(come, [])
  clock.advance(1)
  t.strictSame(come, ['a'])
  t.equal(deadlines.size, 0)
  clock.advance(1000)
  t.strictSame(come, ['a'])
  t.equal(clock.timers, 0)
})

t.test('deadlines come in the order of their times, whatever the order in which they were set', async (t) => {
  const { clock, come, set } = kit()
  for (const delay of [50, 10, 40, 20, 60, 30]) set(String(delay), delay)
  clock.advance(60)
  t.strictSame(come, ['10', '20', '30', '40', '50', '60'])
})

t.test('deadlines of one moment all come in it', async (t) => {
  const { clock, come, set } = kit()
  for (const name of ['a', 'b', 'c']) set(name, 10)
  clock.advance(10)
  t.strictSame(come.sort(), ['a', 'b', 'c'])
  t.equal(clock.timersSet, 1)
})

t.test('a deadline without delay comes after the call has returned', async (t) => {
  const { clock, come, set } = kit()
  set('none', 0)
  set('negative', -5)
  t.strictSame(come, [])
  clock.advance(0)
  t.strictSame(come.sort(), ['negative', 'none'])
})

t.test('there is one timer for all deadlines', async (t) => {
  const { clock, deadlines, set } = kit()
  for (let delay = 1; delay <= 1000; delay++) set('', delay)
  t.equal(clock.timers, 1)
  for (let delay = 1000; delay >= 1; delay--) set('', delay)
  t.equal(clock.timers, 1)
  t.equal(deadlines.size, 2000)
  const timers = new Set<number>()
  for (; deadlines.size > 0; clock.advance(1)) timers.add(clock.timers)
  t.strictSame([...timers], [1], 'while any is left')
  t.equal(clock.timers, 0)
})

t.test('a later deadline sets no timer of its own', async (t) => {
  const { clock, set } = kit()
  set('first', 10)
  for (let delay = 11; delay < 100; delay++) set('later', delay)
  t.equal(clock.timersSet, 1)
})

t.test('an earlier deadline moves the timer', async (t) => {
  const { clock, come, set } = kit()
  set('late', 100)
  set('early', 10)
  t.equal(clock.nextTimerInMs, 10)
  clock.advance(10)
  t.strictSame(come, ['early'])
  t.equal(clock.nextTimerInMs, 90)
  clock.advance(90)
  t.strictSame(come, ['early', 'late'])
})

t.test('taking back the first deadline leaves the timer where it is', async (t) => {
  const { clock, come, set } = kit()
  const first = set('first', 10)
  set('second', 50)
  first.cancel()
  set('third', 60)
  t.equal(clock.timersSet, 1, 'because moving it for each would cost more than one that comes for nothing')
  clock.advance(49)
  t.strictSame(come, [])
  clock.advance(1)
  t.strictSame(come, ['second'])
})

t.test('a deadline that was taken back never comes', async (t) => {
  const { clock, deadlines, come, set } = kit()
  const first = set('first', 10)
  const second = set('second', 20)
  set('third', 30)
  second.cancel()
  first.cancel()
  t.equal(deadlines.size, 1)
  clock.advance(29)
  t.strictSame(come, [])
  clock.advance(1)
  t.strictSame(come, ['third'])
})

t.test('the timer stops when the last deadline is taken back', async (t) => {
  const { clock, set } = kit()
  const a = set('a', 10)
  const b = set('b', 20)
  a.cancel()
  t.equal(clock.timers, 1)
  b.cancel()
  t.equal(clock.timers, 0)
})

t.test('taking back twice, or after it has come, does nothing', async (t) => {
  const { clock, deadlines, come, set } = kit()
  const first = set('first', 10)
  const second = set('second', 20)
  set('third', 30)
  second.cancel()
  second.cancel()
  t.equal(deadlines.size, 2)
  clock.advance(10)
  first.cancel()
  t.equal(deadlines.size, 1)
  clock.advance(20)
  t.strictSame(come, ['first', 'third'])
})

t.test('clearing takes all deadlines back and stops the timer', async (t) => {
  const { clock, deadlines, come, set } = kit()
  const held = [10, 20, 30].map((delay) => set(String(delay), delay))
  deadlines.clear()
  t.equal(deadlines.size, 0)
  t.equal(clock.timers, 0)
  for (const deadline of held) deadline.cancel()
  deadlines.clear()
  set('anew', 15)
  for (const deadline of held) deadline.cancel()
  t.equal(deadlines.size, 1, 'and those that were cleared take nothing else back')
  clock.advance(100)
  t.strictSame(come, ['anew'])
})

t.test('a deadline may set another when it comes', async (t) => {
  const { clock, deadlines, come, set } = kit()
  deadlines.set(10, () => { come.push('first'); set('second', 10) })
  clock.advance(19)
  t.strictSame(come, ['first'])
  t.equal(clock.timers, 1)
  clock.advance(1)
  t.strictSame(come, ['first', 'second'])
  t.equal(clock.timers, 0)
})

t.test('a deadline that sets itself again for ever comes once in each of its times', async (t) => {
  const { clock, deadlines, come } = kit()
  const again = (): void => { deadlines.set(10, () => { come.push('again'); again() }) }
  again()
  clock.advance(100)
  t.equal(come.length, 10)
  t.equal(clock.timers, 1)
})

t.test('a deadline may take others back when it comes, those of the same moment too', async (t) => {
  const { clock, deadlines, come, set } = kit()
  const others: Deadline[] = []
  deadlines.set(10, () => { for (const other of others) other.cancel() })
  others.push(set('same moment', 11), set('later', 20))
  set('left', 30)
  clock.advance(100)
  t.strictSame(come, ['left'])
})

t.test('a deadline may take itself back when it comes', async (t) => {
  const { clock, deadlines, come, set } = kit()
  const own: Deadline = deadlines.set(10, () => { own.cancel() })
  set('other', 20)
  clock.advance(20)
  t.strictSame(come, ['other'])
})

t.test('a deadline may clear all when it comes', async (t) => {
  const { clock, deadlines, come, set } = kit()
  deadlines.set(10, () => { deadlines.clear() })
  set('same moment', 11)
  set('later', 20)
  clock.advance(100)
  t.strictSame(come, [])
  t.equal(clock.timers, 0)
  t.equal(deadlines.size, 0)
})

t.test('a deadline that is further away than Node can count still comes at its time', async (t) => {
  const { clock, come, set } = kit()
  set('far', LONGEST_DELAY_MS * 2.5)
  clock.advance(LONGEST_DELAY_MS * 2)
  t.strictSame(come, [])
  t.equal(clock.timers, 1)
  clock.advance(LONGEST_DELAY_MS * 0.5 - EARLY_MS - 1)
  t.strictSame(come, [])
  clock.advance(EARLY_MS + 1)
  t.strictSame(come, ['far'])
})

t.test('a deadline that never comes sets no timer', async (t) => {
  const { clock, deadlines, come, set } = kit()
  const never = set('never', Infinity)
  t.equal(clock.timers, 0)
  set('a', 10)
  clock.advance(1000)
  t.strictSame(come, ['a'])
  t.equal(clock.timers, 0)
  never.cancel()
  t.equal(deadlines.size, 0)
})

/** What a property test does to deadlines. Times are even, so that those which may come early by 1 ms are none of another moment. */
type Step =
  | { readonly kind: 'set', readonly delayMs: number }
  | { readonly kind: 'cancel', readonly which: number }
  | { readonly kind: 'advance', readonly ms: number }
  | { readonly kind: 'clear' }

const even = (max: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: max / 2 }).map((half) => half * 2)
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: fc.record({ kind: fc.constant('set' as const), delayMs: even(200) }), weight: 30 },
  { arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }), weight: 15 },
  { arbitrary: fc.record({ kind: fc.constant('advance' as const), ms: even(50) }), weight: 5 },
  { arbitrary: fc.record({ kind: fc.constant('clear' as const) }), weight: 1 }
)

t.test('deadlines come as from a sorted list, whatever was set and taken back', async (t) => {
  fc.assert(fc.property(fc.array(step, { maxLength: 150, size: 'max' }), (steps) => {
    const clock = new ManualClock()
    const deadlines = new Deadlines(clock, rethrown)
    const handles: Deadline[] = []
    /** The model: the deadlines that are set, by number, in the order of their times. */
    let model: Array<{ number: number, at: number }> = []
    const come: Array<{ number: number, at: number }> = []
    for (const step of steps) {
      if (step.kind === 'set') {
        const number = handles.length
        const at = clock.elapsed() + step.delayMs
        handles.push(deadlines.set(step.delayMs, () => { come.push({ number, at: clock.elapsed() }) }))
        model = [...model, { number, at }].sort((a, b) => a.at - b.at)
      } else if (step.kind === 'cancel' && handles.length > 0) {
        const number = step.which % handles.length
        handles[number]?.cancel()
        model = model.filter((entry) => entry.number !== number)
      } else if (step.kind === 'advance') {
        come.length = 0
        clock.advance(step.ms)
        const due = model.filter(({ at }) => at <= clock.elapsed())
        model = model.slice(due.length)
        assert.deepEqual(come.map(({ at }) => at), due.map(({ at }) => at), 'each at its own time')
        assert.deepEqual(come.map(({ number }) => number).sort(), due.map(({ number }) => number).sort(), 'each once')
      } else if (step.kind === 'clear') {
        deadlines.clear()
        model = []
      }
      assert.equal(deadlines.size, model.length)
      // the timer may be early, for one that was taken back, but it is never late
      assert.equal(clock.timers, model.length === 0 ? 0 : 1)
      assert.ok((clock.nextTimerInMs ?? 0) <= Math.max(0, (model[0]?.at ?? Infinity) - clock.elapsed()))
    }
  }), { numRuns: 500 })
  t.pass()
})
