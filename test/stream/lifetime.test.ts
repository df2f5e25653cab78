/** How long a connection may last, and whom it asks. */
import t from 'tap'
import { Deadlines } from '../../lib/deadlines.ts'
import type { StreamOptions } from '../../lib/stream/host.ts'
import { Lifetime, type LifetimeEnd } from '../../lib/stream/lifetime.ts'
import { ManualClock } from '../clock.ts'
import { rethrown } from './rethrown.ts'

/** Deadlines may come this much early, because timers count whole milliseconds. */
const EARLY_MS = 1

const NEVER: StreamOptions = {
  retryMs: 0, commitDelayMs: 0, maxAgeMs: Infinity, idleTimeoutMs: Infinity, recheckIntervalMs: Infinity, writeTimeoutMs: 1, expiresAt: undefined, onEnd: 'stop', done: undefined
}

interface Kit {
  readonly clock: ManualClock
  readonly lifetime: Lifetime
  /** The ends that it called for. */
  readonly ends: Array<[reason: LifetimeEnd, error?: Error]>
  /** Starts it, as a connection does that is committed at once. */
  start (): void
}

function kit (limits: Partial<StreamOptions>, recheck?: () => unknown): Kit {
  const clock = new ManualClock()
  const ends: Kit['ends'] = []
  const limited = {
    recheck,
    end (reason: LifetimeEnd, how?: { error: Error }): void {
      ends.push(how === undefined ? [reason] : [reason, how.error])
      lifetime.stop()
    }
  }
  const lifetime = new Lifetime(limited, { ...NEVER, ...limits }, { clock, deadlines: new Deadlines(clock, rethrown) })
  return { clock, lifetime, ends, start () { lifetime.start(); lifetime.watchIdle() } }
}

interface Asked {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** A check whose answers are given by hand. */
function answers (): { recheck: () => Promise<unknown>, asked: Asked[] } {
  const asked: Asked[] = []
  return { recheck: () => new Promise<unknown>((resolve, reject) => { asked.push({ resolve, reject }) }), asked }
}

/** Lets all that is settled be told. */
async function told (): Promise<void> {
  await new Promise((resolve) => { setImmediate(resolve) })
}

t.test('a lifetime without limits sets no timer', async (t) => {
  const { clock, start } = kit({ recheckIntervalMs: 1_000 })
  start()
  t.equal(clock.timersSet, 0)
})

t.test('the greatest age and the recheck interval are at most a tenth shorter, and never longer', async (t) => {
  for (let run = 0; run < 50; run++) {
    for (const [limits, reason] of [[{ maxAgeMs: 10_000 }, 'max-age'], [{ recheckIntervalMs: 10_000 }, 'revoked']] as const) {
      const { clock, ends, start } = kit(limits, () => false)
      start()
      clock.advance(9_000 - EARLY_MS)
      await told()
      t.strictSame(ends, [], 'not before')
      clock.advance(1_000 + EARLY_MS)
      await told()
      t.strictSame(ends, [[reason]])
    }
  }
})

t.test('streams that began together are not asked together', async (t) => {
  const clock = new ManualClock()
  const deadlines = new Deadlines(clock, rethrown)
  const moments = new Set<number>()
  for (let count = 0; count < 100; count++) {
    new Lifetime({ recheck: () => moments.add(clock.elapsed()), end () {} }, { ...NEVER, recheckIntervalMs: 60_000 }, { clock, deadlines }).start()
  }
  t.equal(clock.timers, 1, 'all on one timer')
  clock.advance(60_000)
  t.ok(moments.size > 50, `${moments.size} moments`)
})

t.test('what is truthy lets a stream go on, what is falsy ends it', async (t) => {
  const thenable = (value: unknown): unknown => ({ then (resolve: (value: unknown) => void) { resolve(value) } })
  for (const answer of [true, 1, 'yes', {}, Promise.resolve('ada'), thenable(true)]) {
    let asked = 0
    const { clock, lifetime, ends, start } = kit({ recheckIntervalMs: 1_000 }, () => { asked++; return answer })
    start()
    for (let count = 1; count <= 3; count++) {
      clock.advance(1_000)
      await told()
      t.equal(asked, count)
    }
    t.strictSame(ends, [])
    lifetime.stop()
    t.equal(clock.timers, 0)
  }
  for (const answer of [false, 0, '', null, undefined, Promise.resolve(false), Promise.resolve(), thenable(null)]) {
    const { clock, ends, start } = kit({ recheckIntervalMs: 1_000 }, () => answer)
    start()
    clock.advance(1_000)
    await told()
    t.strictSame(ends, [['revoked']])
    t.equal(clock.timers, 0)
  }
})

t.test('a check that throws or rejects ends the stream, with its error', async (t) => {
  const failure = new Error('the database is away')
  for (const recheck of [() => { throw failure }, async () => { throw failure }]) {
    const { clock, ends, start } = kit({ recheckIntervalMs: 1_000 }, recheck)
    start()
    clock.advance(1_000)
    await told()
    t.equal(ends[0]?.[0], 'revoked')
    t.equal(ends[0]?.[1], failure)
    t.equal(ends.length, 1)
  }
  for (const thrown of [undefined, null, 'away']) {
    const { clock, ends, start } = kit({ recheckIntervalMs: 1_000 }, () => Promise.reject(thrown))
    start()
    clock.advance(1_000)
    await told()
    t.match(ends, [['revoked', { message: /^recheck failed with/ }]], 'also with what is no error')
  }
})

t.test('a slow check is not asked again before it has settled, and the next interval begins then', async (t) => {
  const { recheck, asked } = answers()
  const { clock, lifetime, ends, start } = kit({ recheckIntervalMs: 1_000 }, recheck)
  start()
  clock.advance(10_000)
  t.equal(asked.length, 1)
  t.equal(clock.timers, 0, 'nothing is set meanwhile')
  asked[0]?.resolve(true)
  await told()
  clock.advance(900 - EARLY_MS)
  t.equal(asked.length, 1)
  clock.advance(100 + EARLY_MS)
  t.equal(asked.length, 2)
  t.strictSame(ends, [])
  lifetime.stop()
})

t.test('what a check says after the stream has ended counts no more, and its rejection is heard', async (t) => {
  for (const settle of [
    (asked: Asked | undefined) => asked?.resolve(false),
    (asked: Asked | undefined) => asked?.resolve(true),
    (asked: Asked | undefined) => asked?.reject(new Error('too late'))
  ]) {
    const { recheck, asked } = answers()
    const { clock, lifetime, ends, start } = kit({ recheckIntervalMs: 1_000 }, recheck)
    start()
    clock.advance(1_000)
    t.equal(asked.length, 1)
    lifetime.stop()
    settle(asked[0])
    await told()
    t.strictSame(ends, [])
    t.equal(clock.timers, 0)
  }
})

t.test('an idle time begins anew with each event, and with nothing else', async (t) => {
  const { clock, lifetime, ends, start } = kit({ idleTimeoutMs: 1_000 })
  start()
  clock.advance(998)
  lifetime.sent()
  clock.advance(998)
  t.strictSame(ends, [])
  clock.advance(2)
  t.strictSame(ends, [['idle']])
})

t.test('an expiry in the past comes at once, and after the call', async (t) => {
  const { clock, ends, start } = kit({ expiresAt: new Date(0) })
  start()
  t.strictSame(ends, [])
  clock.advance(0)
  t.strictSame(ends, [['expired']])
})

t.test('one that has stopped sets no timer any more', async (t) => {
  const { clock, lifetime, start } = kit({ maxAgeMs: 1_000, idleTimeoutMs: 1_000, recheckIntervalMs: 1_000, expiresAt: new Date(Date.UTC(2027)) }, () => true)
  start()
  lifetime.stop()
  t.equal(clock.timers, 0)
  lifetime.stop()
  start()
  t.equal(clock.timers, 0)
})
