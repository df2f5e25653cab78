/**
 * What is foreign in runs fails in every way at every place: the source and its iterator, filters, projections, return
 * values. No other run is hurt, nothing is rejected where nobody hears of it, each run ends, and its memory is free.
 */
import t from 'tap'
import { setImmediate as turn } from 'node:timers/promises'
import { ManualClock } from '../clock.ts'
import { OpenStream } from '../feed/open-stream.ts'
import { dataOf, familyOf, Script } from './family.ts'

const unbearable = new Proxy(() => {}, {
  get () { throw new Error('hostile') }, has () { throw new Error('hostile') }, getPrototypeOf () { throw new Error('hostile') }, ownKeys () { throw new Error('hostile') }
})

/** What a function does that is not what it should. */
const FAULTS: Record<string, () => unknown> = {
  throws: () => { throw new Error('it throws') },
  'throws null': () => { throw null }, // eslint-disable-line no-throw-literal
  'throws what cannot be looked at': () => { throw unbearable },
  rejects: () => Promise.reject(new Error('it rejects')),
  'never settles': () => new Promise(() => {}),
  'returns a thenable that throws': () => ({ then () { throw new Error('it throws') } }),
  'returns what cannot be looked at': () => unbearable,
  'returns null': () => null,
  'returns a number': () => 7
}

type Fault = () => unknown

/** A source with a fault in one place. */
const PLACES: Record<string, (fault: Fault) => unknown> = {
  'a function source': (fault) => fault,
  'source[Symbol.asyncIterator]': (fault) => ({ [Symbol.asyncIterator]: fault }),
  'source[Symbol.iterator]': (fault) => ({ [Symbol.iterator]: fault }),
  'iterator.next': (fault) => ({ [Symbol.asyncIterator]: () => ({ next: fault }) }),
  'iterator.next after an event': (fault) => {
    let count = 0
    return { [Symbol.asyncIterator]: () => ({ next: () => count++ === 0 ? { done: false, value: 'a' } : fault() }) }
  },
  'iterator.return': (fault) => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => {}), return: fault }) }),
  'results of iterators': (fault) => ({ [Symbol.asyncIterator]: () => ({ next: async () => Object.defineProperty({ value: 'a' }, 'done', { get: fault }) }) }),
  'fields of events': (fault) => [Object.defineProperty({ event: 'a' }, 'data', { get: fault })],
  'data of events': (fault) => [{ data: { toJSON: fault } }],
  'what is yielded': (fault) => (function * () { yield 'a'; yield fault() })(),
  'what is returned': (fault) => (async function * () { yield 'a'; return fault() })(),
  'webStream.getReader': (fault) => ({ getReader: fault }),
  'reader.read': (fault) => ({ getReader: () => ({ read: fault, cancel: async () => {} }) }),
  'reader.cancel': (fault) => ({ getReader: () => ({ read: () => new Promise(() => {}), cancel: fault }) }),
  'properties by which a source is known': (fault) => Object.defineProperty({ async * [Symbol.asyncIterator] () { yield 'a' } }, 'getReader', { get: fault })
}

/** What is read and not called: a promise that stands there is the application's own, rejected or not. */
const READ = ['results of iterators', 'fields of events', 'data of events', 'properties by which a source is known']

const unhandled: unknown[] = []
const hear = (error: unknown): void => { unhandled.push(error) }
process.on('unhandledRejection', hear)
t.teardown(() => process.off('unhandledRejection', hear))

for (const [place, make] of Object.entries(PLACES)) {
  t.test(place, async (t) => {
    for (const [what, fault] of Object.entries(FAULTS)) {
      if (what === 'rejects' && READ.includes(place)) continue
      const clock = new ManualClock()
      const { runs } = familyOf(t, { clock, keepMs: 10 })
      const script = new Script()
      const neighbour = runs.start(script.source)
      let run
      try {
        run = runs.start(make(fault))
      } catch { /* refused at once: nothing was started */ }
      const streams = run === undefined ? [] : [new OpenStream(runs.follow(run.id)), new OpenStream(runs.follow([run.id]))]
      for (let turns = 0; turns < 5; turns++) await turn()
      const stopping = run === undefined ? undefined : runs.stop(run.id, 'user')
      for (let turns = 0; turns < 5; turns++) await turn()
      // one that still runs is awaited no longer
      clock.advance(5_000)
      for (let turns = 0; turns < 5; turns++) await turn()
      await stopping
      t.ok(run === undefined || run.state !== 'running', `${what}: it has ended`)
      t.ok(streams.every(({ source }) => source.end !== undefined), `${what}: who follows it hears of that`)
      JSON.stringify(run)
      for (const stream of streams) stream.close()
      script.say('b').end()
      t.strictSame(await dataOf(runs.follow(neighbour.id)), ['b'], `${what}: its neighbour goes on`)
      clock.advance(10)
      await turn()
      t.match(runs.stats(), { running: 0, kept: 0, bytes: 0, streams: 0 }, `${what}: its memory is free`)
    }
    t.strictSame(unhandled.splice(0), [])
  })
}

for (const option of ['where', 'as'] as const) {
  t.test(option, async (t) => {
    for (const [what, fault] of Object.entries(FAULTS)) {
      const { runs } = familyOf(t)
      const run = runs.start(['a', 'b'])
      const options = { [option]: fault } as object
      const streams = [new OpenStream(runs.follow(run.id, options)), new OpenStream(runs.follow([run.id], options)), new OpenStream(runs.follow(run.id))]
      for (let turns = 0; turns < 5; turns++) await turn()
      t.equal(run.state, 'done', `${what}: the run goes on`)
      t.ok(streams.every(({ source }) => source.end !== undefined), `${what}: all streams end`)
      t.strictSame(streams[2]?.own.map(({ data }) => data), ['a', 'b'], `${what}: the others have all`)
      for (const stream of streams) stream.close()
      t.equal(runs.stats().streams, 0)
    }
    t.strictSame(unhandled.splice(0), [])
  })
}

t.test('10,000 runs at once begin, are stopped and freed', async (t) => {
  const clock = new ManualClock()
  const { runs } = familyOf(t, { clock, keepMs: 10 })
  for (let count = 0; count < 10_000; count++) runs.start(new Script().source)
  t.throws(() => runs.start([]), { code: 'FST_EVENTFEED_TOO_MANY_RUNS' })
  await turn()
  await Promise.all(runs.list().map(({ id }) => runs.stop(id)))
  t.match(runs.stats(), { running: 0, kept: 10_000, ended: { stopped: 10_000 } })
  clock.advance(10)
  t.match(runs.stats(), { kept: 0, bytes: 0 })
})
