/** One run: how it begins, goes on, and ends. */
import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../clock.ts'
import { eventually } from '../story/raw-client.ts'
import type { RunArguments } from '../../lib/runs/source-values.ts'
import { dataOf, familyOf, Script } from './family.ts'

const now = (): number => new ManualClock().now()

t.test('a run begins when start() has returned, and is known from then on', async (t) => {
  const { runs } = familyOf(t, { clock: new ManualClock() })
  const script = new Script()
  const run = runs.start(script.source, { tag: { user: 'ada' } })
  t.strictSame(script.told, [], 'its source has not begun')
  t.match(run, { state: 'running', tag: { user: 'ada' }, startedAt: now(), endedAt: undefined, events: 0, value: undefined, error: undefined, reason: undefined })
  t.match(run.id, /^[\w-]{22}$/, '128 bits')
  t.equal(await runs.get(run.id), run)
  t.strictSame(runs.list(), [run])
  script.say('a').end()
  await dataOf(runs.follow(run.id))
  t.strictSame(script.told, ['began', 'finally'])
})

t.test('ids are 128 random bits: no two are the same, and they fit a URL and an event ID', async (t) => {
  const { runs } = familyOf(t)
  const ids = new Set(Array.from({ length: 1_000 }, () => runs.start([]).id))
  t.equal(ids.size, 1_000)
  t.ok([...ids].every((id) => Buffer.from(id, 'base64url').length === 16 && encodeURIComponent(id) === id))
})

t.test('a source gets the id, a signal, until() and ready(), and no last event ID', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const { id } = runs.start(script.source)
  await turn()
  t.equal(script.given?.id, id)
  t.equal(script.given?.signal.aborted, false)
  t.equal(script.given?.lastEventId, undefined)
  script.given?.ready()
  script.end()
  await dataOf(runs.follow(id))
  t.match(script.given?.signal.reason, { name: 'AbortError', state: 'done' }, 'the signal is aborted when the run has ended')
})

t.test('a run that ends by itself is done, with what its generator returns', async (t) => {
  const clock = new ManualClock()
  const { runs, reported } = familyOf(t, { clock })
  const script = new Script()
  const run = runs.start(script.source)
  script.say('a', { data: 1 }, { event: 'token', data: { text: 'b' } })
  await eventually(() => run.events === 3, 'all are said')
  clock.advance(50)
  script.end({ usage: 3 })
  t.strictSame(await dataOf(runs.follow(run.id)), ['a', 1, { text: 'b' }])
  t.match(run, { state: 'done', endedAt: now() + 50, events: 3, value: { usage: 3 }, error: undefined, reason: undefined })
  t.strictSame(reported, [])
})

t.test('a run whose source throws has failed, and says so once in the log', async (t) => {
  const { runs, reported } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  script.say('a').fail(Object.assign(new Error('the model is overloaded'), { code: 'OVERLOADED' }))
  const events: unknown[] = []
  await t.rejects(async () => { for await (const event of runs.follow(run.id)) events.push(event.data) }, { code: 'FST_EVENTFEED_RUN_FAILED', cause: { message: 'the model is overloaded' } })
  t.strictSame(events, ['a'], 'what it has said before is there')
  t.match(run, { state: 'failed', error: { code: 'OVERLOADED', message: 'the model is overloaded' }, value: undefined })
  await t.rejects(dataOf(runs.follow(run.id)), { code: 'FST_EVENTFEED_RUN_FAILED' }, 'also for who comes later')
  t.equal(reported.length, 1)
  t.match(reported[0]?.what, run.id)
})

for (const [what, thrown, message] of [
  ['undefined', undefined, /undefined/], ['a string', 'no', /no/], ['an error whose message throws', Object.defineProperty(new Error('x'), 'message', { get () { throw new Error('hostile') } }), /cannot be looked at/]
] as const) {
  t.test(`a source that throws ${what} has failed`, async (t) => {
    const { runs } = familyOf(t)
    const run = runs.start(() => { throw thrown })
    await t.rejects(dataOf(runs.follow(run.id)), { code: 'FST_EVENTFEED_RUN_FAILED' })
    t.match(run, { state: 'failed', error: { code: 'FST_EVENTFEED_RUN_FAILED', message } })
  })
}

for (const [what, yielded, code] of [
  ['a number', 1, 'FST_EVENTFEED_BAD_EVENT'], ['an object without data', { event: 'a' }, 'FST_EVENTFEED_BAD_EVENT'], ['an empty object', {}, 'FST_EVENTFEED_BAD_EVENT'],
  ['a control event', { event: 'stream:done', data: 1 }, 'FST_EVENTFEED_BAD_FIELD'], ['an id with a line end', { id: 'a\nb', data: 1 }, 'FST_EVENTFEED_BAD_FIELD'],
  ['a bad reconnection time', { retry: -1, data: 1 }, 'FST_EVENTFEED_BAD_FIELD'], ['data that JSON cannot say', { data: 1n }, 'FST_EVENTFEED_BAD_FIELD']
] as const) {
  t.test(`a source that yields ${what} is closed, and the run has failed`, async (t) => {
    const { runs } = familyOf(t)
    let isClosed = false
    const run = runs.start(async function * () { try { yield 'a'; yield yielded; yield 'c' } finally { isClosed = true } })
    await t.rejects(dataOf(runs.follow(run.id)), { code: 'FST_EVENTFEED_RUN_FAILED' })
    t.match(run, { state: 'failed', error: { code }, events: 1 })
    await eventually(() => isClosed, 'its finally runs')
  })
}

t.test('what belongs to a stream only is left out of a run: ids, reconnection times and comments', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start([{ comment: 'thinking' }, { id: 'mine', retry: 5, data: 'a', comment: 'x' }, { retry: 5 }])
  const [event, ...more] = await Promise.all([dataOf(runs.follow(run.id))])
  t.strictSame([event, more], [['a'], []])
  t.equal(run.events, 1)
})

t.test('stop() aborts the signal, runs finally, and is fulfilled with the run when it has run', async (t) => {
  const { runs, reported } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  script.say('a')
  await eventually(() => run.events === 1, 'it runs')
  const stopping = runs.stop(run.id, 'user')
  t.equal(script.given?.signal.aborted, true)
  t.match(script.given?.signal.reason, { name: 'AbortError', state: 'stopped', reason: 'user' })
  t.equal(await stopping, run)
  t.strictSame(script.told, ['began', 'finally'])
  t.match(run, { state: 'stopped', reason: 'user', error: undefined, events: 1 })
  t.strictSame(await dataOf(runs.follow(run.id)), ['a'], 'a stop is an end like any other')
  t.strictSame(reported, [])
})

t.test('what a source says while it is stopped is part of the run', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start(async function * ({ until }: RunArguments) {
    try {
      yield 'a'
      await until(new Promise(() => {}))
    } catch {
      yield 'stopped by a user'
    } finally {
      yield 'cleaned up'
      yield 'really'
    }
    return 'partial'
  })
  await eventually(() => run.events === 1, 'it runs')
  await runs.stop(run.id)
  t.strictSame(await dataOf(runs.follow(run.id)), ['a', 'stopped by a user', 'cleaned up', 'really'])
  t.match(run, { state: 'stopped', reason: undefined })
})

t.test('a second stop() changes nothing, and is fulfilled with the first', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  await turn()
  t.strictSame(await Promise.all([runs.stop(run.id, 'first'), runs.stop(run.id, 'second')]), [run, run])
  t.equal((await runs.stop(run.id, 'third')).reason, 'first')
  t.strictSame(script.told, ['began', 'finally'])
})

t.test('stop() of a run that has ended leaves it as it is', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start(['a'])
  await dataOf(runs.follow(run.id))
  t.match(await runs.stop(run.id, 'late'), { state: 'done', reason: undefined })
})

t.test('stop() from within the source works, where the source does not wait for it', async (t) => {
  const { runs } = familyOf(t)
  const sync = runs.start(function * () { yield 'a'; runs.stop(sync.id, 'myself').catch(t.threw); yield 'b'; yield 'c' })
  t.strictSame(await dataOf(runs.follow(sync.id)), ['a', 'b'])
  t.match(sync, { state: 'stopped', reason: 'myself' })
  const async = runs.start(async function * () { yield 'a'; runs.stop(async.id, 'myself').catch(t.threw); yield 'b'; yield 'c' })
  t.strictSame(await dataOf(runs.follow(async.id)), ['a', 'b'])
  t.match(async, { state: 'stopped', reason: 'myself' })
})

t.test('a run that is stopped before it begins never begins, and its source is closed', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const run = runs.start(script.source)
  t.match(await runs.stop(run.id), { state: 'stopped' })
  t.strictSame(script.told, [])
  const generator = (async function * () { yield 'a' })()
  const second = runs.start(generator)
  await runs.stop(second.id)
  t.strictSame(await generator.next(), { done: true, value: undefined })
})

t.test('a finally that throws while the source is stopped is an error of the stopped run', async (t) => {
  const { runs, reported } = familyOf(t)
  const run = runs.start(async function * ({ until }: RunArguments) {
    try { yield 'a'; await until(new Promise(() => {})) } finally { throw new Error('cannot clean up') } // eslint-disable-line no-unsafe-finally
  })
  await eventually(() => run.events === 1, 'it runs')
  t.match(await runs.stop(run.id, 'user'), { state: 'stopped', reason: 'user', error: { message: 'cannot clean up' } })
  t.strictSame(await dataOf(runs.follow(run.id)), ['a'], 'those who follow learn of the stop')
  t.match(reported, [{ error: { message: 'cannot clean up' } }])
})

t.test('stop() says so where the source waits for something that ignores the signal, and hangs for 5 s at most', async (t) => {
  const clock = new ManualClock()
  const { runs, reported } = familyOf(t, { clock })
  let wake = (): void => {}
  const run = runs.start(async function * () { yield 'a'; await new Promise<void>((resolve) => { wake = resolve }); yield 'too late' })
  await eventually(() => run.events === 1, 'it runs')
  let settled: unknown
  runs.stop(run.id, 'user').then((answer) => { settled = answer }, () => {})
  clock.advance(4_999)
  await turn()
  t.equal(settled, undefined)
  t.equal(run.state, 'running')
  clock.advance(1)
  await turn()
  t.equal(settled, run)
  t.match(run, { state: 'stopped', reason: 'user', error: { code: 'FST_EVENTFEED_RUN_PARKED' } })
  t.match(reported, [{ error: { code: 'FST_EVENTFEED_RUN_PARKED' } }])
  wake()
  await turn()
  t.strictSame(await dataOf(runs.follow(run.id)), ['a'], 'what it says after that is not part of the run')
})

t.test('a source that says more and more while it is stopped lets other work run, and is not asked for ever', async (t) => {
  const clock = new ManualClock()
  const { runs } = familyOf(t, { clock, whenFull: 'trim', retain: { entries: 10 } })
  let said = 0
  const talkative = runs.start(async function * () { try { for (;;) yield 'a' } finally { for (;;) yield `${said++}` } })
  await eventually(() => talkative.events > 0, 'it runs')
  const stopped = runs.stop(talkative.id)
  await eventually(() => said > 1_000, 'other work runs meanwhile')
  clock.advance(5_000)
  t.match(await stopped, { state: 'stopped', error: { code: 'FST_EVENTFEED_RUN_PARKED' } })
  await turn()
  await turn()
  const asked = said
  for (let turns = 0; turns < 10; turns++) await turn()
  t.equal(said, asked, 'it is not asked any more')
})

t.test('an id that is running is refused with 409, and the source is closed; one that has ended makes way', async (t) => {
  const { runs } = familyOf(t)
  const script = new Script()
  const first = runs.start(script.source, { id: 'mine' })
  const refused = (async function * () { yield 'a' })()
  t.throws(() => runs.start(refused, { id: 'mine' }), { code: 'FST_EVENTFEED_RUN_EXISTS', statusCode: 409 })
  t.strictSame(await refused.next(), { done: true, value: undefined })
  script.end()
  await dataOf(runs.follow('mine'))
  const second = runs.start(['b'], { id: 'mine' })
  t.not(second, first)
  t.equal(await runs.get('mine'), second)
  t.strictSame(await dataOf(runs.follow('mine')), ['b'])
})

t.test('at most maxRuns run at a time: the last is accepted, the next gets 503, and those that are kept do not count', async (t) => {
  const { runs } = familyOf(t, { maxRuns: 2 })
  const scripts = [new Script(), new Script(), new Script()] as const
  const first = runs.start(scripts[0].source)
  runs.start(scripts[1].source)
  t.throws(() => runs.start(scripts[2].source), { code: 'FST_EVENTFEED_TOO_MANY_RUNS', statusCode: 503 })
  await runs.stop(first.id)
  t.equal(runs.start(scripts[2].source).state, 'running')
  t.equal(runs.list().length, 3)
})

t.test('a run is kept for keepMs after its end, and then nobody knows it', async (t) => {
  const clock = new ManualClock()
  const { runs } = familyOf(t, { clock, keepMs: 1_000 })
  const run = runs.start(['a'])
  await dataOf(runs.follow(run.id))
  clock.advance(999)
  t.equal(await runs.get(run.id), run)
  clock.advance(1)
  const refusals: Array<() => Promise<unknown>> = [() => runs.get(run.id), () => runs.stop(run.id), () => dataOf(runs.follow(run.id))]
  for (const refused of refusals) {
    await t.rejects(refused, { code: 'FST_EVENTFEED_UNKNOWN_RUN', statusCode: 404 })
  }
  t.strictSame(runs.list(), [])
  t.match(runs.stats(), { running: 0, kept: 0, bytes: 0, entries: 0, started: 1, events: 1, ended: { done: 1 } }, 'its memory is free, and no figure is less')
  t.equal(clock.timers, 0)
})

t.test('who follows a run when it is freed gets all of it', async (t) => {
  const clock = new ManualClock()
  const { runs } = familyOf(t, { clock, keepMs: 0 })
  const script = new Script()
  const run = runs.start(script.source)
  const loop = runs.follow(run.id)[Symbol.asyncIterator]()
  script.say('a', 'b').end()
  t.match(await loop.next(), { value: { data: 'a' } })
  await eventually(() => run.state === 'done', 'it ends')
  clock.advance(0)
  await t.rejects(runs.get(run.id), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })
  t.match(await loop.next(), { value: { data: 'b' } })
  t.match(await loop.next(), { done: true })
  await turn()
  t.equal(runs.stats().bytes, 0, 'then its memory is free')
})

for (const id of ['__proto__', 'constructor', 'ä', 'a/b', '../..', 'x'.repeat(128)]) {
  t.test(`${id.slice(0, 20)} is an id like any other`, async (t) => {
    const { runs } = familyOf(t)
    await t.rejects(runs.get(id), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })
    const run = runs.start(['a'], { id })
    t.equal(await runs.get(id), run)
    t.match(await Promise.all([dataOf(runs.follow(id))]), [['a']])
  })
}

for (const id of ['', 'a,b', 'a=b', '~a', 'a b', 'a\nb', 'x'.repeat(129), 1, null, {}]) {
  t.test(`${JSON.stringify(id).slice(0, 20)} is no id`, async (t) => {
    const { runs } = familyOf(t)
    t.throws(() => runs.start([], { id: id as string }), { code: 'FST_EVENTFEED_BAD_OPTION' })
    await t.rejects(runs.get(id as string), { code: 'FST_EVENTFEED_UNKNOWN_RUN', statusCode: 404 })
    await t.rejects(dataOf(runs.follow(id as string)), { code: 'FST_EVENTFEED_UNKNOWN_RUN' })
  })
}

t.test('what may be sent to a client has neither the tag nor the message of an error', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start(() => { throw Object.assign(new Error('password=1234'), { code: 'SECRET' }) }, { tag: 'token-5678', id: 'a' })
  await dataOf(runs.follow('a')).catch(() => {})
  t.strictSame(Object.keys(JSON.parse(JSON.stringify(run)) as object).sort(), ['endedAt', 'error', 'events', 'id', 'startedAt', 'state'])
  t.strictSame(JSON.parse(JSON.stringify(run.toJSON())).error, { code: 'FST_EVENTFEED_RUN_FAILED' })
})

t.test('options that are none are refused at once', async (t) => {
  const { runs } = familyOf(t)
  for (const options of [{ skip: -1 }, { skip: 1.5 }, { where: 1 }, { as: 'x' }, { from: 'latest' }, null]) {
    t.throws(() => runs.follow('a', options as never), { code: 'FST_EVENTFEED_BAD_OPTION' }, JSON.stringify(options))
  }
  for (const options of [{ name: 'a' }, null, 1]) t.throws(() => runs.start([], options as never), { code: 'FST_EVENTFEED_BAD_OPTION' })
  await t.rejects(runs.stop('a', 1 as never), { code: 'FST_EVENTFEED_BAD_OPTION' })
  for (const options of [{ keepMs: -1 }, { maxRuns: 0 }, { maxBytes: 0 }, { whenFull: 'drop' }, { log: {} }, { retain: { entries: 0 } }, { keep: 1 }]) {
    t.throws(() => familyOf(t, options as never), { code: 'FST_EVENTFEED_BAD_OPTION' }, JSON.stringify(options))
  }
})

t.test('what is no source is refused at once', async (t) => {
  const { runs } = familyOf(t)
  for (const source of [undefined, null, 1, 'text', {}]) t.throws(() => runs.start(source as never), { code: 'FST_EVENTFEED_BAD_SOURCE' }, String(source))
  const run = runs.start((() => 1) as never)
  await t.rejects(dataOf(runs.follow(run.id)), { code: 'FST_EVENTFEED_RUN_FAILED' })
  t.match(run.error, { code: 'FST_EVENTFEED_BAD_SOURCE' })
})

t.test('a source that never waits lets other work run', async (t) => {
  const { runs } = familyOf(t, { whenFull: 'trim', retain: { entries: 10 } })
  const stop = new AbortController()
  const run = runs.start(function * () { for (let n = 0; !stop.signal.aborted; n++) yield { data: n } })
  await turn()
  await turn()
  stop.abort()
  t.equal(run.state, 'running')
  await eventually(() => run.state === 'done', 'it ends')
})
