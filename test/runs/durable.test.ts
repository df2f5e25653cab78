/** Runs that outlive their process: what their logs keep, and what is found when these are opened again. */
import t, { type Test } from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { MemoryLog, type EventLog } from '../../lib/index.ts'
import type { Retention } from '../../lib/log/retention.ts'
import type { RunsOptions } from '../../lib/runs/options.ts'
import { ManualClock } from '../clock.ts'
import { History } from '../contract/history.ts'
import { PagedLog, PagedStore } from '../contract/paged-log.ts'
import { Storage, StoredLog, diskFull } from '../contract/stored-reference.ts'
import { OpenStream, until } from '../feed/open-stream.ts'
import { eventually } from '../story/raw-client.ts'
import { all, dataOf, familyOf, Script } from './family.ts'

/** Where the logs of runs are kept, beyond the process that writes them. */
interface Place {
  readonly log: (id: string) => EventLog
  /** The processes that have opened a log die. */
  readonly die: () => void
  /** The logs that were opened. */
  readonly opened: Map<string, EventLog[]>
}

type Make = (clock: ManualClock, retain?: Partial<Retention>) => Place

/** A place of logs that are made of what is kept for each id. */
function placeOf<Kept, Log extends EventLog> (make: () => Kept, open: (kept: Kept) => Log, die: (log: Log) => void): Place {
  const kept = new Map<string, Kept>()
  const opened = new Map<string, Log[]>()
  return {
    opened,
    log: (id) => {
      const store = kept.get(id) ?? make()
      kept.set(id, store)
      const log = open(store)
      opened.set(id, [...opened.get(id) ?? [], log])
      return log
    },
    die: () => { for (const log of [...opened.values()].flat()) die(log) }
  }
}

const PLACES: Record<string, Make> = {
  'a log that one process has': (clock, retain = {}) => placeOf(() => new Storage(new History(retain, clock), false), (storage) => new StoredLog(storage), (log) => { log.kill() }),
  'a log that several processes share': (clock, retain) => placeOf(() => new PagedStore({ retain, clock }), (store) => new PagedLog({ store, clock }), (log) => { log.close().catch(() => {}) })
}

const numbers = (count: number): Array<{ data: number }> => Array.from({ length: count }, (_, index) => ({ data: index + 1 }))

for (const [what, make] of Object.entries(PLACES)) {
  t.test(what, async (t) => {
    /** A process, as far as runs are one. */
    const start = (t: Test, place: Place, clock: ManualClock, options: RunsOptions = {}): ReturnType<typeof familyOf> => familyOf(t, { clock, log: place.log, ...options })

    t.test('a run that is over is found again by another process, with its tag, its outcome and all of its events', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const first = start(t, place, clock)
      const done = first.runs.start(async function * () { yield * numbers(3); return { tokens: 3 } }, { tag: { user: 'ada' } })
      const script = new Script()
      const stopped = first.runs.start(script.source, { id: 'stopped' })
      const failed = first.runs.start(() => { throw Object.assign(new Error('no'), { code: 'NO' }) }, { tag: 'f' })
      script.say({ data: 1 })
      await eventually(() => first.runs.stats().running === 1 && stopped.events === 1, 'the others end')
      clock.advance(5)
      await first.runs.stop('stopped', 'user')
      const before = [done, stopped, failed].map((run) => JSON.stringify({ ...run }))
      await first.runs.close()

      const { runs, reported } = start(t, place, clock)
      t.strictSame(runs.list(), [])
      const found = await Promise.all([done, stopped, failed].map(({ id }) => runs.get(id)))
      t.strictSame(found.map((run) => JSON.stringify({ ...run })), before)
      t.strictSame(await dataOf(runs.follow(done.id)), [1, 2, 3])
      t.strictSame(await dataOf(runs.follow(done.id, { skip: 2 })), [3])
      t.strictSame(await dataOf(runs.follow('stopped')), [1])
      await t.rejects(dataOf(runs.follow(failed.id)), { code: 'FST_EVENTFEED_RUN_FAILED' })
      const stream = new OpenStream(runs.follow('stopped'))
      await until(() => stream.source.end !== undefined, 'it ends')
      t.strictSame(stream.source.end, { kind: 'done', reason: 'user' })
      t.equal(await runs.stop('stopped', 'again'), found[1], 'what is over stays as it is')
      t.equal(found[1]?.reason, 'user')
      t.strictSame(reported, [])
    })

    t.test('a run whose process died is lost: failed for good, with its tag and what it has said', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const first = start(t, place, clock)
      const script = new Script()
      const { id } = first.runs.start(script.source, { tag: 'ada' })
      script.say(...numbers(3))
      await eventually(() => first.runs.list()[0]?.events === 3, 'all are kept')
      const { startedAt } = await first.runs.get(id)
      const stream = new OpenStream(first.runs.follow(id))
      await until(() => stream.data.length === 3, 'it is followed')
      place.die()
      clock.advance(50)

      const { runs } = start(t, place, clock)
      const run = await runs.get(id)
      t.match(run, { id, tag: 'ada', state: 'failed', error: { code: 'lost' }, events: 3, startedAt, endedAt: clock.now() })
      const again = new OpenStream(runs.follow(id), { after: stream.own[1]?.id })
      await until(() => again.source.end !== undefined, 'it ends')
      t.strictSame(again.data, [3], 'a client goes on where it was')
      t.match(again.source.end, { kind: 'failed', code: 'FST_EVENTFEED_RUN_FAILED', isFinal: true })
      t.strictSame(again.gaps, [])
      await runs.close()

      const third = start(t, place, clock)
      clock.advance(50)
      t.match(await third.runs.get(id), { state: 'failed', error: { code: 'lost' }, events: 3, endedAt: Number(run.endedAt) }, 'it is found only once')
    })

    t.test('an id without history is unknown, and nothing of it stays open', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const { runs } = start(t, place, clock)
      for (const refused of [() => runs.get('a'), () => runs.stop('a'), () => dataOf(runs.follow('a'))] as Array<() => Promise<unknown>>) {
        await t.rejects(refused, { code: 'FST_EVENTFEED_UNKNOWN_RUN', statusCode: 404 })
      }
      await Promise.all(Array.from({ length: 5 }, () => t.rejects(runs.get('b'), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })))
      t.equal(place.opened.get('b')?.length, 1, 'who asks at once asks the log once')
      await t.rejects(runs.get('a,b'), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })
      t.notOk(place.opened.has('a,b'), 'what is no id is asked of no log')
      const run = runs.start(['x'], { id: 'a' })
      t.strictSame(await dataOf(runs.follow('a')), ['x'])
      t.equal(run.state, 'done')
    })

    t.test('keepMs counts from the end, over all processes; then the history is deleted', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const first = start(t, place, clock, { keepMs: 1_000 })
      const { id } = first.runs.start(['a'])
      await eventually(() => first.runs.stats().running === 0, 'it ends')
      await first.runs.close()
      clock.advance(600)
      const second = start(t, place, clock, { keepMs: 1_000 })
      t.equal((await second.runs.get(id)).state, 'done')
      clock.advance(400)
      await t.rejects(Promise.resolve().then(() => second.runs.get(id)), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })
      await second.runs.close()
      const third = start(t, place, clock, { keepMs: Infinity })
      await t.rejects(third.runs.get(id), { code: 'FST_EVENTFEED_UNKNOWN_RUN' }, 'it is gone from the log')
    })

    t.test('a run that was over for longer than keepMs is unknown, and its history deleted', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const first = start(t, place, clock)
      const { id } = first.runs.start(['a'])
      await eventually(() => first.runs.stats().running === 0, 'it ends')
      await first.runs.close()
      clock.advance(2_000)
      const second = start(t, place, clock, { keepMs: 1_000 })
      await t.rejects(second.runs.get(id), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })
      t.match(second.runs.stats(), { kept: 0, bytes: 0 })
      await second.runs.close()
      const third = start(t, place, clock, { keepMs: Infinity })
      await t.rejects(third.runs.get(id), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })
    })

    t.test('the id of a run that is over may be given again: what the log has of it is deleted', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const first = start(t, place, clock)
      first.runs.start(['old'], { id: 'a', tag: 'old' })
      t.strictSame(await dataOf(first.runs.follow('a')), ['old'])
      first.runs.start(['newer'], { id: 'a', tag: 'newer' })
      t.strictSame(await dataOf(first.runs.follow('a')), ['newer'])
      await first.runs.close()
      const second = start(t, place, clock)
      second.runs.start(['newest'], { id: 'a', tag: 'newest' })
      t.throws(() => second.runs.start([], { id: 'a' }), { code: 'FST_EVENTFEED_RUN_EXISTS' })
      t.strictSame(await dataOf(second.runs.follow('a')), ['newest'])
      await second.runs.close()
      const third = start(t, place, clock)
      t.match(await third.runs.get('a'), { tag: 'newest', events: 1 })
      // while it is looked up
      const fourth = start(t, place, clock)
      await third.runs.close()
      const looking = fourth.runs.get('a').catch((error: unknown) => error)
      await turn()
      const run = fourth.runs.start(['last'], { id: 'a' })
      await looking
      t.strictSame(await dataOf(fourth.runs.follow('a')), ['last'])
      t.equal(await fourth.runs.get('a'), run)
    })

    t.test('a new run with the id of one that is still read cuts its streams, which learn of the gap, and fails its loops', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const { runs } = start(t, place, clock)
      const others = new Script()
      runs.start(others.source, { id: 'b' })
      runs.start(numbers(3), { id: 'a' })
      await eventually(() => runs.stats().ended.done === 1 && others.given !== undefined, 'one is over, and the other goes on')
      const several = new OpenStream(runs.follow(['a', 'b']), { isStalled: true })
      const loop = runs.follow('a')[Symbol.asyncIterator]()
      t.match(await loop.next(), { value: { data: 1 } })
      await until(() => several.read(1, 1) > 0 && several.data.length === 1, 'the stream has begun')
      const newer = new Script()
      runs.start(newer.source, { id: 'a' })
      several.resume()
      t.match(several.source.end, { kind: 'drain' }, 'it is no end of the runs')
      await t.rejects(async () => { while ((await loop.next()).done !== true); }, { code: 'FST_EVENTFEED_LOG_CLOSED' })
      const after = several.lastEventId
      several.close()
      newer.say(...numbers(2))
      const again = new OpenStream(runs.follow(['a', 'b']), { after })
      await until(() => again.data.length === 2, 'the new run comes')
      t.match(again.gaps, [{ feed: 'a' }])
      t.strictSame(again.data, [1, 2])
    })

    t.test('what is skipped does not come to who has the position of an event that is to be skipped', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const first = start(t, place, clock)
      const script = new Script()
      const run = first.runs.start(script.source)
      script.say(...numbers(2))
      await until(() => run.events === 2, 'two are said')
      const early = new OpenStream(first.runs.follow(run.id, { skip: 4 }))
      await until(() => early.lastEventId !== undefined, 'it has begun')
      early.close()
      script.say(...numbers(6).slice(2)).end()
      await until(() => run.state === 'done', 'it ends')
      await first.runs.close()
      const { runs } = start(t, place, clock, { retain: { entries: 1 } })
      const stream = new OpenStream(runs.follow(run.id, { skip: 4 }), { after: early.lastEventId })
      await until(() => stream.source.end !== undefined, 'it ends')
      t.strictSame([stream.data, stream.gaps], [[5, 6], []])
    })

    t.test('a run that the log has trimmed keeps its tag and its number of events, and its beginning is a gap', async (t) => {
      const clock = new ManualClock()
      const place = make(clock, { entries: 6 })
      const first = start(t, place, clock)
      const script = new Script()
      const { id } = first.runs.start(script.source, { tag: 'ada' })
      for (const number of numbers(40)) {
        script.say(number)
        await until(() => first.runs.list()[0]?.events === number.data, 'it is kept')
      }
      place.die()
      const { runs } = start(t, place, clock)
      t.match(await runs.get(id), { tag: 'ada', state: 'failed', events: 40 })
      const stream = new OpenStream(runs.follow(id))
      await until(() => stream.source.end !== undefined, 'it ends')
      t.match(stream.gaps, [{ reason: 'trimmed' }])
      t.ok(stream.data.length >= 2, `${stream.data.length} are kept`)
      t.strictSame(stream.data, numbers(40).map(({ data }) => data).slice(-stream.data.length))
      const skipping = new OpenStream(runs.follow(id, { skip: 39 }))
      await until(() => skipping.source.end !== undefined, 'it ends')
      t.match([skipping.gaps, skipping.data], [[], [40]])
    })

    t.test('what leaves the memory is read from the log', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const { runs } = start(t, place, clock, { retain: { entries: 3 } })
      const run = runs.start(numbers(30))
      await eventually(() => run.state === 'done', 'it ends')
      t.equal(runs.stats().entries, 3)
      t.strictSame(await dataOf(runs.follow(run.id)), numbers(30).map(({ data }) => data))
      t.strictSame(await dataOf(runs.follow(run.id, { skip: 10 })), numbers(30).map(({ data }) => data).slice(10))
      const stream = new OpenStream(runs.follow(run.id))
      await until(() => stream.source.end !== undefined, 'it ends')
      t.strictSame(stream.gaps, [])
      t.equal(stream.data.length, 30)
    })

    t.test('a drain is kept in the log, and told as a failure by the next process too', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const first = start(t, place, clock)
      const script = new Script()
      const run = first.runs.start(script.source)
      script.say({ data: 1 })
      await eventually(() => run.events === 1, 'it runs')
      const draining = first.runs.drain(100, 100)
      clock.advance(100)
      await draining
      await first.runs.close()
      const { runs } = start(t, place, clock)
      t.match(await runs.get(run.id), { state: 'stopped', reason: 'drain', events: 1 })
      const stream = new OpenStream(runs.follow(run.id))
      await until(() => stream.source.end !== undefined, 'it ends')
      t.match(stream.source.end, { kind: 'failed', isFinal: true })
    })

    t.test('an application that is closed at once writes the end of its runs', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const first = start(t, place, clock)
      const { id } = first.runs.start(new Script().source, { tag: 1 })
      await eventually(() => first.runs.stats().running === 1, 'it runs')
      for (let turns = 0; turns < 20; turns++) await turn()
      await first.runs.close()
      const { runs } = start(t, place, clock)
      t.match(await runs.get(id), { state: 'stopped', reason: 'drain', tag: 1 })
    })

    t.test('several runs on one stream are looked up together', async (t) => {
      const clock = new ManualClock()
      const place = make(clock)
      const first = start(t, place, clock)
      first.runs.start(['a1'], { id: 'a' })
      first.runs.start(['b1'], { id: 'b' })
      await eventually(() => first.runs.stats().running === 0, 'they end')
      await first.runs.close()
      const { runs } = start(t, place, clock)
      const stream = new OpenStream(runs.follow(['a', 'b', 'later']))
      await until(() => stream.own.length === 2, 'both come')
      runs.start(['l1'], { id: 'later' })
      await until(() => stream.source.end !== undefined, 'it ends')
      t.strictSame(stream.own.map(({ data }) => data), ['a1', 'b1', 'l1'])
      t.strictSame((await dataOf(runs.follow(['a', 'b']))).sort(), ['a1', 'b1'])
    })
  })
}

t.test('an event that the log does not take fails the run, with the error of the log', async (t) => {
  const clock = new ManualClock()
  const storage = new Storage(new History({}, clock), false)
  const log = new StoredLog(storage)
  const { runs } = familyOf(t, { clock, log: () => log })
  const script = new Script()
  const run = runs.start(script.source)
  script.say({ data: 1 })
  await eventually(() => run.events === 1, 'the log is open')
  log.failures.push(diskFull())
  script.say({ data: 2 })
  await eventually(() => run.state !== 'running', 'it ends')
  t.match(run, { state: 'failed', events: 1, error: { code: 'FST_EVENTFEED_LOG_UNAVAILABLE' } })
  await eventually(() => script.told.at(-1) === 'finally', 'the source is closed')
})

t.test('a log that cannot be opened fails the run, and closes the source', async (t) => {
  const { runs } = familyOf(t, { log: () => Object.assign(new MemoryLog(), { tail: async () => { throw new Error('no disk') } }) })
  const generator = (async function * () { yield 'a' })()
  const run = runs.start(generator)
  await eventually(() => run.state !== 'running', 'it ends')
  t.match(run, { state: 'failed', error: { message: 'no disk' } })
  t.strictSame(await generator.next(), { done: true, value: undefined })
})

for (const [what, log] of [
  ['throws', () => { throw new Error('no log') }], ['returns nothing', () => undefined], ['returns a promise', async () => new MemoryLog()], ['returns what is no log', () => ({ tail: 1 })]
] as const) {
  t.test(`where log(id) ${what}, start() throws and nothing stays`, async (t) => {
    const { runs } = familyOf(t, { log: log as () => EventLog })
    t.throws(() => runs.start(['a']))
    t.match(runs.stats(), { running: 0, kept: 0, bytes: 0, started: 0 })
    await t.rejects(runs.get('a'), { code: 'FST_EVENTFEED_LOG_FAILED', statusCode: 503 })
  })
}

t.test('a tag that is no JSON is refused where there is a log; a value that is none is not kept', async (t) => {
  const clock = new ManualClock()
  const storage = new Storage(new History({}, clock), false)
  const { runs } = familyOf(t, { clock, log: () => new StoredLog(storage) })
  const circular: Record<string, unknown> = {}
  circular['self'] = circular
  for (const tag of [1n, circular, () => {}, { toJSON () { throw new Error('hostile') } }]) t.throws(() => runs.start([], { tag }), { code: 'FST_EVENTFEED_BAD_OPTION' })
  const run = runs.start(async function * () { yield 'a'; return circular })
  await all(runs.follow(run.id))
  t.equal(run.value, circular)
  await runs.close()
  const again = familyOf(t, { clock, log: () => new StoredLog(storage) })
  t.match(await again.runs.get(run.id), { state: 'done', value: undefined, events: 1 })
})
