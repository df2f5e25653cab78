/** All that a source may be, a run may be. */
import t from 'tap'
import { Readable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { RunArguments } from '../../lib/runs/source-values.ts'
import { feedOf } from '../feed/open-stream.ts'
import { eventually } from '../story/raw-client.ts'
import { all, dataOf, familyOf } from './family.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

const KINDS: Array<[what: string, source: () => unknown, data: unknown[]]> = [
  ['an array', () => ['a', { data: 1 }], ['a', 1]],
  ['a Set', () => new Set(['a', 'b']), ['a', 'b']],
  ['an iterable that yields promises', () => [Promise.resolve('a'), 'b'], ['a', 'b']],
  ['a generator', () => (function * () { yield 'a'; yield 'b' })(), ['a', 'b']],
  ['a generator function', () => function * () { yield 'a' }, ['a']],
  ['an async generator', () => (async function * () { yield 'a'; yield 'b' })(), ['a', 'b']],
  ['an async generator function', () => async function * () { yield 'a' }, ['a']],
  ['a function that returns an iterable', () => () => ['a'], ['a']],
  ['an async function that returns an iterable', () => async () => ['a'], ['a']],
  ['a Readable of objects', () => Readable.from(['a', { data: 2 }]), ['a', 2]],
  ['a Readable of bytes', () => Readable.from([Buffer.from('a\nb'), Buffer.from('c\n')], { objectMode: false }), ['a', 'bc']],
  ['a web stream of bytes', () => new ReadableStream({ start (controller) { controller.enqueue(bytes('a\nb')); controller.close() } }), ['a', 'b']],
  ['a function that returns a web stream', () => async () => new ReadableStream({ start (controller) { controller.enqueue('a'); controller.close() } }), ['a']],
  ['an iterable without events', () => new Set(), []],
  ['an iterator that answers at once', () => ({ [Symbol.asyncIterator]: () => ({ at: 0, next () { return { done: this.at++ === 2, value: 'a' } } }) }), ['a', 'a']]
]

for (const [what, source, data] of KINDS) {
  t.test(`a run may be ${what}`, async (t) => {
    const { runs } = familyOf(t)
    const run = runs.start(source())
    t.strictSame(await dataOf(runs.follow(run.id)), data)
    t.equal(run.state, 'done')
  })
}

t.test('a source that cannot be opened is closed', async (t) => {
  const { runs } = familyOf(t)
  const readable = Object.assign(Readable.from([]), { [Symbol.asyncIterator] () { throw new Error('not now') } })
  const run = runs.start(readable)
  await eventually(() => run.state === 'failed', 'it fails')
  t.equal(run.error?.message, 'not now')
  t.ok(readable.destroyed)
})

for (const getter of ['done', 'value']) {
  t.test(`an iterator is let go of when the ${getter} of its result throws`, async (t) => {
    const { runs } = familyOf(t)
    let returns = 0
    const result = Object.defineProperty({ done: false, value: 'a' }, getter, { get () { throw new Error('not this one') } })
    const run = runs.start({ [Symbol.asyncIterator]: () => ({ next: () => result, return () { returns++; return { done: true } } }) })
    await eventually(() => run.state === 'failed', 'it fails')
    t.equal(run.error?.message, 'not this one')
    t.equal(returns, 1)
  })
}

t.test('a run may be a subscription, and then passes its events on', async (t) => {
  const { runs } = familyOf(t)
  const feed = feedOf()
  feed.publish({ event: 'n', data: 1 })
  const run = runs.start(feed.subscribe({ from: 'earliest' }))
  feed.publish({ event: 'n', data: 2 })
  await eventually(() => run.events === 2, 'both arrive')
  feed.end()
  t.match(await all(runs.follow(run.id)), [{ event: 'n', data: 1 }, { event: 'n', data: 2 }])
})

t.test('a run of a subscription lets go of its feed when it is stopped', async (t) => {
  const { runs } = familyOf(t)
  const feed = feedOf()
  const run = runs.start(feed.subscribe())
  await eventually(() => feed.stats().streams === 1, 'it reads')
  await runs.stop(run.id)
  t.equal(feed.stats().streams, 0)
})

t.test('a run may be several subscriptions, and ends with the last of them', async (t) => {
  const { runs } = familyOf(t)
  const [one, two] = [feedOf(), feedOf()]
  const run = runs.start([one.subscribe(), two.subscribe()])
  await eventually(() => one.stats().streams + two.stats().streams === 2, 'it reads both')
  one.publish({ data: 1 })
  await eventually(() => run.events === 1, 'it has the first')
  two.publish({ data: 2 })
  one.end()
  await eventually(() => run.events === 2, 'it has the second')
  t.equal(run.state, 'running')
  two.end()
  t.strictSame(await dataOf(runs.follow(run.id)), [1, 2])
})

t.test('a run of several subscriptions lets go of all feeds when it is stopped', async (t) => {
  const { runs } = familyOf(t)
  const [one, two] = [feedOf(), feedOf()]
  const run = runs.start([one.subscribe(), two.subscribe()])
  await eventually(() => one.stats().streams + two.stats().streams === 2, 'it reads both')
  t.match(await runs.stop(run.id), { state: 'stopped', error: undefined })
  t.equal(one.stats().streams + two.stats().streams, 0)
})

t.test('a run of no subscription stays open and quiet until it is stopped', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start([])
  const none = runs.start(() => [])
  await turn()
  t.match([run.state, none.state], ['running', 'running'])
  await Promise.all([runs.stop(run.id), runs.stop(none.id)])
  t.match([run.state, none.state], ['stopped', 'stopped'])
})

t.test('a run may be another run, and stopping it does not stop the other', async (t) => {
  const { runs } = familyOf(t)
  const first = runs.start(async function * ({ until }: RunArguments) { yield 'a'; await until(new Promise(() => {})) })
  const second = runs.start(runs.follow(first.id))
  await eventually(() => second.events === 1, 'it passes on')
  await runs.stop(second.id)
  t.match([first.state, second.state], ['running', 'stopped'])
})

t.test('a gap that a source passes on fails the run: a run has no silent hole', async (t) => {
  const { runs } = familyOf(t)
  const feed = feedOf({ retain: { entries: 1 } })
  const after = String(feed.publish({ data: 0 }))
  for (let n = 1; n < 5; n++) feed.publish({ data: n })
  const run = runs.start(feed.subscribe({ after }))
  await t.rejects(dataOf(runs.follow(run.id)), { code: 'FST_EVENTFEED_RUN_FAILED' })
  t.match(run.error, { code: 'FST_EVENTFEED_BAD_EVENT', message: /gap/ })
})

t.test('a Readable that is open when its run is stopped is destroyed', async (t) => {
  const { runs } = familyOf(t)
  const readable = new Readable({ objectMode: true, read () {} })
  const run = runs.start(readable)
  readable.push('a')
  await eventually(() => run.events === 1, 'it reads')
  t.match(await runs.stop(run.id), { state: 'stopped', error: undefined })
  t.equal(readable.destroyed, true)
})

t.test('a Readable that fails before the run begins, or later, fails the run and not the process', async (t) => {
  const { runs } = familyOf(t)
  const readable = new Readable({ objectMode: true, read () {} })
  const run = runs.start(readable)
  readable.destroy(new Error('gone'))
  await t.rejects(dataOf(runs.follow(run.id)), { code: 'FST_EVENTFEED_RUN_FAILED' })
  t.match(run.error, { message: 'gone' })
})

t.test('a web stream that is open when its run is stopped is cancelled', async (t) => {
  const { runs } = familyOf(t)
  let cancelled: unknown
  const run = runs.start(new ReadableStream({ start (controller) { controller.enqueue(bytes('a\n')) }, cancel (reason) { cancelled = reason } }))
  await eventually(() => run.events === 1, 'it reads')
  t.match(await runs.stop(run.id, 'user'), { state: 'stopped', error: undefined })
  t.match(cancelled, { name: 'AbortError', reason: 'user' })
})

t.test('a promise that is given as a source, and rejected, fails the run and not the process', async (t) => {
  const { runs } = familyOf(t)
  const run = runs.start(Promise.reject(new Error('no source')))
  await t.rejects(dataOf(runs.follow(run.id)), { code: 'FST_EVENTFEED_RUN_FAILED' })
  t.match(run.error, { message: 'no source' })
})
