/** What runs may hold: `retain` for one, `maxBytes` for all, and what happens where that is too much. */
import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { RUN_OBJECT_BYTES } from '../../lib/defaults.ts'
import { ManualClock } from '../clock.ts'
import { OpenStream, until } from '../feed/open-stream.ts'
import { eventually } from '../story/raw-client.ts'
import { dataOf, familyOf, Script } from './family.ts'

const numbers = (count: number): Array<{ data: number }> => Array.from({ length: count }, (_, index) => ({ data: index + 1 }))
/** Of data of 1,000 characters: its text, and 300 bytes for the objects around it. */
const LARGE = 'x'.repeat(1_000)

t.test('a run that passes retain.entries fails: the last event that fits is kept, the next is not', async (t) => {
  const { runs, reported } = familyOf(t, { retain: { entries: 3 } })
  const fits = runs.start(numbers(3))
  const large = runs.start(numbers(4))
  await eventually(() => runs.stats().running === 0, 'both end')
  t.match(fits, { state: 'done', events: 3 })
  t.match(large, { state: 'failed', events: 3, error: { code: 'FST_EVENTFEED_RUN_FULL' } })
  t.strictSame(new OpenStream(runs.follow(large.id)).data, [1, 2, 3], 'its beginning is there')
  t.equal(reported.length, 1)
})

t.test('a run that passes retain.bytes fails', async (t) => {
  const { runs } = familyOf(t, { retain: { bytes: 3_000 } })
  const run = runs.start([LARGE, LARGE, LARGE])
  await eventually(() => run.state !== 'running', 'it ends')
  t.match(run, { state: 'failed', events: 2, error: { code: 'FST_EVENTFEED_RUN_FULL' } })
})

t.test('whenFull: trim drops the first events of a run, and who begins there gets a gap', async (t) => {
  const { runs } = familyOf(t, { retain: { entries: 3 }, whenFull: 'trim' })
  const run = runs.start(numbers(5))
  await eventually(() => run.state !== 'running', 'it ends')
  t.match(run, { state: 'done', events: 5 })
  const stream = new OpenStream(runs.follow(run.id))
  t.strictSame(stream.data, [3, 4, 5])
  t.match(stream.gaps, [{ reason: 'trimmed', requested: /-0$/, oldest: /-3$/ }])
  t.strictSame(stream.events.map(({ event }) => event), ['stream:gap', 'message', 'message', 'message'])
  const loop: unknown[] = []
  for await (const event of runs.follow(run.id)) loop.push(event.event)
  t.strictSame(loop, ['stream:gap', 'message', 'message', 'message'], 'a loop hears of it too')
})

for (const [skip, gaps, data] of [[0, 1, [3, 4, 5]], [1, 1, [3, 4, 5]], [2, 0, [3, 4, 5]], [3, 0, [4, 5]]] as const) {
  t.test(`skip: ${skip} of a run whose first two events were trimmed tells ${gaps} gaps`, async (t) => {
    const { runs } = familyOf(t, { retain: { entries: 3 }, whenFull: 'trim' })
    const run = runs.start(numbers(5))
    await eventually(() => run.state !== 'running', 'it ends')
    const stream = new OpenStream(runs.follow(run.id, { skip }))
    t.equal(stream.gaps.length, gaps)
    t.strictSame(stream.data, data)
  })
}

t.test('a slow stream of a run that is trimmed meanwhile learns of the gap, and goes on', async (t) => {
  const { runs } = familyOf(t, { retain: { entries: 3 }, whenFull: 'trim' })
  const script = new Script()
  const run = runs.start(script.source)
  const stream = new OpenStream(runs.follow(run.id))
  script.say({ data: 1 })
  await until(() => stream.data.length === 1, 'it has the first')
  stream.stall()
  script.say(...numbers(9).slice(1))
  await until(() => run.events === 9, 'all are said')
  stream.resume()
  await until(() => stream.data.length === 4, 'it has the rest')
  t.match(stream.gaps, [{ reason: 'lagged' }])
  t.strictSame(stream.data, [1, 7, 8, 9])
  script.end()
  await until(() => stream.source.end !== undefined, 'it ends')
  t.strictSame(stream.source.end, { kind: 'done' })
})

t.test('retain.ageMs drops what is too old, and that is a gap too', async (t) => {
  const clock = new ManualClock()
  const { runs } = familyOf(t, { clock, retain: { ageMs: 100 } })
  const script = new Script()
  const run = runs.start(script.source)
  script.say({ data: 1 })
  await until(() => run.events === 1, 'it is said')
  clock.advance(101)
  script.say({ data: 2 })
  await until(() => run.events === 2, 'it is said')
  const stream = new OpenStream(runs.follow(run.id))
  t.match([stream.gaps, stream.data], [[{ reason: 'trimmed' }], [2]])
})

t.test('all runs hold at most maxBytes: the one that would pass it fails, and the others go on', async (t) => {
  const { runs } = familyOf(t, { maxBytes: 2 * RUN_OBJECT_BYTES + 3_000 })
  const [first, second] = [new Script(), new Script()]
  const one = runs.start(first.source)
  const two = runs.start(second.source)
  first.say(LARGE, LARGE)
  await until(() => one.events === 2, 'the first has two')
  second.say(LARGE)
  await eventually(() => two.state !== 'running', 'the second fails')
  t.match(two, { state: 'failed', events: 0, error: { code: 'FST_EVENTFEED_RUNS_FULL' } })
  t.throws(() => runs.start([]), { code: 'FST_EVENTFEED_RUNS_FULL', statusCode: 503 })
  t.equal(one.state, 'running')
  t.ok(runs.stats().bytes <= 2 * RUN_OBJECT_BYTES + 3_000)
})

t.test('where events are trimmed, those of runs that ended first leave first, then those of the one that needs room', async (t) => {
  const clock = new ManualClock()
  const maxBytes = 4 * RUN_OBJECT_BYTES + 6_000
  const { runs } = familyOf(t, { clock, maxBytes, whenFull: 'trim' })
  const [old, young] = [runs.start([LARGE]), runs.start([LARGE])]
  await dataOf(runs.follow(old.id))
  await dataOf(runs.follow(young.id))
  const [first, second] = [new Script(), new Script()]
  const one = runs.start(first.source)
  const two = runs.start(second.source)
  first.say(LARGE)
  await until(() => one.events === 1, 'it is said')
  second.say(LARGE, LARGE)
  await until(() => two.events === 2, 'they are said')
  t.strictSame([old, young, one, two].map(({ id }) => new OpenStream(runs.follow(id)).own.length), [0, 1, 1, 2])
  t.match(new OpenStream(runs.follow(old.id)).gaps, [{ reason: 'trimmed', oldest: null }])
  second.say(LARGE, LARGE)
  await until(() => two.events === 4, 'they are said')
  t.strictSame([old, young, one, two].map(({ id }) => new OpenStream(runs.follow(id)).own.length), [0, 0, 1, 3])
  await turn()
  t.ok(runs.stats().bytes <= maxBytes)
})

t.test('what is cached of runs leaves before their events do', async (t) => {
  const { runs } = familyOf(t, { maxBytes: RUN_OBJECT_BYTES + 10 * 1_400 })
  const script = new Script()
  const run = runs.start(script.source)
  const streams = [new OpenStream(runs.follow(run.id)), new OpenStream(runs.follow(run.id))]
  script.say(...Array(10).fill(LARGE))
  await until(() => run.events === 10, 'all are said')
  await until(() => streams.every(({ own }) => own.length === 10), 'all are read')
  await turn()
  t.match(run, { state: 'running', events: 10 })
  t.ok(runs.stats().bytes <= RUN_OBJECT_BYTES + 10 * 1_400, `${runs.stats().bytes}`)
})

t.test('bytes are free when runs are: figures return to 0', async (t) => {
  const clock = new ManualClock()
  const { runs } = familyOf(t, { clock, keepMs: 100, whenFull: 'trim', retain: { entries: 5 } })
  for (let count = 0; count < 100; count++) runs.start(numbers(10))
  await eventually(() => runs.stats().running === 0, 'all end')
  t.match(runs.stats(), { kept: 100, entries: 500, events: 1_000 })
  clock.advance(100)
  t.match(runs.stats(), { kept: 0, entries: 0, bytes: 0, events: 1_000 })
})
