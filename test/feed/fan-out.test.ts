/** Who waits at the head, and how they are woken. */
import t from 'tap'
import { FanOut, type Waiter } from '../../lib/feed/fan-out.ts'
import { FeedFigures } from '../../lib/feed/figures.ts'
import { Window } from '../../lib/feed/window.ts'
import { readRetention } from '../../lib/log/retention.ts'
import { ManualClock } from '../clock.ts'
import { feedOf, heldBytes, OpenStream, turn, until } from './open-stream.ts'

function fanOutOf (clock = new ManualClock(), report: (error: unknown) => void = () => {}): FanOut {
  return new FanOut(clock, new Window(clock, readRetention()), new FeedFigures(), report)
}

class Waiting implements Waiter {
  place = -1
  wakes = 0
  /** What it was told that waking it had thrown. */
  readonly failures: unknown[] = []
  readonly #onWake: (waiter: Waiting) => void

  constructor (onWake: (waiter: Waiting) => void = () => {}) {
    this.#onWake = onWake
  }

  wake (): void {
    this.wakes++
    this.#onWake(this)
  }

  fail (error: unknown): void {
    this.failures.push(error)
    if (error === 'twice') throw error
  }
}

t.test('all who wait are woken once for all of one tick, and wait no more', async (t) => {
  const fanOut = fanOutOf()
  const waiters = Array.from({ length: 200 }, () => new Waiting())
  for (const waiter of [...waiters, ...waiters]) fanOut.wait(waiter)
  for (let count = 0; count < 5; count++) fanOut.notify()
  t.equal(waiters[0]?.wakes, 0, 'not before the end of the tick')
  await turn()
  fanOut.notify()
  await turn()
  t.ok(waiters.every(({ wakes, place }) => wakes === 1 && place === -1))
})

t.test('one that waits again while a round runs is woken by the next', async (t) => {
  const fanOut = fanOutOf()
  const again = new Waiting((waiter) => { if (waiter.wakes < 3) { fanOut.wait(waiter); fanOut.notify() } })
  fanOut.wait(again)
  fanOut.notify()
  await until(() => again.wakes === 3, 'it is woken by each')
  await turn()
  t.equal(again.wakes, 3)
})

t.test('who leaves while a round runs is not woken, whoever leaves, and nobody else is forgotten', async (t) => {
  const fanOut = fanOutOf()
  const waiters: Waiting[] = []
  const gone = new Set<Waiting>()
  for (let number = 0; number < 300; number++) {
    waiters.push(new Waiting((waiter) => {
      const other = waiters[(waiters.indexOf(waiter) * 7 + 3) % waiters.length]
      if (other === undefined || other.wakes > 0) return
      gone.add(other)
      fanOut.leave(other)
      fanOut.leave(other)
    }))
  }
  for (const waiter of waiters) fanOut.wait(waiter)
  fanOut.notify()
  await turn()
  for (const waiter of waiters) if ((waiter.wakes === 0) !== gone.has(waiter)) return t.fail('one that left was woken, or one that stayed was not')
  t.ok(gone.size > 0 && gone.size < 300)
})

t.test('a long round lets other work run; who leaves in between is not woken, who comes waits for the next', async (t) => {
  const clock = new ManualClock()
  const fanOut = fanOutOf(clock)
  const waiters = Array.from({ length: 1000 }, () => new Waiting(() => { clock.advance(1) }))
  for (const waiter of waiters) fanOut.wait(waiter)
  fanOut.notify()
  await new Promise<void>((resolve) => { process.nextTick(resolve) })
  const woken = (): number => waiters.filter(({ wakes }) => wakes > 0).length
  t.equal(woken(), 64, 'it looks at the clock each 64')
  const rest = waiters.filter(({ wakes }) => wakes === 0)
  const [leaving] = rest
  if (leaving !== undefined) fanOut.leave(leaving)
  const late = new Waiting()
  fanOut.wait(late)
  fanOut.notify()
  fanOut.notify()
  await until(() => late.wakes === 1, 'the next round comes')
  t.equal(woken(), 999)
  t.ok(waiters.every(({ wakes }) => wakes <= 1))
  t.equal(leaving?.wakes, 0)
})

t.test('a round whose rest has left goes on with the next', async () => {
  const clock = new ManualClock()
  const fanOut = fanOutOf(clock)
  const waiters = Array.from({ length: 200 }, () => new Waiting(() => { clock.advance(1) }))
  for (const waiter of waiters) fanOut.wait(waiter)
  fanOut.notify()
  await new Promise<void>((resolve) => { process.nextTick(resolve) })
  for (const waiter of waiters) fanOut.leave(waiter)
  const next = new Waiting()
  fanOut.wait(next)
  fanOut.notify()
  await until(() => next.wakes === 1, 'it is woken')
})

t.test('one whose waking throws ends alone: the rest of its round is woken, and so are the next', async (t) => {
  const reported: unknown[] = []
  const fanOut = fanOutOf(new ManualClock(), (error) => { reported.push(error) })
  const thrown: unknown[] = [new Error('broken'), 'no error', undefined, 'twice']
  const waiters = Array.from({ length: 200 }, (_, number) => new Waiting(() => { if (number % 2 === 0) throw thrown[number % 4 === 0 ? 3 : number % 3] }))
  for (const waiter of waiters) fanOut.wait(waiter)
  fanOut.notify()
  await turn()
  t.ok(waiters.every(({ wakes, place }) => wakes === 1 && place === -1))
  t.ok(waiters.every(({ failures }, number) => failures.length === 1 - number % 2))
  t.same(waiters[2]?.failures, [undefined])
  t.strictSame(reported, Array.from({ length: 50 }, () => 'twice'), 'what cannot even be ended is reported')
  const next = new Waiting()
  fanOut.wait(next)
  fanOut.notify()
  await turn()
  t.equal(next.wakes, 1)
})

t.test('a stream whose reading throws in a round ends with that, and all others get what was published', async (t) => {
  const feed = feedOf()
  const streams = [{}, { where: () => true }, {}].map((options) => new OpenStream(feed.subscribe(options)))
  const broken = new Error('broken')
  const failing = [{}, { where: () => true }].map((options) => {
    const stream = new OpenStream(feed.subscribe(options), { onEvent: ({ event }) => { if (event === 'message') throw broken } })
    streams.splice(1, 0, stream)
    return stream
  })
  for (const data of [1, 2]) {
    feed.publish({ event: 'message', data })
    await turn()
  }
  t.same(failing.map(({ source }) => source.end), [{ kind: 'failed', error: broken }, { kind: 'failed', error: broken }])
  for (const stream of streams) if (!failing.includes(stream)) t.strictSame(stream.data, [1, 2])
  for (const stream of streams) stream.close()
})

t.test('10,000 streams that come and go on a quiet feed leave nothing', async (t) => {
  const feed = feedOf()
  const cycle = (): void => { for (const options of [{}, { where: () => false }, { keys: ['a', 'b'] }, { as: ({ data }: { data: unknown }) => ({ data }) }]) new OpenStream(feed.subscribe(options)).close() }
  for (let count = 0; count < 250; count++) cycle()
  const before = await heldBytes()
  for (let count = 0; count < 2500; count++) cycle()
  t.match(feed.stats(), { streams: 0, bytes: 0 })
  const grown = await heldBytes() - before
  t.ok(grown < 1_000_000, `${grown} bytes`)
  const stream = new OpenStream(feed.subscribe())
  feed.publish({ event: 'message', data: 1 })
  await turn()
  t.strictSame(stream.data, [1])
  stream.close()
})
