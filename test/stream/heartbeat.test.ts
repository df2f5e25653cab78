/** The heartbeats of many connections on one timer. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { Clock } from '../../lib/clock.ts'
import { HEARTBEAT_SLICES } from '../../lib/defaults.ts'
import { Heartbeats, type Beating } from '../../lib/stream/heartbeat.ts'
import { ManualClock } from '../clock.ts'
import { rethrown } from './rethrown.ts'

const SLICE_MS = 100
const INTERVAL_MS = SLICE_MS * HEARTBEAT_SLICES
/** Who writes at least this often never beats. A bit less than half the interval, because beats are spread over its second half. */
const OFTEN_SLICES = HEARTBEAT_SLICES / 2 - 2

/** A connection that notes when it said something: in answer to a beat, or because it had to. */
class Speaker implements Beating {
  lastWriteSlice = 0
  heartbeatSlice = 0
  rosterPlace = -1
  readonly beats: number[] = []
  lastWriteAt: number
  /** The longest that it was ever quiet, in milliseconds. */
  longestQuietMs = 0
  onBeat = (): void => {}
  readonly #heartbeats: Heartbeats
  readonly #clock: Clock

  constructor (heartbeats: Heartbeats, clock: Clock) {
    this.#heartbeats = heartbeats
    this.#clock = clock
    this.lastWriteAt = clock.elapsed()
  }

  write (): void {
    this.lastWriteSlice = this.#heartbeats.slice
    this.longestQuietMs = Math.max(this.longestQuietMs, this.#clock.elapsed() - this.lastWriteAt)
    this.lastWriteAt = this.#clock.elapsed()
  }

  beat (): void {
    this.beats.push(this.#clock.elapsed())
    this.write()
    this.onBeat()
  }
}

interface Kit {
  readonly clock: ManualClock
  readonly heartbeats: Heartbeats
  /** Adds connections, all in this moment. */
  add (count: number): Array<{ speaker: Speaker, leave: () => void }>
  /** Adds one. */
  addOne (): { speaker: Speaker, leave: () => void }
}

function kit (intervalMs = INTERVAL_MS): Kit {
  const clock = new ManualClock()
  const heartbeats = new Heartbeats(clock, intervalMs, rethrown)
  const addOne = (): { speaker: Speaker, leave: () => void } => {
    const speaker = new Speaker(heartbeats, clock)
    heartbeats.add(speaker)
    return { speaker, leave: () => { heartbeats.drop(speaker) } }
  }
  return { clock, heartbeats, addOne, add: (count) => Array.from({ length: count }, addOne) }
}

/** Puts `chance` in the place of `Math.random` for a test. By hand, because `t.intercept` notes the stack of each use. */
function fixChance (t: Test, chance: () => number): void {
  const { random } = Math
  t.teardown(() => { Math.random = random })
  Math.random = chance
}

/** The ends of what `Math.random` gives, and the middle. */
const CHANCES = [0, 0.5, 1 - 2 ** -53]

for (const chance of CHANCES) {
  t.test(`with chance ${chance}`, async (t) => {
    fixChance(t, () => chance)

    await t.test('a quiet connection beats once per interval', async (t) => {
      const { clock, addOne } = kit()
      const { speaker } = addOne()
      clock.advance(INTERVAL_MS * 20)
      t.equal(speaker.beats.length, 20)
      t.strictSame(new Set(speaker.beats.slice(1).map((at, index) => at - (speaker.beats[index] ?? 0))), new Set([INTERVAL_MS]))
    })

    await t.test('the first beat comes in the second half of the first interval', async (t) => {
      const { clock, addOne } = kit()
      const { speaker } = addOne()
      clock.advance(INTERVAL_MS / 2 - 2 * SLICE_MS)
      t.equal(speaker.beats.length, 0)
      clock.advance(INTERVAL_MS / 2 + 2 * SLICE_MS)
      t.equal(speaker.beats.length, 1)
    })

    await t.test('a connection that writes in each slice never beats', async (t) => {
      const { clock, addOne } = kit()
      const { speaker } = addOne()
      for (let slice = 0; slice < HEARTBEAT_SLICES * 10; slice++) {
        clock.advance(SLICE_MS)
        speaker.write()
      }
      t.strictSame(speaker.beats, [])
    })

    await t.test('a connection that falls quiet beats within an interval and a slice', async (t) => {
      for (let lastWrite = 1; lastWrite <= HEARTBEAT_SLICES + 1; lastWrite++) {
        const { clock, addOne } = kit()
        const { speaker } = addOne()
        clock.advance(lastWrite * SLICE_MS)
        speaker.write()
        clock.advance(INTERVAL_MS * 3)
        if (speaker.longestQuietMs > INTERVAL_MS + SLICE_MS) t.fail(`quiet for ${speaker.longestQuietMs} ms after a write in slice ${lastWrite}`)
      }
      t.pass()
    })
  })
}

t.test('a connection that writes a little more often than twice per interval never beats', async (t) => {
  let chance = 0
  fixChance(t, () => chance)
  for (chance of CHANCES) {
    for (let first = 0; first < OFTEN_SLICES; first++) {
      const { clock, addOne } = kit()
      const { speaker } = addOne()
      clock.advance(first * SLICE_MS)
      for (let turn = 0; turn < 8; turn++) {
        speaker.write()
        clock.advance(OFTEN_SLICES * SLICE_MS)
      }
      if (speaker.beats.length > 0) t.fail(`beat ${speaker.beats.length} times, chance ${chance}, first write in slice ${first}`)
    }
  }
  t.pass()
})

t.test('whenever a connection writes, it is never quiet for longer than an interval and a slice, and beats only when it was quiet', async (t) => {
  let chance = (): number => 0
  fixChance(t, () => chance())
  fc.assert(fc.property(
    fc.array(fc.integer({ min: 1, max: HEARTBEAT_SLICES * 2 * 4 }), { minLength: 1, maxLength: 10 }),
    fc.integer({ min: HEARTBEAT_SLICES, max: 100_000 }), fc.nat(), (quarters, intervalMs, seed) => {
      chance = chances(seed)
      const sliceMs = intervalMs / HEARTBEAT_SLICES
      const { clock, addOne } = kit(intervalMs)
      const { speaker } = addOne()
      let quietBefore = Infinity
      const beat = speaker.beat.bind(speaker)
      speaker.beat = () => {
        quietBefore = Math.min(quietBefore, clock.elapsed() - speaker.lastWriteAt)
        beat()
      }
      for (const quarter of quarters) {
        clock.advance(quarter * sliceMs / 4)
        speaker.write()
      }
      clock.advance(intervalMs * 2)
      speaker.write()
      assert.ok(speaker.longestQuietMs <= intervalMs + sliceMs, `was quiet for ${speaker.longestQuietMs / sliceMs} slices`)
      assert.ok(quietBefore >= OFTEN_SLICES * sliceMs, `beat though it was quiet for ${quietBefore / sliceMs} slices only`)
    }), { numRuns: 300 })
  t.pass()
})

/** Chance that a seed repeats: a linear congruential generator. */
function chances (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** How many beats there are in each slice. */
function beatsBySlice (speakers: readonly Speaker[]): Map<number, number> {
  const counts = new Map<number, number>()
  for (const at of speakers.flatMap(({ beats }) => beats)) counts.set(at, (counts.get(at) ?? 0) + 1)
  return counts
}

t.test('after a broadcast to 1,000 connections their beats are spread over many slices', async (t) => {
  fixChance(t, chances(1))
  const { clock, add } = kit()
  const speakers = add(1000).map(({ speaker }) => speaker)
  for (let turn = 0; turn < 5; turn++) {
    clock.advance(SLICE_MS * 10)
    for (const speaker of speakers) {
      speaker.write()
      speaker.beats.length = 0
    }
    clock.advance(INTERVAL_MS)
    const counts = beatsBySlice(speakers)
    t.equal(speakers.filter(({ beats }) => beats.length === 1).length, 1000, 'each beats once in the interval after')
    t.ok(counts.size >= HEARTBEAT_SLICES / 4, `they beat in ${counts.size} slices`)
    t.ok(Math.max(...counts.values()) <= 200, `at most ${Math.max(...counts.values())} beat in one slice`)
  }
})

t.test('1,000 connections that come in one moment and stay quiet are spread for ever', async (t) => {
  fixChance(t, chances(2))
  const { clock, add } = kit()
  const speakers = add(1000).map(({ speaker }) => speaker)
  clock.advance(INTERVAL_MS * 20)
  for (const speaker of speakers) speaker.beats.length = 0
  clock.advance(INTERVAL_MS)
  const counts = beatsBySlice(speakers)
  t.ok(counts.size >= HEARTBEAT_SLICES / 4, `they beat in ${counts.size} slices`)
  t.ok(Math.max(...counts.values()) <= 200, `at most ${Math.max(...counts.values())} beat in one slice`)
})

t.test('there is one timer for all connections, set once per slice', async (t) => {
  const { clock, add } = kit()
  add(1000)
  t.equal(clock.timers, 1)
  const before = clock.timersSet
  clock.advance(INTERVAL_MS)
  t.equal(clock.timers, 1)
  t.ok(clock.timersSet - before <= HEARTBEAT_SLICES + 1, `${clock.timersSet - before} timers`)
})

t.test('there is no timer before the first connection, nor after the last', async (t) => {
  const { clock, add } = kit()
  t.equal(clock.timersSet, 0)
  const [a, b] = add(2)
  a?.leave()
  t.equal(clock.timers, 1)
  b?.leave()
  t.equal(clock.timers, 0)
})

t.test('a connection that comes after all have left beats as the first did', async (t) => {
  const { clock, addOne } = kit()
  addOne().leave()
  clock.advance(INTERVAL_MS * 3.3)
  const { speaker } = addOne()
  t.equal(clock.timers, 1)
  clock.advance(INTERVAL_MS * 3)
  t.equal(speaker.beats.length, 3)
  t.ok(speaker.longestQuietMs <= INTERVAL_MS + SLICE_MS)
})

t.test('who has left does not beat', async (t) => {
  const { clock, add } = kit()
  const [stays, leaves] = add(2)
  clock.advance(INTERVAL_MS / 3)
  leaves?.leave()
  clock.advance(INTERVAL_MS * 2)
  t.equal(leaves?.speaker.beats.length, 0)
  t.equal(stays?.speaker.beats.length, 2)
})

t.test('leaving twice is leaving once', async (t) => {
  const { clock, add } = kit()
  const [stays, leaves] = add(2)
  leaves?.leave()
  leaves?.leave()
  t.equal(clock.timers, 1)
  clock.advance(INTERVAL_MS)
  t.equal(stays?.speaker.beats.length, 1)
  stays?.leave()
  stays?.leave()
  t.equal(clock.timers, 0)
})

t.test('leaving during the own beat is safe', async (t) => {
  const { clock, add } = kit()
  const connections = add(3)
  for (const { speaker, leave } of connections) speaker.onBeat = leave
  clock.advance(INTERVAL_MS * 3)
  t.strictSame(connections.map(({ speaker }) => speaker.beats.length), [1, 1, 1])
  t.equal(clock.timers, 0)
})

t.test('who is made to leave by the beat of another in the same slice does not beat', async (t) => {
  fixChance(t, () => 0.5)
  const { clock, add } = kit()
  const connections = add(4)
  for (const { speaker } of connections) {
    speaker.onBeat = () => { for (const other of connections) if (other.speaker !== speaker) other.leave() }
  }
  clock.advance(INTERVAL_MS * 3)
  t.strictSame(connections.map(({ speaker }) => speaker.beats.length), [3, 0, 0, 0])
  t.equal(clock.timers, 1)
})

t.test('who comes during a beat beats later', async (t) => {
  // the newcomer, a neighbour, is due as late as the first was: beyond the first interval
  fixChance(t, () => 0.5)
  const { clock, addOne } = kit()
  const { speaker } = addOne()
  const come: Speaker[] = []
  speaker.onBeat = () => { if (come.length === 0) come.push(addOne().speaker) }
  clock.advance(INTERVAL_MS)
  t.equal(speaker.beats.length, 1)
  t.equal(come[0]?.beats.length, 0)
  clock.advance(INTERVAL_MS)
  t.equal(come[0]?.beats.length, 1)
  t.equal(clock.timers, 1)
})

t.test('where the last leaves during its beat, and another comes in it, there is one timer still', async (t) => {
  const { clock, addOne } = kit()
  const { speaker, leave } = addOne()
  const come: Array<{ leave: () => void }> = []
  speaker.onBeat = () => { leave(); come.push(addOne()) }
  clock.advance(INTERVAL_MS)
  t.equal(come.length, 1)
  t.equal(clock.timers, 1)
  come[0]?.leave()
  t.equal(clock.timers, 0, 'and none when that has left')
})

t.test('a connection that says nothing when asked is asked again an interval later', async (t) => {
  const { clock, heartbeats } = kit()
  const asked: number[] = []
  heartbeats.add({ lastWriteSlice: 0, heartbeatSlice: 0, rosterPlace: -1, beat: () => { asked.push(clock.elapsed()) } })
  clock.advance(INTERVAL_MS * 4)
  t.equal(asked.length, 4)
  t.equal((asked[3] ?? 0) - (asked[0] ?? 0), INTERVAL_MS * 3)
})

t.test('after a long pause of the process each connection beats once, not once for each missed turn', async (t) => {
  let elapsed = 1000
  let fire: (() => void) | undefined
  const clock: Clock = {
    now: () => elapsed,
    elapsed: () => elapsed,
    after: (_delayMs, run) => { fire = run; return () => { fire = undefined } }
  }
  const heartbeats = new Heartbeats(clock, INTERVAL_MS, rethrown)
  const connections = Array.from({ length: 100 }, () => {
    const speaker = new Speaker(heartbeats, clock)
    heartbeats.add(speaker)
    return { speaker, leave: () => { heartbeats.drop(speaker) } }
  })
  elapsed += INTERVAL_MS * 1_000_000
  fire?.()
  t.strictSame(new Set(connections.map(({ speaker }) => speaker.beats.length)), new Set([1]))
  for (const { leave } of connections) leave()
  t.equal(fire, undefined)
})

t.test('two intervals keep to themselves', async (t) => {
  const clock = new ManualClock()
  const quick = new Heartbeats(clock, INTERVAL_MS, rethrown)
  const slow = new Heartbeats(clock, INTERVAL_MS * 3, rethrown)
  const quickSpeaker = new Speaker(quick, clock)
  const slowSpeaker = new Speaker(slow, clock)
  quick.add(quickSpeaker)
  slow.add(slowSpeaker)
  clock.advance(INTERVAL_MS * 6)
  t.equal(quickSpeaker.beats.length, 6)
  t.equal(slowSpeaker.beats.length, 2)
  t.equal(clock.timers, 2)
})
